//! The two lists a registry keeps: its repositories and the tags of each. Paged, bounded, and
//! believed only as far as names are names.

use super::address::{is_repository, is_tag};
use super::client::{Ask, Client, Who};
use super::wire::{Catalogue, Tags};
use crate::collect::image::Fault;
use crate::collect::image::wire::json;

/// What asking for the catalogue takes.
pub(super) const CATALOGUE_SCOPE: &str = "registry:catalog:*";

const PAGE_LIMIT: usize = 8 << 20;
const MOST_REPOSITORIES: usize = 100_000;
const MOST_TAGS: usize = 1_000;
const MOST_PAGES: usize = 2_000;

/// A list, and why it is not the whole one, if it is not.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) names: Vec<String>,
    pub(super) cut: Option<Fault>,
}

impl Listing {
    /// Adds a page; false once the list is full.
    fn add(&mut self, page: Vec<String>, is_name: fn(&str) -> bool, most: usize) -> bool {
        for name in page {
            if self.names.len() >= most {
                self.cut = Some(Fault::Bound(format!("there are more than {most}; the rest was not read")));
                return false;
            }
            if is_name(&name) {
                self.names.push(name);
            } else {
                let shown: String = name.chars().take(60).collect();
                self.cut = Some(Fault::Unreadable(format!("{shown:?} is not a name")));
            }
        }
        true
    }
}

/// Every repository of the registry.
pub(super) async fn catalogue(client: &Client) -> Result<Listing, Fault> {
    let first = client.ask(Who::Us, "v2/_catalog?n=100", CATALOGUE_SCOPE, PAGE_LIMIT)?;
    let page = |body: &[u8]| Ok(json::<Catalogue>("the catalogue", body)?.repositories.unwrap_or_default());
    pages(client, first, page, is_repository, MOST_REPOSITORIES).await
}

/// Every tag of a repository, at most a thousand.
pub(super) async fn tags(client: &Client, repository: &str, scope: &str) -> Result<Listing, Fault> {
    let first = client.ask(Who::Us, &format!("v2/{repository}/tags/list?n=1000"), scope, PAGE_LIMIT)?;
    let page = |body: &[u8]| Ok(json::<Tags>("the tag list", body)?.tags.unwrap_or_default());
    pages(client, first, page, is_tag, MOST_TAGS).await
}

/// Reads page after page. The first must come; a later one that fails cuts the list.
async fn pages(
    client: &Client,
    first: Ask,
    read: impl Fn(&[u8]) -> Result<Vec<String>, Fault>,
    is_name: fn(&str) -> bool,
    most: usize,
) -> Result<Listing, Fault> {
    let mut listing = Listing::default();
    let mut ask = first;
    for number in 0..MOST_PAGES {
        let page = match client.call(&ask).await {
            Ok(answer) => read(&answer.body).map(|names| (names, client.next_page(&ask, &answer))),
            Err(fault) => Err(fault),
        };
        let (names, next) = match page {
            Ok(page) => page,
            Err(fault) if number == 0 => return Err(fault),
            Err(fault) => {
                listing.cut = Some(fault);
                break;
            }
        };
        let room = listing.add(names, is_name, most);
        match next {
            Ok(Some(next)) if room => ask = next,
            Ok(_) => break,
            Err(fault) => {
                listing.cut = Some(fault);
                break;
            }
        }
        if number + 1 == MOST_PAGES {
            listing.cut = Some(Fault::Bound(format!("there are more than {MOST_PAGES} pages")));
        }
    }
    listing.names.sort_unstable();
    listing.names.dedup();
    Ok(listing)
}
