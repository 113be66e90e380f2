//! Azure's words as facts. Source types end here; values of app settings are dropped here.

mod callers;
mod code;
mod identity;
mod network;

use std::collections::BTreeMap;

use self::callers::{demands_login, either, of_functions, open_paths};
use self::code::{package, runtime};
use self::identity::of_identity;
use self::network::network;
use super::app::Context;
use super::wire::{AuthenticationSettings, Function, PublishingPolicy, Resource, Site, SiteConfig, text};
use crate::analysis::secrets;
use crate::model::{
    Asset, AssetKey, Cors, Fact, Facts, FunctionFacts, Logging, Mark, Plan, Platform, Provider, Scale, Tag,
    Variable, Vpc,
};

/// What the calls about one app gave.
pub struct Answers {
    /// `config/web`.
    pub config: Fact<Option<SiteConfig>>,
    /// App settings, with values; dropped here.
    pub settings: Fact<BTreeMap<String, String>>,
    /// `config/authsettingsV2`.
    pub authentication: Fact<AuthenticationSettings>,
    /// Whether FTP and SCM take a user name and password.
    pub publishing: Fact<Vec<PublishingPolicy>>,
}

/// What is known of an app but for what it is asked by itself: what its row, its functions, its plan and its
/// roles say.
pub fn listed(
    context: &Context<'_>,
    row: &Resource,
    site: &Site,
    functions: &(Vec<Function>, Fact<()>),
) -> FunctionFacts {
    let mut facts = FunctionFacts::default();
    of_listed(context, row, site, functions, &mut facts);
    facts
}

fn of_listed(
    context: &Context<'_>,
    row: &Resource,
    site: &Site,
    functions: &(Vec<Function>, Fact<()>),
    facts: &mut FunctionFacts,
) {
    of_site(row, site, facts);
    of_functions(functions, facts);
    of_identity(context, row, facts);
    facts.plan = plan(context, site);
}

/// What is `listed`, as a mark.
pub fn mark(context: &Context<'_>, row: &Resource, site: &Site, listed: &FunctionFacts) -> Option<Mark> {
    // An app that is an image stays one until it is touched.
    let platform = platform(row, site, &plan(context, site), &Fact::Known(None));
    Mark::of(row.name.as_deref().unwrap_or_default(), platform, listed)
}

/// An app of which `listed` is known, as an asset.
pub fn app(
    context: &Context<'_>,
    row: &Resource,
    site: &Site,
    listed: FunctionFacts,
    answers: Answers,
) -> Asset {
    let platform = platform(row, site, &plan(context, site), &answers.config);
    let mut facts = listed;
    of_config(site, &answers.config, &mut facts);
    of_settings(context, site, platform, &answers, &mut facts);
    facts.open_paths = answers.authentication.clone().map(|settings| open_paths(&settings));
    facts.platform_authentication = answers.authentication.map(|settings| demands_login(&settings));
    facts.basic_publishing = either(answers.publishing);
    Asset {
        key: key(context.subscription, row),
        name: row.name.clone().unwrap_or_default(),
        platform,
        facts: Facts::Function(Box::new(facts)),
    }
}

/// Whether all was read that an app is asked by itself: else a refusal may have been lifted since.
pub fn is_whole(app: &Asset) -> bool {
    let Facts::Function(facts) = &app.facts else { return false };
    facts.scale.known().is_some()
        && facts.environment.known().is_some()
        && facts.platform_authentication.known().is_some()
        && facts.basic_publishing.known().is_some()
}

/// What was found of an app that nobody has touched since; none where that was not all, or it runs on another
/// plan now.
pub fn standing(context: &Context<'_>, row: &Resource, site: &Site, before: Asset) -> Option<Asset> {
    // An app that is an image stays one until it is touched.
    let same = before.platform == Platform::FunctionsContainer
        || before.platform == platform(row, site, &plan(context, site), &Fact::Known(None));
    (is_whole(&before) && same).then_some(before)
}

/// Such an app as an asset: with what its row, its functions, its plan and its roles say now.
pub fn again(
    context: &Context<'_>,
    row: &Resource,
    site: &Site,
    standing: Asset,
    functions: &(Vec<Function>, Fact<()>),
) -> Asset {
    let mut facts = match standing.facts {
        Facts::Function(facts) => facts,
        _ => Box::default(),
    };
    of_listed(context, row, site, functions, &mut facts);
    Asset {
        key: key(context.subscription, row),
        name: row.name.clone().unwrap_or_default(),
        platform: standing.platform,
        facts: Facts::Function(facts),
    }
}

