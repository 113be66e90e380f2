//! The ways in to a function: its URLs and its policy, and those of its aliases.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_policy::GetPolicyOutput;
use aws_sdk_lambda::types::FunctionUrlAuthType;

use super::aliases::Aliases;
use super::caller::{Caller, Operation};
use super::normalise::qualified;
use super::region::Reader;
use crate::analysis::iam;
use crate::model::{Cors, Endpoint, EndpointAuth, Fact, ResourcePolicy, Trigger, Unknown};

const NONE: &[&str] = &["ResourceNotFoundException"];
pub(super) const POLICY: Operation = Operation::of("lambda:GetPolicy", "who may invoke", NONE);
pub(super) const URLS: Operation =
    Operation::of("lambda:ListFunctionUrlConfigs", "function URLs of aliases", NONE);
pub(super) const URL: Operation = Operation::of("lambda:GetFunctionUrlConfig", "function URL", NONE);

/// URLs kept of one function: each but one hangs on an alias.
const MOST_URLS: usize = 100;

/// One function URL.
#[derive(Debug)]
struct Url {
    /// The alias it hangs on; none is the function itself.
    alias: Option<String>,
    auth: EndpointAuth,
    cors: Option<Cors>,
}

/// The ways in to a function.
#[derive(Debug)]
pub struct Ways {
    /// Its URLs, its own first.
    urls: Fact<Vec<Url>>,
    /// The policies there are, each with the alias it hangs on.
    policies: Vec<(Option<String>, String)>,
    /// Why a policy that was asked for was not read.
    unread: Option<Unknown>,
    /// Why it is not known which aliases have a URL.
    dark: Option<Unknown>,
    /// Why it is not known which aliases there are.
    unlisted: Option<Unknown>,
    /// It has no alias.
    alone: bool,
}

/// Reads them. Where URLs cannot be listed, the function's own is still asked for.
pub async fn read(reader: &Reader, client: &Client, arn: &str, name: &str, aliases: &Aliases) -> Ways {
    let caller = &*reader.caller;
    let own = caller.call(POLICY, arn, client.get_policy().function_name(name).send());
    let (own, listed) = tokio::join!(own, list(caller, client, arn, name));
    let (urls, dark) = match listed {
        Fact::Known(urls) => bounded(caller, arn, urls),
        Fact::Unknown(why) => {
            let send = client.get_function_url_config().function_name(name).send();
            let url = caller.call(URL, arn, send).await.map(|answer| {
                let url = answer.map(|one| Url::new("", &one.auth_type, one.cors));
                url.into_iter().collect::<Vec<_>>()
            });
            // Where there is no such call, there is no more to know.
            let offered = reader.config.endpoint_url().is_none() || !caller.is_missing(URLS);
            (url, (offered || why.permission.is_some()).then_some(why))
        }
    };
    let mut names: Vec<String> = aliases.names.iter().map(|(name, _)| name.clone()).collect();
    // Aliases that could not be listed still show by their URLs.
    names.extend(urls.known().into_iter().flatten().filter_map(|url| url.alias.clone()));
    names.sort();
    names.dedup();
    let unlisted = aliases.missing.clone();
    let alone = names.is_empty() && unlisted.is_none();
    let mut ways = Ways { urls, policies: Vec::new(), unread: None, dark, unlisted, alone };
    ways.keep(None, own);
    for alias in names {
        let send = client.get_policy().function_name(name).qualifier(&alias).send();
        let answer = caller.call(POLICY, arn, send).await;
        ways.keep(Some(alias), answer);
    }
    ways
}

async fn list(caller: &Caller, client: &Client, arn: &str, name: &str) -> Fact<Vec<Url>> {
    let listed = caller.call(URLS, arn, async {
        let mut pages = client.list_function_url_configs().function_name(name).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(page?.function_url_configs);
            if found.len() > MOST_URLS {
                break;
            }
        }
        Ok::<_, aws_sdk_lambda::error::SdkError<_, _>>(found)
    });
    listed.await.map(|found| {
        let found = found.unwrap_or_default().into_iter();
        let mut urls: Vec<Url> =
            found.map(|one| Url::new(&one.function_arn, &one.auth_type, one.cors)).collect();
        urls.sort_by(|a, b| a.alias.cmp(&b.alias));
        urls
    })
}

