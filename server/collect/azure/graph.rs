//! Enumerating with Resource Graph; where it is refused, with the provider's own list.

use azure_mgmt_resourcegraph::package_preview_2021_03::models::{QueryRequest, QueryRequestOptions};

use super::AzureCollector;
use super::arm::Uses;
use super::wire::{GraphPage, Resource};
use crate::collect::ledger::Call;
use crate::model::Fact;

/// A kind of resource, in both ways to list it.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    query: &'static str,
    path: &'static str,
    graph: Call,
    list: Call,
}

/// Sites, function apps among them.
pub const APPS: Listed = Listed {
    query: "resources | where type =~ 'microsoft.web/sites' | order by id asc",
    path: "providers/Microsoft.Web/sites?api-version=2023-12-01",
    graph: Call {
        name: "Microsoft.ResourceGraph/resources/read",
        permission: "Reader",
        facet: "function apps",
        lists: false,
    },
    list: Call {
        name: "Microsoft.Web/sites/read",
        permission: "Microsoft.Web/sites/read",
        facet: "function apps",
        lists: true,
    },
};

/// Container registries.
pub const REGISTRIES: Listed = Listed {
    query: "resources | where type =~ 'microsoft.containerregistry/registries' | order by id asc",
    path: "providers/Microsoft.ContainerRegistry/registries?api-version=2023-07-01",
    graph: Call {
        name: "Microsoft.ResourceGraph/resources/read",
        permission: "Reader",
        facet: "registries",
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
}

impl<'a> Rows<'a> {
    /// Before the first page.
    pub fn new(collector: &'a AzureCollector, subscription: &'a str, listed: Listed) -> Self {
        Self { collector, subscription, listed, token: None, pages: 0, total: None, ended: false }
    }

    /// How many rows there are, if the service said.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The next page; none at the end.
    pub async fn next(&mut self) -> Option<Vec<Resource>> {
        if self.ended || self.pages == MOST_PAGES {
            return None;
        }
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
        // A later page that fails hides assets; the first one has the provider's list to fall back on.
        let call =
            if self.pages == 0 { self.listed.graph } else { Call { lists: true, ..self.listed.graph } };
        match arm.one::<GraphPage, _, _>(call, self.subscription, send).await {
            Fact::Known(Some(page)) => {
                self.pages += 1;
                self.token = page.skip_token.filter(|token| !token.is_empty());
                self.ended = self.token.is_none();
                Some(rows(page.data.unwrap_or_default()))
            }
            _ if self.pages == 0 => {
                self.ended = true;
                let path = format!("subscriptions/{}/{}", self.subscription, self.listed.path);
                arm.list(self.listed.list, self.subscription, &path).await.known().cloned()
            }
            _ => {
                self.ended = true;
                None
            }
        }
    }
}

fn rows(data: Vec<serde_json::Value>) -> Vec<Resource> {
    data.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect()
}

/// How many apps use each user-assigned identity.
pub async fn uses(collector: &AzureCollector, subscription: &str) -> Uses {
    let mut uses = Uses::new();
    let mut pages = Rows::new(collector, subscription, APPS);
    while let Some(rows) = pages.next().await {
        for row in rows.iter().filter(|row| super::app::is_function_app(row)) {
            let identities = row.identity.iter().filter_map(|one| one.user_assigned_identities.as_ref());
            for id in identities.flat_map(std::collections::BTreeMap::keys) {
                *uses.entry(id.to_lowercase()).or_default() += 1;
            }
        }
    }
    uses
}