/// The key of a resource.
pub fn key(subscription: &str, row: &Resource) -> AssetKey {
    AssetKey {
        provider: Provider::Azure,
        account: subscription.to_lowercase(),
        region: region(row.location.as_deref().unwrap_or("")),
        native_id: row.id.clone().unwrap_or_default(),
    }
}

/// `West Europe` and `westeurope` are one region.
pub fn region(location: &str) -> String {
    location.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase()
}

/// Resource group and name of `/subscriptions/…/resourceGroups/…/providers/…/…/name`.
pub fn group_and_name(id: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = id.split('/').filter(|part| !part.is_empty()).collect();
    let group = parts.iter().position(|part| part.eq_ignore_ascii_case("resourceGroups"))?;
    Some(((*parts.get(group + 1)?).to_owned(), (*parts.last()?).to_owned()))
}

fn plan(context: &Context<'_>, site: &Site) -> Fact<Option<Plan>> {
    let id = site.server_farm_id.as_deref().unwrap_or("").to_lowercase();
    match context.plans {
        Fact::Known(plans) => Fact::Known(
            plans.get(&id).cloned().or_else(|| site.sku.clone().map(|tier| Plan { tier, ..Plan::default() })),
        ),
        Fact::Unknown(why) => match &site.sku {
            Some(tier) => Fact::Known(Some(Plan { tier: tier.clone(), ..Plan::default() })),
            None => Fact::Unknown(why.clone()),
        },
    }
}

/// What the plan and the package say of who carries what.
fn platform(
    row: &Resource,
    site: &Site,
    plan: &Fact<Option<Plan>>,
    config: &Fact<Option<SiteConfig>>,
) -> Platform {
    let kind = row.kind.as_deref().unwrap_or("").to_lowercase();
    if kind.split(',').any(|part| part == "container") || image(config).is_some() {
        return Platform::FunctionsContainer;
    }
    if site.function_app_config.is_some() {
        return Platform::FunctionsFlex;
    }
    let plan = plan.known().and_then(Option::as_ref);
    let tier = plan.map(|plan| plan.tier.to_lowercase()).unwrap_or_default();
    let sku = plan.map(|plan| plan.sku.to_lowercase()).unwrap_or_default();
    match (tier.as_str(), sku.as_str()) {
        ("dynamic", _) | ("", "y1") => Platform::FunctionsConsumption,
        ("flexconsumption", _) | ("", "fc1") => Platform::FunctionsFlex,
        ("elasticpremium", _) | ("", "ep1" | "ep2" | "ep3") => Platform::FunctionsPremium,
        _ => Platform::FunctionsDedicated,
    }
}

fn image(config: &Fact<Option<SiteConfig>>) -> Option<&str> {
    let stack = config.known()?.as_ref()?.linux_fx_version.as_deref()?;
    let (kind, reference) = stack.split_once('|')?;
    kind.eq_ignore_ascii_case("docker").then_some(reference)
}

fn of_site(row: &Resource, site: &Site, facts: &mut FunctionFacts) {
    facts.https_only = told(site.https_only, "httpsOnly");
    let mode = site.client_cert_mode.as_deref().unwrap_or("Required");
    facts.client_certificate = told(site.client_cert_enabled, "clientCertEnabled")
        .map(|on| on && mode.eq_ignore_ascii_case("required"));
    if let (Some(true), Some(paths)) = (
        facts.client_certificate.known(),
        site.client_cert_exclusion_paths.as_ref().filter(|one| !one.is_empty()),
    ) {
        facts.client_certificate = Fact::unknown(format!("some paths are asked for none: {paths}"));
    }
    let subnet = site.virtual_network_subnet_id.as_ref().filter(|id| !id.is_empty());
    let attached = subnet.map(|id| Vpc {
        id: id.split("/subnets/").next().unwrap_or(id).to_owned(),
        subnets: vec![id.clone()],
    });
    // An App Service Environment lies in a network of its owner's.
    let environment = site.hosting_environment_profile.as_ref().and_then(|one| one.id.clone());
    let vpc = attached.or(environment.map(|id| Vpc { id, subnets: Vec::new() }));
    facts.vpc =
        told(row.properties.as_ref().filter(|one| one.get().starts_with('{')), "properties").map(|_| vpc);
    facts.tags = Fact::Known(tags(row));
}

/// Tags of a resource.
pub fn tags(row: &Resource) -> Vec<Tag> {
    let all = row.tags.iter().flatten();
    all.map(|(key, value)| Tag { key: key.clone(), value: text(value) }).collect()
}

