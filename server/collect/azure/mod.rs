//! Azure subscriptions: function apps with their settings, functions and identities, and container
//! registries.
//!
//! Apps are enumerated with Resource Graph, a thousand a call, twice: once to count who shares an
//! identity, once to read them, so that memory does not grow with the subscription.

mod activity;
mod app;
mod arm;
mod credential;
mod discover;
mod escalation;
mod graph;
mod normalise;
mod probe;
mod registration;
mod registry;
mod roles;
mod transport;
pub mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use azure_core_legacy::{ExponentialRetryOptions, RetryOptions, TransportOptions};
use futures::{StreamExt, stream};
use url::Url;

use self::arm::{Arm, Miss};
use self::credential::Credential;
use self::transport::Guarded;
use self::wire::Resource;
use super::{Access, CollectError, Collector, RunBuilder, Stopped};
use crate::analysis::secrets::FingerprintKey;
use crate::collect::ledger::Call;
use crate::collect::touched::Touched;
use crate::model::{Asset, AzureSpec};

pub use discover::{Found, Named, discover};
pub use probe::test;

const PUBLIC: &str = "https://management.azure.com/";
/// The scope is named by us: from another endpoint the crates would ask for a token for that.
const SCOPE: &str = "https://management.azure.com/.default";
/// Longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
/// Apps read at once.
const AT_ONCE: usize = 8;

const SUBSCRIPTION: Call = Call {
    name: "Microsoft.Resources/subscriptions/read",
    permission: "Reader",
    facet: "subscription",
    lists: true,
};

/// Reads Azure subscriptions.
pub struct AzureCollector {
    arm: Arc<Arm>,
    web: azure_mgmt_web::package_2024_04::Client,
    graph: azure_mgmt_resourcegraph::package_preview_2021_03::Client,
    subscriptions: Vec<String>,
    key: FingerprintKey,
}

impl std::fmt::Debug for AzureCollector {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "AzureCollector({})", self.arm.endpoint)
    }
}

impl AzureCollector {
    /// Proves the credentials on the first subscription.
    pub async fn new(spec: &AzureSpec, access: impl Into<Access>) -> Result<Self, CollectError> {
        let this = Self::build(spec, access.into())?;
        this.prove().await?;
        Ok(this)
    }

    /// Ready to ask, without having asked.
    fn build(spec: &AzureSpec, access: Access) -> Result<Self, CollectError> {
        let endpoint = endpoint(spec)?;
        for subscription in &spec.subscriptions {
            if uuid::Uuid::parse_str(subscription).is_err() {
                let problem = "a subscription id looks like 00000000-0000-0000-0000-000000000000".into();
                return Err(CollectError::Invalid {
                    what: format!("subscription {subscription:?}"),
                    problem,
                });
            }
        }
        let invalid = |problem: String| CollectError::Invalid { what: endpoint.to_string(), problem };
        access.guard.check(&endpoint).map_err(|no| invalid(no.to_string()))?;
        let http = access.guard.client(ANSWER_WITHIN).map_err(|fault| invalid(fault.to_string()))?;
        let credential = Credential::of(spec, access.secret, &access.guard, http.clone())?;
        let legacy = Arc::new(credential.clone());
        let transport = TransportOptions::new(Arc::new(Guarded(http.clone())));
        let web = azure_mgmt_web::package_2024_04::Client::builder(legacy.clone())
            .endpoint(endpoint.clone())
            .transport(transport.clone())
            .scopes(&[SCOPE]);
        let graph = azure_mgmt_resourcegraph::package_preview_2021_03::Client::builder(legacy)
            .endpoint(endpoint.clone())
            .transport(transport)
            .scopes(&[SCOPE]);
        Ok(Self {
            arm: Arc::new(Arm::new(endpoint.clone(), SCOPE.into(), credential, http)),
            web: web.retry(retries()).build().map_err(|fault| invalid(fault.to_string()))?,
            graph: graph.retry(retries()).build().map_err(|fault| invalid(fault.to_string()))?,
            subscriptions: spec.subscriptions.clone(),
            key: access.key,
        })
    }

    /// Whether a token is to be had at all.
    async fn has_token(&self) -> Result<(), CollectError> {
        let refused = |code| CollectError::Credentials { what: "Azure".into(), code };
        self.arm.token().await.map(|_| ()).map_err(refused)
    }