fn bounded(caller: &Caller, arn: &str, mut urls: Vec<Url>) -> (Fact<Vec<Url>>, Option<Unknown>) {
    let many = urls.len() > MOST_URLS;
    if many {
        caller.note(URLS, arn, "too-many");
        urls.truncate(MOST_URLS);
    }
    let reason = format!("it has more than {MOST_URLS} URLs");
    (Fact::Known(urls), many.then_some(Unknown { reason, permission: None }))
}

impl Url {
    fn new(arn: &str, auth: &FunctionUrlAuthType, cors: Option<aws_sdk_lambda::types::Cors>) -> Self {
        let open = *auth == FunctionUrlAuthType::None;
        Self {
            alias: qualified(arn).1.filter(|alias| alias != "$LATEST"),
            auth: if open { EndpointAuth::None } else { EndpointAuth::Iam },
            cors: cors.map(|cors| Cors {
                origins: cors.allow_origins.unwrap_or_default(),
                credentials: cors.allow_credentials.unwrap_or(false),
            }),
        }
    }

    fn endpoint(&self) -> Endpoint {
        let name = match &self.alias {
            Some(alias) => format!("function URL of {alias}"),
            None => "function URL".to_owned(),
        };
        Endpoint { name, auth: self.auth }
    }
}

impl Ways {
    fn keep(&mut self, alias: Option<String>, answer: Fact<Option<GetPolicyOutput>>) {
        match answer {
            Fact::Known(None) => {}
            Fact::Known(Some(answer)) => self.policies.push((alias, answer.policy.unwrap_or_default())),
            Fact::Unknown(why) => self.unread = self.unread.take().or(Some(why)),
        }
    }

    /// The ways in over HTTP.
    pub fn endpoints(&self) -> Fact<Vec<Endpoint>> {
        let settled = self.settled(|url| url.auth == EndpointAuth::None);
        settled.map(|urls| urls.iter().map(Url::endpoint).collect())
    }

    /// The cross-origin rules of the URL whose rules are the most open.
    pub fn cors(&self) -> Fact<Option<Cors>> {
        let settled = self.settled(|url| url.cors.as_ref().is_some_and(any_origin));
        settled.map(|urls| {
            let all = urls.iter().filter_map(|url| url.cors.as_ref());
            all.max_by_key(|cors| (any_origin(cors), cors.credentials, cors.origins.len())).cloned()
        })
    }

    /// The URLs. Where aliases stayed dark they are unknown, unless one that was read decides it.
    fn settled(&self, decides: impl Fn(&Url) -> bool) -> Fact<&[Url]> {
        let enough = self.urls.known().is_some_and(|urls| urls.iter().any(decides));
        match (&self.urls, &self.dark) {
            (Fact::Known(urls), None) => Fact::Known(urls.as_slice()),
            (Fact::Known(urls), Some(_)) if enough => Fact::Known(urls.as_slice()),
            (_, Some(why)) | (Fact::Unknown(why), None) => Fact::Unknown(why.clone()),
        }
    }

    /// The documents that say which services may invoke, each with the alias it hangs on.
    pub fn documents(&self) -> Fact<&[(Option<String>, String)]> {
        match self.unread.as_ref().or(self.unlisted.as_ref()) {
            Some(why) => Fact::Unknown(why.clone()),
            None => Fact::Known(self.policies.as_slice()),
        }
    }

    /// By which aliases services hand events over, and why these may not be all; by none, which is the function
    /// itself, where nothing says otherwise.
    pub fn of_events(&self, account: &str) -> (Vec<Option<String>>, Option<Unknown>) {
        if self.alone {
            return (vec![None], None);
        }
        let hands_over =
            |text: &str| iam::services(text, account).iter().any(|(kind, _)| Trigger::hands_over(kind));
        let called = self.policies.iter().filter(|(_, text)| hands_over(text));
        let ways: Vec<_> = called.map(|(alias, _)| alias.clone()).collect();
        let missing = self.unread.clone().or_else(|| self.unlisted.clone());
        if ways.is_empty() && missing.is_none() { (vec![None], None) } else { (ways, missing) }
    }

