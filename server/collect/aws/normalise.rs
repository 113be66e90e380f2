//! Lambda's and ECR's words as facts. Source types end here; values of variables are dropped here.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{
    FunctionConfiguration, PackageType, RecursiveLoop, TracingMode, UpdateRuntimeOn,
};
use chrono::{DateTime, Utc};

use super::aliases::Aliases;
use super::caller::{Operation, is_denial};
use super::region::Reader;
use super::urls::Ways;
use crate::analysis::{eol, iam, secrets};
use crate::model::{
    Asset, AssetKey, AsyncFailure, CodeSigning, CodeVersion, Fact, Facts, FunctionFacts, Identity, Layer,
    Logging, Package, PackageKind, Platform, Provider, Scale, SharedIdentity, Tag, Trigger, Variable, Vpc,
};

/// What GetFunction needs to tell the tags, too.
pub(super) const TAGS: Operation = Operation::of("lambda:ListTags", "tags", &[]);

/// Why something is not in an answer that says so itself.
fn refused<T>(what: &str, code: &str, permission: &str) -> Fact<T> {
    let reason = format!("{what}: {code}");
    if is_denial(code) { Fact::denied(reason, permission) } else { Fact::unknown(reason) }
}

/// What the calls about one function gave.
pub struct Asked {
    /// GetFunction.
    pub function: Fact<Option<GetFunctionOutput>>,
    /// URLs and policies, its own and those of its aliases.
    pub ways: Ways,
    /// Its aliases.
    pub aliases: Aliases,
    /// Where failed events go.
    pub failures: Fact<AsyncFailure>,
    /// When runtimes are updated.
    pub updates: Fact<Option<UpdateRuntimeOn>>,
    /// What happens to loops.
    pub recursion: Fact<Option<RecursiveLoop>>,
}

/// What is read of many functions together.
pub struct Shared {
    /// Whether code must be signed.
    pub signing: Fact<CodeSigning>,
    /// What the role amounts to.
    pub identity: Fact<Identity>,
    /// Event source mappings.
    pub triggers: Fact<Vec<Trigger>>,
}

/// What is known of a function before it is asked about by itself. Its triggers are the mappings alone.
pub fn listed(reader: &Reader, configuration: &FunctionConfiguration, shared: Shared) -> FunctionFacts {
    let mut facts = FunctionFacts::default();
    configured(reader, configuration, &mut facts);
    facts.code_signing = shared.signing;
    facts.identity = shared.identity.map(Some);
    facts.triggers = shared.triggers.map(sorted);
    facts
}

/// The facts of a function that is `listed` so, with what it was asked.
pub fn function(
    reader: &Reader,
    configuration: &FunctionConfiguration,
    listed: FunctionFacts,
    asked: Asked,
) -> FunctionFacts {
    let arn = configuration.function_arn.as_deref().unwrap_or_default();
    let mut facts = listed;
    facts.invoke_policy = asked.ways.policy(reader, arn);
    facts.triggers = triggers(&asked.ways, facts.triggers, &reader.account);
    facts.endpoints = asked.ways.endpoints();
    facts.cors = asked.ways.cors();
    facts.latest_aliases = latest(asked.aliases);
    let (package, tags, scale) = whole(reader, arn, &asked.function, is_image(configuration));
    facts.package = package;
    facts.tags = tags;
    facts.scale = scale;
    facts.async_failure = asked.failures;
    facts.runtime_updates = match asked.updates {
        Fact::Known(Some(when)) => Fact::Known(updates(&when).to_owned()),
        Fact::Known(None) => Fact::unknown("images bring their own runtime"),
        Fact::Unknown(why) => Fact::Unknown(why),
    };
    facts.recursion = match asked.recursion {
        Fact::Known(Some(setting)) => Fact::Known(setting.as_str().to_owned()),
        Fact::Known(None) => Fact::unknown("lambda:GetFunctionRecursionConfig gave no setting"),
        Fact::Unknown(why) => Fact::Unknown(why),
    };
    facts
}

/// Whether its code is a container image.
pub fn is_image(configuration: &FunctionConfiguration) -> bool {
    configuration.package_type == Some(PackageType::Image)
}

/// What a function is known by.
pub fn key(reader: &Reader, configuration: &FunctionConfiguration) -> AssetKey {
    AssetKey {
        provider: Provider::Aws,
        account: reader.account.clone(),
        region: reader.region.clone(),
        native_id: configuration.function_arn.clone().unwrap_or_default(),
    }
}

/// What it runs on, whether its code is an image or not.
pub const fn platform(image: bool) -> Platform {
    if image { Platform::LambdaImage } else { Platform::LambdaZip }
}

/// A function as an asset.
pub fn asset(reader: &Reader, configuration: &FunctionConfiguration, facts: FunctionFacts) -> Asset {
    Asset {
        key: key(reader, configuration),
        name: configuration.function_name.clone().unwrap_or_default(),
        platform: platform(is_image(configuration)),
        facts: Facts::Function(Box::new(facts)),
    }
}

