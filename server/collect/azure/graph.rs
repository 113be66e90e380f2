//! Enumerating with Resource Graph; where it is refused, with the provider's own list.

use azure_mgmt_resourcegraph::package_preview_2021_03::models::{QueryRequest, QueryRequestOptions};

use super::AzureCollector;
use super::arm::{Miss, Uses};
use super::wire::{self, GraphPage, Resource};
use crate::collect::ledger::Call;
use crate::model::Fact;

/// A kind of resource, in both ways to list it.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    query: &'static str,
    path: &'static str,
    /// The call to Resource Graph.
    pub graph: Call,
    /// The provider's own list.
    pub list: Call,
}

/// Sites, function apps among them.
pub const APPS: Listed = Listed {
    query: "resources | where type =~ 'microsoft.web/sites' | order by id asc",
    path: "providers/Microsoft.Web/sites?api-version=2023-12-01",
    graph: Call {
        name: "Microsoft.ResourceGraph/resources/read",
        permission: "Reader",
        facet: "what there is",
        lists: false,
    },
    list: Call {
        name: "Microsoft.Web/sites/read",
        permission: "Microsoft.Web/sites/read",
        facet: "function apps",
        lists: true,
    },
};

/// The same, of which only the identities are asked for.
const IDENTITIES: Listed = Listed {
    query: "resources | where type =~ 'microsoft.web/sites' | order by id asc | project id, kind, identity",
    ..APPS
};

/// Container registries.
pub const REGISTRIES: Listed = Listed {
    query: "resources | where type =~ 'microsoft.containerregistry/registries' | order by id asc",
    path: "providers/Microsoft.ContainerRegistry/registries?api-version=2023-07-01",
    graph: Call {
        name: "Microsoft.ResourceGraph/resources/read",
        permission: "Reader",
        facet: "what there is",
        lists: false,
    },
    list: Call {
        name: "Microsoft.ContainerRegistry/registries/read",
        permission: "Microsoft.ContainerRegistry/registries/read",
        facet: "registries",
        lists: true,
    },
};

/// The service's largest page.
const PAGE: i32 = 1_000;
/// Pages of one enumeration.
const MOST_PAGES: usize = 1_000;

/// Rows of an enumeration, a page at a time.
pub struct Rows<'a> {
    collector: &'a AzureCollector,
    subscription: &'a str,
    listed: Listed,
    token: Option<String>,
    pages: usize,
    total: Option<u64>,
    ended: bool,
    whole: Fact<()>,
}

impl<'a> Rows<'a> {
    /// Before the first page.
    pub fn new(collector: &'a AzureCollector, subscription: &'a str, listed: Listed) -> Self {
        let whole = Fact::Known(());
        Self { collector, subscription, listed, token: None, pages: 0, total: None, ended: false, whole }
    }

    /// How many rows there are, if the service said.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether the rows handed out so far are all, but for pages still to come.
    pub fn whole(self) -> Fact<()> {
        self.whole
    }

    /// The next page; none at the end.
    pub async fn next(&mut self) -> Option<Vec<Resource>> {
        if self.ended {
            return None;
        }
        match self.page().await {
            Some(page) => Some(self.take(page)),
            None if self.pages == 0 => Some(self.fall_back().await),
            None => {
                self.ended = true;
                None
            }
        }
    }

    /// Asks for a page. None where there is none to read, with the reason noted.
    async fn page(&mut self) -> Option<GraphPage> {
        let arm = &self.collector.arm;
        let request = QueryRequest {
            subscriptions: vec![self.subscription.to_owned()],
            options: Some(QueryRequestOptions {
                skip_token: self.token.clone(),
                top: Some(PAGE),
                ..QueryRequestOptions::default()
            }),
            ..QueryRequest::new(self.listed.query.to_owned())
        };
        let send = self.collector.graph.resources(request).send();
        let call = self.call();
        let answer = match arm.one::<GraphPage, _, _>(call, self.subscription, send).await {
            Fact::Known(Some(page)) if page.data.is_some() => return Some(page),
            Fact::Known(Some(_)) => arm.missed(call, self.subscription, &Miss::Unreadable("unreadable-body")),
            Fact::Known(None) => arm.missed(call, self.subscription, &Miss::not_found()),
            Fact::Unknown(why) => Fact::Unknown(why),
        };
        self.whole = answer;
        None
    }

    /// A later page that fails hides assets; the first one has the provider's list to fall back on.
    fn call(&self) -> Call {
        if self.pages == 0 { self.listed.graph } else { Call { lists: true, ..self.listed.graph } }
    }

    /// The rows of a page, and where the next one is.
    fn take(&mut self, page: GraphPage) -> Vec<Resource> {
        self.pages += 1;
        self.total = page.total_records.and_then(|total| u64::try_from(total).ok());
        let next = page.skip_token.filter(|token| !token.is_empty());
        let truncated = page.result_truncated.is_some_and(|said| said.eq_ignore_ascii_case("true"));
        if next.is_none() && truncated {
            self.lose("truncated");
        }
        if next.is_some() && (next == self.token || self.pages == MOST_PAGES) {
            self.lose("endless");
            self.ended = true;
        }
        self.ended |= next.is_none();
        self.token = next;
        let data = page.data.unwrap_or_default();
        let sent = data.len();
        let rows: Vec<Resource> = data.iter().filter_map(|row| wire::read(row)).collect();
        if rows.len() < sent {
            self.lose("unreadable-row");
        }
        rows
    }

    /// Notes that there is more than we could see.
    fn lose(&mut self, code: &'static str) {
        let call = Call { lists: true, ..self.listed.graph };
        self.whole = self.collector.arm.missed(call, self.subscription, &Miss::Unreadable(code));
    }

    async fn fall_back(&mut self) -> Vec<Resource> {
        self.ended = true;
        let path = format!("subscriptions/{}/{}", self.subscription, self.listed.path);
        let (rows, whole) = self.collector.arm.rows(self.listed.list, self.subscription, &path).await;
        self.whole = whole;
        rows
    }
}

/// The first page of an enumeration, as a test asks for it: without falling back on another list.
pub async fn first(collector: &AzureCollector, subscription: &str, listed: Listed) -> Fact<Vec<Resource>> {
    let mut rows = Rows::new(collector, subscription, listed);
    match rows.page().await {
        Some(page) => Fact::Known(rows.take(page)),
        None => rows.whole.map(|()| Vec::new()),
    }
}

/// How many apps use each user-assigned identity; known only if every app was seen.
pub async fn uses(collector: &AzureCollector, subscription: &str) -> Fact<Uses> {
    let mut uses = Uses::new();
    let mut pages = Rows::new(collector, subscription, IDENTITIES);
    while let Some(rows) = pages.next().await {
        for row in rows.iter().filter(|row| super::app::is_function_app(row)) {
            let identities = row.identity.iter().filter_map(|one| one.user_assigned_identities.as_ref());
            for id in identities.flat_map(std::collections::BTreeMap::keys) {
                *uses.entry(id.to_lowercase()).or_default() += 1;
            }
        }
    }
    pages.whole().map(|()| uses)
}
