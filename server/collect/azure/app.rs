//! One function app: the calls about it, and the asset they make.

use std::collections::HashMap;

use futures::FutureExt;

use super::AzureCollector;
use super::arm::{Miss, Uses};
use super::normalise::{self, Answers};
use super::roles::Roles;
use super::wire::{
    self, Authentication, Function, PlanProperties, PublishingPolicy, Resource, Settings, Site, SiteConfig,
};
use crate::collect::ledger::Call;
use crate::model::{Asset, Fact, Mark, Plan};

const fn reads(name: &'static str, facet: &'static str) -> Call {
    Call { name, permission: name, facet, lists: false }
}

pub(super) const CONFIG: Call = reads("Microsoft.Web/sites/config/read", "app configuration");
pub(super) const SETTINGS: Call = reads("Microsoft.Web/sites/config/list/action", "app settings");
pub(super) const AUTHENTICATION: Call = Call {
    name: "Microsoft.Web/sites/config/authsettingsV2",
    permission: "Microsoft.Web/sites/config/read",
    facet: "authentication settings",
    lists: false,
};
pub(super) const FUNCTIONS: Call =
    reads("Microsoft.Web/sites/functions/read", "functions and their triggers");
pub(super) const PUBLISHING: Call =
    reads("Microsoft.Web/sites/basicPublishingCredentialsPolicies/read", "publishing credentials");
pub(super) const PLANS: Call = reads("Microsoft.Web/serverfarms/read", "hosting plans");

const LISTED: Call = Call { lists: true, ..reads("Microsoft.Web/sites/read", "function apps") };

/// Hosting plans by resource id in lower case.
pub type Plans = Fact<HashMap<String, Plan>>;

/// What reading an app needs at hand.
pub struct Context<'a> {
    /// The collector.
    pub collector: &'a AzureCollector,
    /// Subscription of the app.
    pub subscription: &'a str,
    /// Role assignments.
    pub roles: &'a Roles,
    /// How many apps use each identity.
    pub uses: &'a Fact<Uses>,
    /// Hosting plans.
    pub plans: &'a Plans,
}

/// Whether a site is a function app; workflow apps share the kind and are something else.
pub fn is_function_app(row: &Resource) -> bool {
    let kind = row.kind.as_deref().unwrap_or("").to_lowercase();
    kind.split(',').any(|part| part == "functionapp") && !kind.contains("workflowapp")
}

/// Hosting plans of a subscription.
pub async fn plans(collector: &AzureCollector, subscription: &str) -> Plans {
    let path =
        format!("subscriptions/{subscription}/providers/Microsoft.Web/serverfarms?api-version=2023-12-01");
    let listed = collector.arm.list::<Resource>(PLANS, subscription, &path).await;
    listed.map(|rows| rows.into_iter().filter_map(plan).collect())
}

fn plan(row: Resource) -> Option<(String, Plan)> {
    let sku = row.sku.unwrap_or_default();
    let properties: PlanProperties = row.properties.and_then(|one| wire::read(&one)).unwrap_or_default();
    let tier = sku.tier.unwrap_or_default();
    let max_workers = if tier.eq_ignore_ascii_case("ElasticPremium") {
        properties.maximum_elastic_worker_count
    } else {
        properties.maximum_number_of_workers
    };
    let plan = Plan { sku: sku.name.unwrap_or_default(), tier, max_workers };
    Some((row.id?.to_lowercase(), plan))
}

/// An answer that holds what it is about; one that does not tells nothing.
fn held<T>(answer: Fact<Option<T>>, call: Call) -> Fact<T> {
    match answer {
        Fact::Known(Some(value)) => Fact::Known(value),
        Fact::Known(None) => Fact::unknown(format!("{} answered without it", call.name)),
        Fact::Unknown(why) => Fact::Unknown(why),
    }
}

/// Functions that could be read, and whether those are all.
pub type Functions = (Vec<Function>, Fact<()>);

/// An app as its lists show it, before it is asked about by itself.
pub struct Seen {
    /// Its row.
    pub row: Resource,
    /// What a later run would know it by, if it was not touched.
    pub mark: Option<Mark>,
    /// Its functions.
    pub functions: Functions,
}

