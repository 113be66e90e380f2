//! The test of Azure subscriptions: each call the collector makes, tried once where there is
//! something to try it on.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::arm::Miss;
use super::wire::Resource;
use super::{AzureCollector, SUBSCRIPTION, activity, app, graph, normalise, registry, roles};
use crate::collect::ledger::Call;
use crate::collect::{Access, CollectError};
use crate::model::{AzureSpec, Fact, Tested, Try, Unknown};

/// Subscriptions tried at most.
const MOST: usize = 10;

/// Tries every call.
pub async fn test(spec: &AzureSpec, access: Access, tested: &mut Tested) -> Result<(), CollectError> {
    let collector = AzureCollector::build(spec, access)?;
    collector.has_token().await?;
    tested.tries.push(Try::works("token", collector.arm.endpoint.as_str(), "given"));
    for (place, subscription) in spec.subscriptions.iter().enumerate() {
        if place == MOST {
            let rest = format!("{} more subscriptions", spec.subscriptions.len() - MOST);
            tested.tries.push(Try::untried(SUBSCRIPTION.name, rest));
            break;
        }
        let seen = collector.arm.probe(&format!("subscriptions/{subscription}?api-version=2022-12-01")).await;
        match seen {
            Err(Miss::Refused { status: 401, code }) => {
                return Err(CollectError::Credentials { what: "Azure".into(), code });
            }
            Err(Miss::Refused { status: 404, .. }) => {
                let said = "there is none of this id, or these credentials do not see it";
                tested.tries.push(Try::denied(SUBSCRIPTION.name, subscription, said, "Reader"));
                continue;
            }
            other => tested.tries.push(answered(SUBSCRIPTION, subscription, &other)),
        }
        tested.tries.extend(subscription_wide(&collector, subscription, tested.at).await);
    }
    tested.account = spec.subscriptions.join(", ");
    Ok(())
}

async fn subscription_wide(collector: &AzureCollector, subscription: &str, now: DateTime<Utc>) -> Vec<Try> {
    let base = format!("subscriptions/{subscription}/providers");
    let (apps, registries, assignments, definitions, plans, log) = tokio::join!(
        graph::first(collector, subscription, graph::APPS),
        graph::first(collector, subscription, graph::REGISTRIES),
        got(
            collector,
            subscription,
            roles::ASSIGNMENTS,
            format!("{base}/Microsoft.Authorization/roleAssignments?api-version=2022-04-01")
        ),
        got(
            collector,
            subscription,
            roles::DEFINITIONS,
            format!("{base}/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01")
        ),
        got(
            collector,
            subscription,
            app::PLANS,
            format!("{base}/Microsoft.Web/serverfarms?api-version=2023-12-01")
        ),
        got(collector, subscription, activity::LOG, activity::path(subscription, now)),
    );
    let mut tries = vec![read(graph::APPS.graph, subscription, &apps), assignments, definitions, plans, log];
    let rows = apps.known().cloned().unwrap_or_default();
    tries.extend(one_app(collector, subscription, rows.iter().find(|row| app::is_function_app(row))).await);
    tries.push(read(graph::REGISTRIES.list, subscription, &registries));
    tries.push(match registries.known().and_then(|rows| rows.first()).and_then(|row| row.id.as_deref()) {
        None => Try::untried(registry::REPLICAS.name, "there is no registry"),
        Some(id) => {
            let path = format!("{}/replications?api-version=2023-07-01", id.trim_start_matches('/'));
            answered(registry::REPLICAS, last(id), &collector.arm.probe(&path).await)
        }
    });
    tries
}

/// Everything that is asked about an app, on one of them.
async fn one_app(collector: &AzureCollector, subscription: &str, row: Option<&Resource>) -> Vec<Try> {
    let calls = [app::CONFIG, app::SETTINGS, app::AUTHENTICATION, app::FUNCTIONS, app::PUBLISHING];
    let id = row.and_then(|row| row.id.as_deref()).unwrap_or_default();
    let Some((group, name)) = normalise::group_and_name(id) else {
        return calls.iter().map(|call| Try::untried(call.name, "there is no function app")).collect();
    };
    let (arm, apps) = (&collector.arm, collector.web.web_apps_client());
    let path = |rest: &str| format!("{}/{rest}?api-version=2023-12-01", id.trim_start_matches('/'));
    let (config, authentication, functions, publishing) = (
        path("config/web"),
        path("config/authsettingsV2"),
        path("functions"),
        path("basicPublishingCredentialsPolicies"),
    );
    let (config, settings, authentication, functions, publishing) = tokio::join!(
        arm.probe(&config),
        arm.one::<Value, _, _>(
            app::SETTINGS,
            id,
            apps.list_application_settings(&group, &name, subscription).send()
        ),
        arm.probe(&authentication),
        arm.probe(&functions),
        arm.probe(&publishing),
    );
    vec![
        answered(app::CONFIG, &name, &config),
        read(app::SETTINGS, &name, &settings),
        answered(app::AUTHENTICATION, &name, &authentication),
        answered(app::FUNCTIONS, &name, &functions),
        answered(app::PUBLISHING, &name, &publishing),
    ]
}

async fn got(collector: &AzureCollector, on: &str, call: Call, path: String) -> Try {
    answered(call, on, &collector.arm.probe(&path).await)
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn answered(call: Call, on: &str, answer: &Result<Value, Miss>) -> Try {
    match answer {
        Ok(_) => Try::works(call.name, on, "answered"),
        Err(Miss::Refused { status: 403, code }) => Try::denied(call.name, on, code, call.permission),
        Err(miss) => Try::failed(call.name, on, miss.code()),
    }
}

fn read<T>(call: Call, on: &str, answer: &Fact<T>) -> Try {
    match answer {
        Fact::Known(_) => Try::works(call.name, on, "answered"),
        Fact::Unknown(Unknown { reason, permission: Some(permission) }) => {
            Try::denied(call.name, on, reason, permission)
        }
        Fact::Unknown(Unknown { reason, .. }) => Try::failed(call.name, on, reason),
    }
}