    /// Who may invoke it, by its own policy or by that of an alias.
    pub fn policy(&self, reader: &Reader, arn: &str) -> Fact<ResourcePolicy> {
        let mut missing = self.unread.clone().or_else(|| self.unlisted.clone());
        let mut read = Vec::new();
        for (alias, text) in &self.policies {
            let policy = reader.invoke_policy(POLICY, arn, text, self.url_beside(alias.as_deref()));
            if policy.known().is_some_and(|(_, left_out)| *left_out) {
                missing = missing.or_else(|| self.unread_urls());
            }
            read.push((alias.as_deref(), policy.map(|(policy, _)| policy)));
        }
        together(read.into_iter(), missing)
    }

    /// The URL that hangs where a policy hangs.
    fn url_beside(&self, alias: Option<&str>) -> iam::Url {
        let urls = match &self.urls {
            Fact::Known(urls) => urls,
            Fact::Unknown(_) => return iam::Url::Unread,
        };
        match urls.iter().find(|url| url.alias.as_deref() == alias) {
            Some(Url { auth: EndpointAuth::None, .. }) => iam::Url::Asks("NONE"),
            Some(_) => iam::Url::Asks("AWS_IAM"),
            None if alias.is_some() && self.dark.is_some() => iam::Url::Unread,
            None => iam::Url::None,
        }
    }

    fn unread_urls(&self) -> Option<Unknown> {
        match &self.urls {
            Fact::Unknown(why) => Some(why.clone()),
            Fact::Known(_) => self.dark.clone(),
        }
    }
}

fn any_origin(cors: &Cors) -> bool {
    cors.origins.iter().any(|origin| matches!(origin.trim(), "*" | "null"))
}

/// Policies as one. If one lets everyone in, that holds whatever the others say; otherwise all of
/// them must have been read.
fn together<'a>(
    policies: impl Iterator<Item = (Option<&'a str>, Fact<ResourcePolicy>)>,
    mut missing: Option<Unknown>,
) -> Fact<ResourcePolicy> {
    let mut whole = ResourcePolicy::default();
    for (alias, policy) in policies {
        match policy {
            Fact::Known(policy) => add(&mut whole, alias, policy),
            Fact::Unknown(why) => missing = missing.or(Some(why)),
        }
    }
    match missing {
        Some(why) if whole.public.is_empty() => Fact::Unknown(why),
        _ => Fact::Known(whole),
    }
}