async fn functions(context: &Context<'_>, id: &str) -> Functions {
    let path = format!("{}/functions?api-version=2023-12-01", id.trim_start_matches('/'));
    context.collector.arm.rows(FUNCTIONS, id, &path).await
}

fn site(row: &Resource) -> Site {
    row.properties.as_ref().and_then(|one| wire::read(one)).unwrap_or_default()
}

/// Lists the functions of an app.
pub async fn see(context: &Context<'_>, row: Resource) -> Seen {
    let functions = functions(context, row.id.as_deref().unwrap_or_default()).await;
    let site = site(&row);
    let mark = normalise::mark(context, &row, &site, &normalise::listed(context, &row, &site, &functions));
    Seen { row, mark, functions }
}

/// Reads an app, of which its functions may have been `seen`. It is not asked about, where `before` is what was
/// found of it and still fits. None where its id makes no sense.
pub async fn read(
    context: &Context<'_>,
    row: Resource,
    seen: Option<Functions>,
    before: Option<Asset>,
) -> Option<(Asset, Option<Mark>)> {
    let (arm, subscription) = (&context.collector.arm, context.subscription);
    let id = row.id.clone().unwrap_or_default();
    let Some((group, name)) = normalise::group_and_name(&id) else {
        arm.missed::<()>(LISTED, subscription, &Miss::Unreadable("unreadable-row"));
        return None;
    };
    let site = site(&row);
    let standing = before.and_then(|asset| normalise::standing(context, &row, &site, asset));
    let (asset, mark) = match (standing, seen) {
        (Some(standing), Some(functions)) => {
            let listed = normalise::listed(context, &row, &site, &functions);
            let mark = normalise::mark(context, &row, &site, &listed);
            (normalise::again(context, &row, &site, standing, &functions), mark)
        }
        (_, seen) => {
            let (functions, answers) = Box::pin(ask(context, &id, (&group, &name), seen)).await;
            let listed = normalise::listed(context, &row, &site, &functions);
            let mark = normalise::mark(context, &row, &site, &listed);
            (normalise::app(context, &row, &site, listed, answers), mark)
        }
    };
    let mark = mark.filter(|_| normalise::is_whole(&asset));
    Some((asset, mark))
}

/// Asks all there is to ask about an app, known by its group and name; its functions too, unless they were seen.
async fn ask(
    context: &Context<'_>,
    id: &str,
    (group, name): (&str, &str),
    seen: Option<Functions>,
) -> (Functions, Answers) {
    let (arm, subscription) = (&context.collector.arm, context.subscription);
    let apps = context.collector.web.web_apps_client();
    // Five futures side by side are large; boxed, a stream of apps stays small.
    let policies =
        format!("{}/basicPublishingCredentialsPolicies?api-version=2023-12-01", id.trim_start_matches('/'));
    let (config, settings, authentication, listed, publishing) = tokio::join!(
        arm.one::<WithProperties<SiteConfig>, _, _>(
            CONFIG,
            id,
            apps.get_configuration(group, name, subscription).send()
        )
        .boxed(),
        arm.one::<Settings, _, _>(
            SETTINGS,
            id,
            apps.list_application_settings(group, name, subscription).send()
        )
        .boxed(),
        arm.one::<Authentication, _, _>(
            AUTHENTICATION,
            id,
            apps.get_auth_settings_v2_without_secrets(group, name, subscription).send()
        )
        .boxed(),
        async {
            match seen {
                Some(functions) => functions,
                None => functions(context, id).await,
            }
        }
        .boxed(),
        arm.list::<PublishingPolicy>(PUBLISHING, id, &policies).boxed(),
    );
    let answers = Answers {
        config: config.map(|answer| answer.and_then(|one| one.properties)),
        settings: held(settings.map(|answer| answer.and_then(|one| one.properties)), SETTINGS)
            .map(|all| all.iter().map(|(name, value)| (name.clone(), super::wire::text(value))).collect()),
        authentication: held(
            authentication.map(|answer| answer.and_then(|one| one.properties)),
            AUTHENTICATION,
        ),
        publishing,
    };
    (listed, answers)
}

#[derive(Debug, serde::Deserialize)]
struct WithProperties<T> {
    properties: Option<T>,
}