    async fn prove(&self) -> Result<(), CollectError> {
        let Some(first) = self.subscriptions.first() else {
            let problem = "name at least one".into();
            return Err(CollectError::Invalid { what: "subscriptions".into(), problem });
        };
        let what = self.arm.endpoint.to_string();
        match self.arm.probe(&format!("subscriptions/{first}?api-version=2022-12-01")).await {
            Err(Miss::Refused { status: 401, code }) => Err(CollectError::Credentials { what, code }),
            Err(Miss::NoToken(cause)) => Err(CollectError::Credentials { what: "Azure".into(), code: cause }),
            Err(Miss::Refused { status: 404, .. }) if self.subscriptions.len() == 1 => {
                Err(CollectError::Invalid {
                    what: format!("subscription {first}"),
                    problem: "it does not exist, or these credentials do not see it".into(),
                })
            }
            Err(Miss::Unreachable(cause)) => Err(CollectError::Unreachable { what, cause }),
            // Whoever may not read the subscription may still read what is in it.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn endpoint(spec: &AzureSpec) -> Result<Url, CollectError> {
    let text = spec.endpoint.as_deref().unwrap_or(PUBLIC);
    let invalid =
        |problem: &str| CollectError::Invalid { what: format!("endpoint {text:?}"), problem: problem.into() };
    let url = Url::parse(text).map_err(|_| invalid("is not an address"))?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return Err(invalid("names no host")),
    };
    if url.scheme() != "https" && !loopback {
        return Err(invalid("a token goes out only over https"));
    }
    if spec.sample && !loopback {
        return Err(invalid("the sample token is only for a sample cloud on this machine"));
    }
    Ok(url)
}

fn retries() -> RetryOptions {
    let options = ExponentialRetryOptions {
        max_retries: 6,
        max_total_elapsed: Duration::from_secs(90),
        ..ExponentialRetryOptions::default()
    };
    RetryOptions::exponential(options)
}

impl Collector for AzureCollector {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        for subscription in &self.subscriptions {
            if self.is_there(subscription).await {
                self.read(subscription, run).await?;
            }
        }
        for gap in self.arm.ledger.gaps() {
            run.gap(gap).await?;
        }
        Ok(())
    }

    fn edition(&self) -> Option<String> {
        Some(super::edition(&self.key))
    }
}

impl AzureCollector {
    /// Whether there is a subscription to read. Resource Graph answers for one that is unknown, or in
    /// another directory, as for an empty one, so this must be asked apart.
    async fn is_there(&self, subscription: &str) -> bool {
        match self.arm.probe(&format!("subscriptions/{subscription}?api-version=2022-12-01")).await {
            Err(miss @ Miss::Refused { status: 401 | 404, .. }) => {
                self.arm.missed::<()>(SUBSCRIPTION, subscription, &miss);
                false
            }
            Ok(_) | Err(_) => true,
        }
    }

    async fn read(&self, subscription: &str, run: &RunBuilder) -> Result<(), Stopped> {
        let roles = roles::Roles::read(&self.arm, subscription).await;
        let uses = graph::uses(self, subscription).await;
        let plans = app::plans(self, subscription).await;
        let touched = activity::apps(self, subscription, run.since()).await;
        let mut pages = graph::Rows::new(self, subscription, graph::APPS);
        let mut done = 0;
        while let Some(rows) = pages.next().await {
            let context =
                app::Context { collector: self, subscription, roles: &roles, uses: &uses, plans: &plans };
            let mut apps: Vec<_> = rows.into_iter().filter(app::is_function_app).collect();
            done += apps.len() as u64;
            while !apps.is_empty() {
                let rest = apps.split_off(apps.len().min(RunBuilder::MOST_RECALLED));
                self.read_apps(&context, run, &touched, std::mem::replace(&mut apps, rest)).await?;
            }
            run.progress(&format!("function apps in {subscription}"), done, pages.total()).await?;
        }
        self.registries(subscription, run).await
    }

    async fn read_apps(
        &self,
        context: &app::Context<'_>,
        run: &RunBuilder,
        touched: &Touched,
        apps: Vec<Resource>,
    ) -> Result<(), Stopped> {
        let is_quiet = |row: &Resource| {
            row.id.as_deref().is_some_and(|id| {
                normalise::group_and_name(id).is_some() && !touched.may_hold(&id.to_lowercase())
            })
        };
        let (quiet, loud): (Vec<_>, Vec<_>) = apps.into_iter().partition(is_quiet);
        let seeing = stream::iter(quiet).map(|row| app::see(context, row)).buffer_unordered(AT_ONCE);
        let mut seen: Vec<app::Seen> = seeing.collect().await;
        let key = |one: &app::Seen| normalise::key(context.subscription, &one.row);
        let marked = seen.iter().filter_map(|one| Some((key(one), one.mark?)));
        let same = run.unchanged(marked).await?;
        seen.retain(|one| !same.contains(&key(one)));
        // The same id may be spelt otherwise than it was kept.
        let known = run.standing(seen.iter().map(key).collect()).await?.into_iter();
        let mut known: HashMap<String, Asset> =
            known.map(|(key, asset)| (key.native_id.to_lowercase(), asset)).collect();
        let seen = seen.into_iter().map(|app::Seen { row, functions, .. }| {
            let before = known.remove(&row.id.as_deref().unwrap_or_default().to_lowercase());
            (row, Some(functions), before)
        });
        let all = seen.chain(loud.into_iter().map(|row| (row, None, None)));
        let mut reading = stream::iter(all)
            .map(|(row, functions, before)| app::read(context, row, functions, before))
            .buffer_unordered(AT_ONCE);
        while let Some(read) = reading.next().await {
            if let Some((asset, mark)) = read {
                run.marked(asset, mark).await?;
            }
        }
        Ok(())
    }

    async fn registries(&self, subscription: &str, run: &RunBuilder) -> Result<(), Stopped> {
        let mut pages = graph::Rows::new(self, subscription, graph::REGISTRIES);
        while let Some(rows) = pages.next().await {
            let mut reading = stream::iter(rows)
                .map(|row| registry::read(self, subscription, row))
                .buffer_unordered(AT_ONCE);
            while let Some(asset) = reading.next().await {
                if let Some(asset) = asset {
                    run.asset(asset).await?;
                }
            }
        }
        Ok(())
    }
}