fn add(whole: &mut ResourcePolicy, alias: Option<&str>, mut policy: ResourcePolicy) {
    if let Some(alias) = alias {
        let grants = policy.public.iter_mut().chain(&mut policy.accounts).chain(&mut policy.open_services);
        for grant in grants {
            grant.statement = format!("{} (alias {alias})", grant.statement);
        }
    }
    whole.public.append(&mut policy.public);
    whole.accounts.append(&mut policy.accounts);
    whole.open_services.append(&mut policy.open_services);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Grant;

    const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

    fn denied() -> Unknown {
        let call = URLS.call.to_owned();
        Unknown { reason: format!("{call} denied"), permission: Some(call) }
    }

    fn url(alias: &str, auth: &FunctionUrlAuthType, origin: Option<&str>) -> Url {
        let cors = origin.map(|origin| aws_sdk_lambda::types::Cors::builder().allow_origins(origin).build());
        let arn = if alias.is_empty() { ARN.to_owned() } else { format!("{ARN}:{alias}") };
        Url::new(&arn, auth, cors)
    }

    fn ways(urls: Vec<Url>, dark: Option<Unknown>) -> Ways {
        Ways {
            urls: Fact::Known(urls),
            policies: Vec::new(),
            unread: None,
            dark,
            unlisted: None,
            alone: false,
        }
    }

    fn public() -> ResourcePolicy {
        let everyone = Grant { statement: "open".into(), principal: "*".into(), actions: Vec::new() };
        ResourcePolicy { public: vec![everyone], ..ResourcePolicy::default() }
    }

    #[test]
    fn an_open_url_of_an_alias_is_an_open_endpoint() {
        let iam = url("", &FunctionUrlAuthType::AwsIam, Some("https://app.example.com"));
        let live = url("live", &FunctionUrlAuthType::None, Some("*"));
        let found = ways(vec![iam, live], None);
        let endpoints = found.endpoints().known().cloned().expect("known");
        assert_eq!(endpoints[0], Endpoint { name: "function URL".into(), auth: EndpointAuth::Iam });
        assert_eq!(endpoints[1], Endpoint { name: "function URL of live".into(), auth: EndpointAuth::None });
        let cors = found.cors().known().cloned().flatten().expect("rules");
        assert_eq!(cors.origins, ["*"]);
    }

    #[test]
    fn aliases_that_stay_dark_leave_only_what_is_open_known() {
        for urls in [Vec::new(), vec![url("", &FunctionUrlAuthType::AwsIam, None)]] {
            let found = ways(urls, Some(denied()));
            assert_eq!(found.endpoints(), Fact::Unknown(denied()));
            assert_eq!(found.cors(), Fact::Unknown(denied()));
        }
        let open = ways(vec![url("", &FunctionUrlAuthType::None, Some("*"))], Some(denied()));
        assert_eq!(open.endpoints().known().map(Vec::len), Some(1));
        assert!(open.cors().known().is_some());
        assert_eq!(ways(Vec::new(), None).endpoints(), Fact::Known(Vec::new()));
        assert_eq!(ways(Vec::new(), None).cors(), Fact::Known(None));
    }

    #[test]
    fn events_come_by_what_a_policy_of_such_a_service_hangs_on() {
        let by = |policies: &[(Option<&str>, &str)], unlisted: Option<Unknown>| {
            let text = |service: &str| {
                format!(
                    r#"{{"Statement":{{"Effect":"Allow","Principal":{{"Service":"{service}.amazonaws.com"}},"Action":"lambda:InvokeFunction"}}}}"#
                )
            };
            let policies =
                policies.iter().map(|(alias, service)| (alias.map(str::to_owned), text(service))).collect();
            Ways { policies, unlisted, ..ways(Vec::new(), None) }.of_events("111122223333")
        };
        let live = || Some("live".to_owned());
        assert_eq!(by(&[], None), (vec![None], None));
        assert_eq!(by(&[(Some("live"), "s3")], None), (vec![live()], None));
        let both = [(None, "sns"), (Some("live"), "apigateway")];
        assert_eq!(by(&both, None), (vec![None], None), "who waits for an answer loses nothing");
        assert_eq!(
            by(&[(None, "s3")], Some(denied())),
            (vec![None], Some(denied())),
            "an alias, too, perhaps"
        );
        let alone = Ways { unread: Some(denied()), alone: true, ..ways(Vec::new(), None) };
        assert_eq!(alone.of_events("1"), (vec![None], None), "there is no other way");
    }

    #[test]
    fn the_url_beside_a_policy_is_that_of_its_alias() {
        let live = url("live", &FunctionUrlAuthType::None, None);
        let found = ways(vec![live], None);
        assert_eq!(found.url_beside(Some("live")), iam::Url::Asks("NONE"));
        assert_eq!(
            (found.url_beside(None), found.url_beside(Some("blue"))),
            (iam::Url::None, iam::Url::None)
        );
        let found = ways(vec![url("", &FunctionUrlAuthType::AwsIam, None)], Some(denied()));
        assert_eq!(found.url_beside(None), iam::Url::Asks("AWS_IAM"));
        assert_eq!(found.url_beside(Some("live")), iam::Url::Unread);
    }

    #[test]
    fn a_public_policy_of_an_alias_is_public_whatever_was_not_read() {
        let own = || (None, Fact::Known(ResourcePolicy::default()));
        let alias = (Some("live"), Fact::Known(public()));
        let whole = together([own(), alias].into_iter(), Some(denied())).known().cloned().expect("known");
        assert_eq!(whole.public[0].statement, "open (alias live)");
        assert_eq!(together([own()].into_iter(), None), Fact::Known(ResourcePolicy::default()));
        assert_eq!(together([own()].into_iter(), Some(denied())), Fact::Unknown(denied()));
        let unread = (Some("live"), Fact::unknown("bad"));
        assert_eq!(together([own(), unread].into_iter(), None), Fact::unknown("bad"));
    }
}
