//! What an app runs: its language and its package.

use super::super::wire::{Site, SiteConfig};
use super::Answers;
use crate::analysis::eol;
use crate::model::{Fact, Package, PackageKind, Platform, Runtime};

/// The managed language an app runs on; none where it brings an image.
pub fn runtime(site: &Site, platform: Platform, answers: &Answers) -> Fact<Option<Runtime>> {
    if platform == Platform::FunctionsContainer {
        return Fact::Known(None);
    }
    let flex = site.function_app_config.as_ref().and_then(|one| one.runtime.as_ref());
    let flex = flex.and_then(|one| Some(format!("{}|{}", one.name.as_deref()?, one.version.as_deref()?)));
    let spelling = match (flex, &answers.config) {
        (Some(spelling), _) => Some(spelling),
        (None, Fact::Unknown(why)) => return Fact::Unknown(why.clone()),
        (None, Fact::Known(config)) => config.as_ref().and_then(|config| spelling(config, answers)),
    };
    match spelling.as_deref().and_then(eol::azure_stack) {
        Some(runtime) => Fact::Known(Some(runtime)),
        None => Fact::unknown("the app does not say which language version it runs"),
    }
}

/// Language and version: on Linux in one place, on Windows the language in a setting and its version
/// somewhere else for each.
fn spelling(config: &SiteConfig, answers: &Answers) -> Option<String> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(linux) = filled(&config.linux_fx_version).filter(|text| text.contains('|')) {
        return Some(linux);
    }
    let settings = answers.settings.known()?;
    let worker = settings.get("FUNCTIONS_WORKER_RUNTIME")?.to_lowercase();
    let version = match worker.as_str() {
        "dotnet" | "dotnet-isolated" => filled(&config.net_framework_version),
        "node" => settings.get("WEBSITE_NODE_DEFAULT_VERSION").cloned(),
        "java" => filled(&config.java_version),
        "powershell" => filled(&config.power_shell_version),
        _ => None,
    }?;
    Some(format!("{worker}|{}", version.trim_start_matches(['v', '~'])))
}

/// Where the code comes from. Only the host of an address is kept: its query may sign it.
/// The app's own storage is set by a connection string, or for an identity by its name or address.
pub fn package(image: Option<&str>, from: Option<&str>, storage: [Option<&str>; 3]) -> Fact<Package> {
    if let Some(reference) = image {
        let digest = reference.split_once('@').map(|(_, digest)| digest.to_owned());
        let reference = Some(reference.to_owned());
        return Fact::Known(Package { kind: PackageKind::Image, reference, digest, own_host: false });
    }
    let is_reference = |text: &str| text.trim_start().starts_with("@Microsoft.");
    if from.is_some_and(is_reference) {
        return Fact::unknown("the address of its package lies in a vault");
    }
    let host = from
        .and_then(|address| url::Url::parse(address).ok())
        .and_then(|url| url.host_str().map(str::to_owned));
    let Some(host) = host else { return Fact::Known(Package::default()) };
    if storage.into_iter().flatten().any(is_reference) {
        return Fact::unknown("whether its package lies in storage of its own is kept in a vault");
    }
    let [connection, name, address] = storage;
    let account =
        connection.and_then(|text| text.split(';').find_map(|part| part.strip_prefix("AccountName=")));
    let named = account.or(name).is_some_and(|account| host.split('.').next() == Some(account));
    let addressed = address.and_then(|address| url::Url::parse(address).ok());
    let own_host = named || addressed.is_some_and(|url| url.host_str() == Some(host.as_str()));
    Fact::Known(Package { kind: PackageKind::Url, reference: Some(host), digest: None, own_host })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(from: &str, storage: [Option<&str>; 3]) -> Package {
        package(None, Some(from), storage).known().cloned().expect("known")
    }

    const FROM: &str = "https://codestore.blob.core.windows.net/c/app.zip?sig=SECRET";

    #[test]
    fn a_signed_address_leaves_only_its_host() {
        let connection = "DefaultEndpointsProtocol=https;AccountName=codestore;AccountKey=x";
        let found = of(FROM, [Some(connection), None, None]);
        assert_eq!(
            (found.reference.as_deref(), found.own_host),
            (Some("codestore.blob.core.windows.net"), true)
        );
        assert!(!of(FROM, [None; 3]).own_host);
        assert_eq!(of("1", [None; 3]), Package::default());
    }

    #[test]
    fn storage_that_an_identity_opens_is_its_own_too() {
        assert!(of(FROM, [None, Some("codestore"), None]).own_host);
        assert!(of(FROM, [None, None, Some("https://codestore.blob.core.windows.net")]).own_host);
        assert!(!of(FROM, [None, Some("other"), Some("https://other.blob.core.windows.net")]).own_host);
        let vault =
            package(None, Some("@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/s)"), [None; 3]);
        assert!(vault.known().is_none(), "where it leads is not known");
        let own = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/storage)";
        assert!(package(None, Some(FROM), [Some(own), None, None]).known().is_none());
        assert_eq!(of("1", [Some(own), None, None]), Package::default());
    }
}