/// The same of a function of which nothing was touched since it was asked about: what is `listed` now, and
/// beside it what was found then. None where that is not all, or does not fit any more.
pub fn again(listed: &FunctionFacts, before: FunctionFacts, image: bool) -> Option<FunctionFacts> {
    let kind = before.package.known()?.kind;
    let fits = before.code == listed.code
        && (kind == PackageKind::Image) == image
        && all_read(&before, image)
        && same_sources(before.triggers.known()?, listed.triggers.known()?);
    fits.then(|| FunctionFacts {
        invoke_policy: before.invoke_policy,
        triggers: before.triggers,
        endpoints: before.endpoints,
        cors: before.cors,
        package: before.package,
        tags: before.tags,
        latest_aliases: before.latest_aliases,
        scale: before.scale,
        async_failure: before.async_failure,
        runtime_updates: before.runtime_updates,
        recursion: before.recursion,
        ..listed.clone()
    })
}

/// Whether the function needs not be asked about again as long as its mark stays: all that the mark does not
/// speak of is known.
pub fn is_whole(facts: &FunctionFacts, image: bool) -> bool {
    all_read(facts, image) && facts.activity.known().is_some()
}

/// Whether every call about the function told what it was asked: a refusal may have been lifted since.
fn all_read(facts: &FunctionFacts, image: bool) -> bool {
    facts.code.known().is_some()
        && facts.package.known().is_some()
        && facts.triggers.known().is_some()
        && facts.invoke_policy.known().is_some()
        && facts.endpoints.known().is_some()
        && facts.cors.known().is_some()
        && facts.tags.known().is_some()
        && facts.latest_aliases.known().is_some()
        && facts.scale.known().is_some()
        && facts.async_failure.known().is_some()
        && facts.recursion.known().is_some()
        && (image || facts.runtime_updates.known().is_some())
}

/// Whether the event sources are those of before. The services that policies let invoke, beside them, are
/// principals with a domain of their own.
fn same_sources(before: &[Trigger], mapped: &[Trigger]) -> bool {
    let alike =
        |a: &Trigger, b: &Trigger| a.kind == b.kind && a.source == b.source && a.qualifier == b.qualifier;
    mapped.iter().all(|one| before.iter().any(|other| alike(one, other)))
        && before.iter().all(|one| one.kind.contains('.') || mapped.iter().any(|other| alike(one, other)))
}

/// What the list of functions already tells.
fn configured(reader: &Reader, one: &FunctionConfiguration, facts: &mut FunctionFacts) {
    facts.runtime = Fact::Known(one.runtime.as_ref().map(|runtime| eol::lambda_runtime(runtime.as_str())));
    facts.architectures =
        Fact::Known(one.architectures().iter().map(|one| one.as_str().to_owned()).collect());
    facts.memory_mb = Fact::Known(one.memory_size.map(i64::from));
    facts.timeout_seconds = Fact::Known(one.timeout.map(i64::from));
    facts.scratch_mb =
        Fact::Known(one.ephemeral_storage.as_ref().map_or(512, |storage| i64::from(storage.size)));
    facts.environment = environment(reader, one);
    facts.environment_key = Fact::Known(one.kms_key_arn.clone().filter(|key| !key.is_empty()));
    facts.shared_identity = shared(reader, one.role.as_deref());
    facts.vpc = Fact::Known(one.vpc_config.as_ref().and_then(|vpc| {
        let id = vpc.vpc_id.clone().filter(|id| !id.is_empty());
        let subnets = vpc.subnet_ids().to_vec();
        (id.is_some() || !subnets.is_empty()).then(|| Vpc { id: id.unwrap_or_default(), subnets })
    }));
    facts.layers = Fact::Known(
        one.layers()
            .iter()
            .filter_map(|layer| layer.arn.as_deref())
            .map(|arn| {
                let account = arn.split(':').nth(4).unwrap_or("").to_owned();
                Layer { id: arn.to_owned(), own: account == reader.account, account }
            })
            .collect(),
    );
    // Without a setting of its own a function logs to the group named after it.
    let group = one.logging_config.as_ref().and_then(|logging| logging.log_group.clone());
    let usual = || format!("/aws/lambda/{}", one.function_name.as_deref().unwrap_or_default());
    facts.logging = Fact::Known(Logging { destination: Some(group.unwrap_or_else(usual)) });
    facts.tracing = Fact::Known(
        one.tracing_config.as_ref().is_some_and(|tracing| tracing.mode == Some(TracingMode::Active)),
    );
    facts.code = Fact::Known(CodeVersion {
        digest: one.code_sha256.clone().unwrap_or_default(),
        changed_at: one.last_modified.as_deref().and_then(moment),
    });
}

fn shared(reader: &Reader, role: Option<&str>) -> Fact<Option<SharedIdentity>> {
    let Some(role) = role else { return Fact::Known(None) };
    reader.shared.users(role).map(|users| Some(SharedIdentity { id: role.to_owned(), users }))
}

