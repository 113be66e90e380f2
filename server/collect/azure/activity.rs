//! Which apps were touched since a moment, by the activity log of their subscription.
//!
//! The log holds every write and action of Resource Manager for ninety days, and nobody can change it, but
//! it is minutes late: it is always asked from the beginning of a whole reading on, and a whole reading
//! comes at least once in 24 hours. Code is deployed past Resource Manager, so an app's functions are read each
//! time; its configuration, settings and log-in are not where the log does not speak of it.
//!
//! Where the log may not be read, does not say what an entry is about or is longer than we follow, any app
//! may have been touched.

use std::collections::HashSet;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::AzureCollector;
use crate::collect::ledger::Call;
use crate::collect::touched::{Touched, asked_from};

pub(super) const LOG: Call = Call {
    name: "Microsoft.Insights/eventtypes/values/read",
    permission: "Reader",
    facet: "what changed since",
    lists: false,
};

/// Pages followed, and apps kept.
const MOST_PAGES: usize = 100;
const MOST_TOUCHED: usize = 20_000;
const SITES: &str = "/providers/microsoft.web/sites/";

/// An entry, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    resource_id: Option<String>,
    operation_name: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    value: Option<String>,
}

/// The apps that may have been touched since a whole reading that began at `since`, by resource id in lower
/// case.
pub async fn apps(collector: &AzureCollector, subscription: &str, since: Option<DateTime<Utc>>) -> Touched {
    let Some(since) = since else { return Touched::default() };
    let path = path(subscription, asked_from(since));
    let mut ids = HashSet::new();
    let all = collector.arm.attempt(&path, MOST_PAGES, |entry: Entry| {
        ids.extend(subject(&entry)?);
        (ids.len() <= MOST_TOUCHED).then_some(())
    });
    Touched::of(all.await.map(|()| ids))
}

/// Where the log of a subscription is, from a moment on.
#[expect(clippy::disallowed_methods, reason = "the log ends by its source's clock, not by a verdict's")]
pub fn path(subscription: &str, from: DateTime<Utc>) -> String {
    let written = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (from, to) = (written(from), written(DateTime::from(SystemTime::now())));
    format!(
        "subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values\
         ?api-version=2015-04-01&$filter=eventTimestamp ge '{from}' and eventTimestamp le '{to}' \
         and resourceProvider eq 'Microsoft.Web'\
         &$select=resourceId,operationName,eventTimestamp"
    )
}

/// The app an entry is about, if it is about one; none at all where it does not say.
#[expect(clippy::option_option, reason = "not saying is something else than being about no app")]
fn subject(entry: &Entry) -> Option<Option<String>> {
    let operation = entry.operation_name.as_ref()?.value.as_deref()?.to_lowercase();
    let id = entry.resource_id.as_deref().filter(|id| !id.is_empty())?.to_lowercase();
    let Some((_, rest)) = id.split_once(SITES).filter(|_| !only_reads(&operation)) else { return Some(None) };
    let name = rest.split('/').next().unwrap_or_default();
    let end = id.len() - rest.len() + name.len();
    Some(Some(id[..end].to_owned()))
}

/// Actions that only read, as we do ourselves when we list settings.
fn only_reads(operation: &str) -> bool {
    let Some(rest) = operation.strip_suffix("/action") else { return false };
    let last = rest.rsplit('/').next().unwrap_or_default();
    last == "list" || matches!(last, "listkeys" | "listsecrets" | "publishxml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(operation: &str, id: &str) -> Entry {
        let named = Named { value: Some(operation.into()) };
        Entry { resource_id: Some(id.into()), operation_name: Some(named) }
    }

    #[test]
    fn whatever_is_below_an_app_is_about_the_app() {
        let app = "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Web/sites/Orders";
        for below in ["", "/config/appsettings", "/slots/staging", "/basicPublishingCredentialsPolicies/ftp"]
        {
            let about = subject(&entry("Microsoft.Web/sites/config/write", &format!("{app}{below}")));
            assert_eq!(about, Some(Some(app.to_lowercase())), "{below}");
        }
        let plan = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/serverfarms/plan";
        assert_eq!(subject(&entry("Microsoft.Web/serverfarms/write", plan)), Some(None));
        assert_eq!(subject(&entry("Microsoft.Web/sites/config/list/action", app)), Some(None));
        assert_eq!(
            subject(&entry("Microsoft.Web/sites/slotsswap/Action", app)),
            Some(Some(app.to_lowercase()))
        );
    }

    #[test]
    fn an_entry_that_does_not_say_what_it_is_about_may_be_about_any_app() {
        assert_eq!(subject(&entry("Microsoft.Web/sites/write", "")), None);
        let silent: Entry = serde_json::from_str("{}").expect("reads");
        assert_eq!(subject(&silent), None);
    }

    proptest! {
        #[test]
        fn no_id_breaks_it(id in "\\PC{0,60}", rest in "\\PC{0,20}") {
            let _ = subject(&entry("Microsoft.Web/sites/write", &id));
            let whole = format!("/x/providers/Microsoft.Web/sites/{rest}");
            prop_assert!(subject(&entry("Microsoft.Web/sites/write", &whole)).is_some());
        }
    }
}