/// A field the service left out is not known to be anything.
fn told<T>(value: Option<T>, field: &str) -> Fact<T> {
    value.map_or_else(|| Fact::unknown(format!("{field} is missing in the answer")), Fact::Known)
}

fn of_config(site: &Site, config: &Fact<Option<SiteConfig>>, facts: &mut FunctionFacts) {
    let config = match config {
        Fact::Known(Some(config)) => config,
        Fact::Known(None) => return without_config(&Fact::unknown("the app has no configuration"), facts),
        Fact::Unknown(why) => return without_config(&Fact::Unknown(why.clone()), facts),
    };
    facts.min_tls = told(config.min_tls_version.clone(), "minTlsVersion");
    facts.ftp = told(config.ftps_state.clone(), "ftpsState");
    facts.remote_debugging = told(config.remote_debugging_enabled, "remoteDebuggingEnabled");
    facts.cors = Fact::Known(config.cors.as_ref().map(|cors| Cors {
        origins: cors.allowed_origins.clone().unwrap_or_default(),
        credentials: cors.support_credentials.unwrap_or(false),
    }));
    let main = network(
        site,
        config,
        config.ip_security_restrictions.as_deref(),
        config.ip_security_restrictions_default_action.as_deref(),
    );
    let follows = config.scm_ip_security_restrictions_use_main.unwrap_or(false);
    facts.deployment_network = if follows {
        main.clone()
    } else {
        network(
            site,
            config,
            config.scm_ip_security_restrictions.as_deref(),
            config.scm_ip_security_restrictions_default_action.as_deref(),
        )
    };
    facts.public_network = main;
    let flex = site.function_app_config.as_ref().and_then(|one| one.scale_and_concurrency.as_ref());
    let limit = flex.and_then(|one| one.maximum_instance_count).or(config.function_app_scale_limit);
    facts.scale = Fact::Known(Scale { limit: limit.filter(|limit| *limit > 0) });
    facts.memory_mb = Fact::Known(flex.and_then(|one| one.instance_memory_mb));
}

fn without_config(why: &Fact<()>, facts: &mut FunctionFacts) {
    let Fact::Unknown(why) = why else { return };
    facts.min_tls = Fact::Unknown(why.clone());
    facts.ftp = Fact::Unknown(why.clone());
    facts.remote_debugging = Fact::Unknown(why.clone());
    facts.cors = Fact::Unknown(why.clone());
    facts.public_network = Fact::Unknown(why.clone());
    facts.deployment_network = Fact::Unknown(why.clone());
    facts.scale = Fact::Unknown(why.clone());
}

fn of_settings(
    context: &Context<'_>,
    site: &Site,
    platform: Platform,
    answers: &Answers,
    facts: &mut FunctionFacts,
) {
    facts.runtime = runtime(site, platform, answers);
    let settings = match &answers.settings {
        Fact::Known(settings) => settings,
        Fact::Unknown(why) => {
            facts.environment = Fact::Unknown(why.clone());
            facts.host_version = Fact::Unknown(why.clone());
            facts.package = Fact::Unknown(why.clone());
            facts.logging = Fact::Unknown(why.clone());
            facts.tracing = Fact::Unknown(why.clone());
            return;
        }
    };
    let set = |name: &str| settings.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let variables =
        settings.iter().map(|(name, value)| secrets::inspect(name, value, &context.collector.key));
    facts.environment = Fact::Known(variables.collect::<Vec<Variable>>());
    facts.host_version = Fact::Known(set("FUNCTIONS_EXTENSION_VERSION").map(str::to_owned));
    facts.package = package(
        image(&answers.config),
        set("WEBSITE_RUN_FROM_PACKAGE").or(set("WEBSITE_RUN_FROM_ZIP")),
        [
            set("AzureWebJobsStorage"),
            set("AzureWebJobsStorage__accountName"),
            set("AzureWebJobsStorage__blobServiceUri"),
        ],
    );
    let insights =
        set("APPLICATIONINSIGHTS_CONNECTION_STRING").or(set("APPINSIGHTS_INSTRUMENTATIONKEY")).is_some();
    facts.logging = Fact::Known(Logging { destination: insights.then(|| "Application Insights".to_owned()) });
    facts.tracing = Fact::Known(insights);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_ids_have_one_spelling() {
        assert_eq!(region("West Europe"), "westeurope");
        let id = "/subscriptions/x/resourcegroups/Rg/providers/Microsoft.Web/sites/orders";
        assert_eq!(group_and_name(id), Some(("Rg".into(), "orders".into())));
        assert_eq!(group_and_name("/subscriptions/x"), None);
    }
}