fn environment(reader: &Reader, one: &FunctionConfiguration) -> Fact<Vec<Variable>> {
    let Some(environment) = &one.environment else { return Fact::Known(Vec::new()) };
    // Lambda tells here, and not by an error of the call, that it could not decrypt the variables.
    if let Some(error) = &environment.error {
        let code = error.error_code.as_deref().unwrap_or("error");
        return refused("variables could not be decrypted", code, "kms:Decrypt");
    }
    let mut variables: Vec<Variable> = environment
        .variables
        .iter()
        .flatten()
        .map(|(name, value)| secrets::inspect(name, value, &reader.key))
        .collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    Fact::Known(variables)
}

fn whole(
    reader: &Reader,
    arn: &str,
    answer: &Fact<Option<GetFunctionOutput>>,
    image: bool,
) -> (Fact<Package>, Fact<Vec<Tag>>, Fact<Scale>) {
    let kind = if image { PackageKind::Image } else { PackageKind::Zip };
    match answer {
        Fact::Known(Some(one)) => {
            let tags = tags(reader, arn, one);
            let code = one.code.as_ref();
            let digest =
                code.and_then(|code| code.resolved_image_uri.as_deref()).and_then(|uri| uri.split_once('@'));
            let package = Package {
                kind,
                reference: code.and_then(|code| code.image_uri.clone()),
                digest: digest.map(|(_, digest)| digest.to_owned()),
                own_host: false,
            };
            let limit =
                one.concurrency.as_ref().and_then(|one| one.reserved_concurrent_executions).map(i64::from);
            (Fact::Known(package), tags, Fact::Known(Scale { limit }))
        }
        Fact::Known(None) => (Fact::unknown("gone while it was read"), Fact::default(), Fact::default()),
        Fact::Unknown(why) => {
            (Fact::Unknown(why.clone()), Fact::Unknown(why.clone()), Fact::Unknown(why.clone()))
        }
    }
}

/// The aliases that name no published version.
fn latest(aliases: Aliases) -> Fact<Vec<String>> {
    let of_latest = aliases.names.into_iter().filter(|(_, published)| !published);
    let names = of_latest.map(|(name, _)| name).collect();
    aliases.missing.map_or(Fact::Known(names), Fact::Unknown)
}

/// Lambda leaves tags out of its answer, and says so there, where we may not list them.
fn tags(reader: &Reader, arn: &str, one: &GetFunctionOutput) -> Fact<Vec<Tag>> {
    if let Some(error) = &one.tags_error {
        reader.caller.note(TAGS, arn, &error.error_code);
        return refused("tags could not be listed", &error.error_code, TAGS.call);
    }
    let mut tags: Vec<Tag> = one
        .tags
        .iter()
        .flatten()
        .map(|(key, value)| Tag { key: key.clone(), value: value.clone() })
        .collect();
    tags.sort();
    Fact::Known(tags)
}

/// Event sources, and the services the policies let invoke.
fn triggers(ways: &Ways, mapped: Fact<Vec<Trigger>>, account: &str) -> Fact<Vec<Trigger>> {
    let documents = match ways.documents() {
        Fact::Known(documents) => documents,
        Fact::Unknown(why) => return Fact::Unknown(why),
    };
    mapped.map(|mut all| {
        for (alias, text) in documents {
            all.extend(iam::services(text, account).into_iter().map(|(kind, source)| Trigger {
                kind,
                source,
                qualifier: alias.clone(),
                first_seen: None,
            }));
        }
        all = sorted(all);
        all.dedup_by(|a, b| a.kind == b.kind && a.source == b.source && a.qualifier == b.qualifier);
        all
    })
}

fn sorted(mut triggers: Vec<Trigger>) -> Vec<Trigger> {
    triggers.sort_by(|a, b| (&a.kind, &a.source, &a.qualifier).cmp(&(&b.kind, &b.source, &b.qualifier)));
    triggers
}

fn updates(when: &UpdateRuntimeOn) -> &str {
    when.as_str()
}

/// Lambda writes `2026-11-01T12:00:00.000+0000`.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z")
        .or_else(|_| DateTime::parse_from_rfc3339(text))
        .ok()
        .map(|time| time.with_timezone(&Utc))
}

/// A function ARN without its version or alias, and that version or alias.
pub fn qualified(arn: &str) -> (String, Option<String>) {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        [head @ .., qualifier] if parts.len() == 8 => (head.join(":"), Some((*qualifier).to_owned())),
        _ => (arn.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qualifier_is_cut_off() {
        let plain = "arn:aws:lambda:eu-west-1:1:function:orders";
        assert_eq!(qualified(plain), (plain.to_owned(), None));
        assert_eq!(qualified(&format!("{plain}:live")), (plain.to_owned(), Some("live".to_owned())));
        assert_eq!(qualified(""), (String::new(), None));
    }

    #[test]
    fn lambda_times_are_read() {
        let time = moment("2026-11-01T12:30:00.000+0000").expect("Lambda's own form");
        assert_eq!(time.to_rfc3339(), "2026-11-01T12:30:00+00:00");
        assert_eq!(moment("yesterday"), None);
    }
}
