//! Azure's words as facts. Source types end here; values of app settings are dropped here.

use std::collections::BTreeMap;

use super::app::Context;
use super::wire::{AddressRule, AuthenticationSettings, Binding, Function, Resource, Site, SiteConfig};
use crate::analysis::{eol, secrets};
use crate::model::{
    Asset, AssetKey, Cors, Endpoint, EndpointAuth, Fact, Facts, FunctionFacts, Logging, Package, PackageKind,
    Plan, Platform, Provider, PublicNetwork, Runtime, Scale, SharedIdentity, Tag, Trigger, Variable, Vpc,
};

/// What the calls about one app gave.
pub struct Answers {
    /// `config/web`.
    pub config: Fact<Option<SiteConfig>>,
    /// App settings, with values; dropped here.
    pub settings: Fact<BTreeMap<String, String>>,
    /// `config/authsettingsV2`.
    pub authentication: Fact<Option<AuthenticationSettings>>,
    /// Functions.
    pub functions: Fact<Vec<Function>>,
    /// Whether FTP and SCM take a user name and password.
    pub publishing: [Fact<Option<bool>>; 2],
}

/// An app as an asset.
pub fn app(context: &Context<'_>, row: &Resource, site: &Site, answers: Answers) -> Asset {
    let plan = plan(context, site);
    let platform = platform(row, &plan, &answers.config);
    let mut facts = FunctionFacts::default();
    of_site(row, site, &mut facts);
    of_config(site, &answers.config, &mut facts);
    of_settings(context, platform, &answers, &mut facts);
    of_functions(answers.functions, &mut facts);
    facts.platform_authentication =
        answers.authentication.map(|settings| settings.is_some_and(|one| demands_login(&one)));
    facts.basic_publishing = either(answers.publishing);
    of_identity(context, row, &mut facts);
    facts.plan = plan;
    Asset {
        key: key(context.subscription, row),
        name: row.name.clone().unwrap_or_default(),
        platform,
        facts: Facts::Function(Box::new(facts)),
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
fn platform(row: &Resource, plan: &Fact<Option<Plan>>, config: &Fact<Option<SiteConfig>>) -> Platform {
    let kind = row.kind.as_deref().unwrap_or("").to_lowercase();
    if kind.split(',').any(|part| part == "container") || image(config).is_some() {
        return Platform::FunctionsContainer;
    }
    let tier = plan.known().and_then(Option::as_ref).map(|plan| plan.tier.to_lowercase()).unwrap_or_default();
    match tier.as_str() {
        "dynamic" => Platform::FunctionsConsumption,
        "flexconsumption" => Platform::FunctionsFlex,
        "elasticpremium" => Platform::FunctionsPremium,
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
    facts.vpc = Fact::Known(site.virtual_network_subnet_id.as_ref().filter(|id| !id.is_empty()).map(|id| {
        Vpc { id: id.split("/subnets/").next().unwrap_or(id).to_owned(), subnets: vec![id.clone()] }
    }));
    facts.tags = Fact::Known(tags(row));
}

/// Tags of a resource.
pub fn tags(row: &Resource) -> Vec<Tag> {
    let all = row.tags.iter().flatten();
    all.map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
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
    facts.deployment_network = Fact::Known(if follows {
        main.clone()
    } else {
        network(
            site,
            config,
            config.scm_ip_security_restrictions.as_deref(),
            config.scm_ip_security_restrictions_default_action.as_deref(),
        )
    });
    facts.public_network = Fact::Known(main);
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

fn network(
    site: &Site,
    config: &SiteConfig,
    rules: Option<&[AddressRule]>,
    default: Option<&str>,
) -> PublicNetwork {
    let access = site.public_network_access.as_ref().or(config.public_network_access.as_ref());
    let enabled = !access.is_some_and(|value| value.eq_ignore_ascii_case("disabled"));
    let denies = default.is_some_and(|action| action.eq_ignore_ascii_case("deny"));
    // Once one rule allows somebody, everybody else is denied; a rule that allows any address does not.
    let named = rules.unwrap_or_default().iter().any(|rule| {
        let any = rule
            .ip_address
            .as_deref()
            .is_none_or(|address| matches!(address, "Any" | "any" | "0.0.0.0/0" | "::/0"));
        let somebody = !any || rule.vnet_subnet_resource_id.is_some();
        rule.action.as_deref().unwrap_or("Allow").eq_ignore_ascii_case("allow") && somebody
    });
    let closed = rules.unwrap_or_default().iter().any(|rule| {
        rule.action.as_deref().is_some_and(|action| action.eq_ignore_ascii_case("deny"))
            && rule
                .ip_address
                .as_deref()
                .is_some_and(|address| matches!(address, "Any" | "any" | "0.0.0.0/0"))
    });
    PublicNetwork { enabled, restricted: denies || named || closed }
}

fn of_settings(context: &Context<'_>, platform: Platform, answers: &Answers, facts: &mut FunctionFacts) {
    facts.runtime = runtime(platform, answers);
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
    facts.package = Fact::Known(package(
        image(&answers.config),
        set("WEBSITE_RUN_FROM_PACKAGE"),
        set("AzureWebJobsStorage"),
    ));
    let insights =
        set("APPLICATIONINSIGHTS_CONNECTION_STRING").or(set("APPINSIGHTS_INSTRUMENTATIONKEY")).is_some();
    facts.logging = Fact::Known(Logging { destination: insights.then(|| "Application Insights".to_owned()) });
    facts.tracing = Fact::Known(insights);
}

fn runtime(platform: Platform, answers: &Answers) -> Fact<Option<Runtime>> {
    if platform == Platform::FunctionsContainer {
        return Fact::Known(None);
    }
    let config = match &answers.config {
        Fact::Known(config) => config.as_ref(),
        Fact::Unknown(why) => return Fact::Unknown(why.clone()),
    };
    let worker = answers.settings.known().and_then(|settings| settings.get("FUNCTIONS_WORKER_RUNTIME"));
    let linux = config.and_then(|one| one.linux_fx_version.as_deref()).filter(|text| text.contains('|'));
    let framework = config.and_then(|one| one.net_framework_version.as_deref());
    let spelling = match (linux, worker, framework) {
        (Some(linux), _, _) => Some(linux.to_owned()),
        (None, Some(worker), Some(framework)) if worker.starts_with("dotnet") => {
            Some(format!("{worker}|{}", framework.trim_start_matches('v')))
        }
        _ => None,
    };
    match spelling.as_deref().and_then(eol::azure_stack) {
        Some(runtime) => Fact::Known(Some(runtime)),
        None => Fact::unknown("the app does not say which language version it runs"),
    }
}

/// Only the host of an address is kept: its query may sign it.
fn package(image: Option<&str>, from: Option<&str>, storage: Option<&str>) -> Package {
    if let Some(reference) = image {
        let digest = reference.split_once('@').map(|(_, digest)| digest.to_owned());
        return Package {
            kind: PackageKind::Image,
            reference: Some(reference.to_owned()),
            digest,
            own_host: false,
        };
    }
    let host = from
        .and_then(|address| url::Url::parse(address).ok())
        .and_then(|url| url.host_str().map(str::to_owned));
    let Some(host) = host else { return Package::default() };
    let account = storage.and_then(|text| text.split(';').find_map(|part| part.strip_prefix("AccountName=")));
    let own_host = account.is_some_and(|account| host.split('.').next() == Some(account));
    Package { kind: PackageKind::Url, reference: Some(host), digest: None, own_host }
}

fn of_functions(functions: Fact<Vec<Function>>, facts: &mut FunctionFacts) {
    let functions = match functions {
        Fact::Known(functions) => functions,
        Fact::Unknown(why) => {
            facts.endpoints = Fact::Unknown(why.clone());
            facts.triggers = Fact::Unknown(why);
            return;
        }
    };
    let (mut endpoints, mut triggers) = (Vec::new(), Vec::new());
    for properties in functions.into_iter().filter_map(|one| one.properties) {
        if properties.is_disabled == Some(true) {
            continue;
        }
        let name = properties.name.unwrap_or_default();
        for binding in properties.config.and_then(|one| one.bindings).unwrap_or_default() {
            let kind = binding.r#type.clone().unwrap_or_default();
            if kind.eq_ignore_ascii_case("httpTrigger") {
                endpoints.push(Endpoint { name: name.clone(), auth: auth(&binding) });
            }
            if kind.to_lowercase().ends_with("trigger") {
                triggers.push(Trigger { kind, source: name.clone(), qualifier: None, first_seen: None });
            }
        }
    }
    facts.endpoints = Fact::Known(endpoints);
    facts.triggers = Fact::Known(triggers);
}

/// Without a level the runtime asks for a function key.
fn auth(binding: &Binding) -> EndpointAuth {
    let level = binding.auth_level.as_deref().unwrap_or("function");
    if level.eq_ignore_ascii_case("anonymous") { EndpointAuth::None } else { EndpointAuth::Key }
}

fn demands_login(settings: &AuthenticationSettings) -> bool {
    let enabled = settings.platform.as_ref().and_then(|one| one.enabled).unwrap_or(false);
    let validation = settings.global_validation.clone().unwrap_or_default();
    let anonymous = validation
        .unauthenticated_client_action
        .is_some_and(|action| action.eq_ignore_ascii_case("AllowAnonymous"));
    enabled && validation.require_authentication.unwrap_or(!anonymous) && !anonymous
}

/// A password works if it works for either; that it does not needs both to be read.
fn either(policies: [Fact<Option<bool>>; 2]) -> Fact<bool> {
    let mut unknown = None;
    for policy in policies {
        match policy {
            Fact::Known(Some(true)) => return Fact::Known(true),
            Fact::Known(Some(false)) => {}
            Fact::Known(None) => unknown = Some(Fact::unknown("the publishing policy does not exist")),
            Fact::Unknown(why) => unknown = Some(Fact::Unknown(why)),
        }
    }
    unknown.unwrap_or(Fact::Known(false))
}

fn of_identity(context: &Context<'_>, row: &Resource, facts: &mut FunctionFacts) {
    let identity = row.identity.clone().unwrap_or_default();
    let assigned = identity.user_assigned_identities.unwrap_or_default();
    let mut principals: Vec<String> = identity.principal_id.into_iter().filter(|id| !id.is_empty()).collect();
    principals.extend(assigned.values().filter_map(|one| one.principal_id.clone()));
    let busiest = assigned.keys().max_by_key(|id| context.uses.get(&id.to_lowercase()).copied().unwrap_or(1));
    facts.shared_identity = Fact::Known(busiest.map(|id| SharedIdentity {
        id: id.clone(),
        users: context.uses.get(&id.to_lowercase()).copied().unwrap_or(1),
    }));
    facts.identity = match principals.first() {
        None => Fact::Known(None),
        Some(first) => {
            let name = assigned
                .keys()
                .next()
                .and_then(|id| id.rsplit('/').next())
                .or(row.name.as_deref())
                .unwrap_or(first);
            context.roles.identity(first, name, &principals).map(Some)
        }
    };
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

    #[test]
    fn a_signed_address_leaves_only_its_host() {
        let from = Some("https://codestore.blob.core.windows.net/c/app.zip?sig=SECRET");
        let found =
            package(None, from, Some("DefaultEndpointsProtocol=https;AccountName=codestore;AccountKey=x"));
        assert_eq!(
            (found.reference.as_deref(), found.own_host),
            (Some("codestore.blob.core.windows.net"), true)
        );
        assert!(!package(None, from, None).own_host);
        assert_eq!(package(None, Some("1"), None), Package::default());
    }

    #[test]
    fn address_rules_restrict_once_they_name_somebody() {
        let rule = |action: &str, address: &str| AddressRule {
            action: Some(action.into()),
            ip_address: Some(address.into()),
            ..AddressRule::default()
        };
        let look = |rules: &[AddressRule], default: Option<&str>| {
            network(&Site::default(), &SiteConfig::default(), Some(rules), default).restricted
        };
        assert!(!look(&[], None));
        assert!(!look(&[rule("Allow", "Any")], None));
        assert!(look(&[rule("Allow", "192.0.2.0/24"), rule("Deny", "Any")], None));
        assert!(look(&[rule("Allow", "Any")], Some("Deny")));
    }

    #[test]
    fn publishing_is_off_only_when_both_are_read_and_off() {
        assert_eq!(either([Fact::Known(Some(false)), Fact::Known(Some(false))]), Fact::Known(false));
        assert_eq!(either([Fact::Known(Some(false)), Fact::Known(Some(true))]), Fact::Known(true));
        assert!(either([Fact::Known(Some(false)), Fact::unknown("denied")]).known().is_none());
    }
}
