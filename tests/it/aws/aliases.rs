//! Aliases have URLs and policies of their own: one that is open is not passed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parallax::demo::{SampleCloud, Shape};
use parallax::model::{EndpointAuth, Facts, FunctionFacts};

use crate::support::aws::{Deed, Found, Judge, REGION, collect, front, moto, spec};

const URLS: &str = r#"{"FunctionUrlConfigs":[{"FunctionUrl":"https://a.lambda-url.eu-west-1.on.aws/",
    "FunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:function-0:live","AuthType":"NONE",
    "CreationTime":"2026-03-04T10:20:30.000Z","LastModifiedTime":"2026-03-04T10:20:30.000Z",
    "Cors":{"AllowOrigins":["*"]},"InvokeMode":"BUFFERED"}]}"#;
const POLICY: &str = r#"{"RevisionId":"1","Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"open\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunctionUrl\",\"Resource\":\"x\"}]}"}"#;

const ALIASES: &str = r#"{"Aliases":[{"AliasArn":"arn:aws:lambda:eu-west-1:123456789012:function:function-1:live",
    "Name":"live","FunctionVersion":"1"}]}"#;
const OF_ALIAS: &str = r#"{"RevisionId":"1","Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"everyone\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"x\"},{\"Sid\":\"left\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunctionUrl\",\"Resource\":\"x\",\"Condition\":{\"StringEquals\":{\"lambda:FunctionUrlAuthType\":\"NONE\"}}},{\"Sid\":\"uploads\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"s3.amazonaws.com\"},\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"x\",\"Condition\":{\"StringEquals\":{\"AWS:SourceAccount\":\"123456789012\"}}}]}"}"#;
const FAILED: &str = r#"{"FunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:function-1:live",
    "DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:eu-west-1:123456789012:failed"}}}"#;

fn function<'a>(found: &'a Found, name: &str) -> &'a FunctionFacts {
    match &found.asset(name).facts {
        Facts::Function(facts) => facts,
        other => panic!("{name} is no function: {other:?}"),
    }
}

#[tokio::test]
async fn an_open_alias_is_found_and_one_that_may_not_be_seen_is_not_clean() {
    let moto = moto().await;
    moto.fill(2, 0).await.expect("a filled account");
    open(&moto.address).await;
    without_a_url(&moto.address).await;
    denied(&moto.address).await;
    unlisted(&moto.address).await;
}

/// The sample cloud gives an alias's policy to who asks for it by its name alone.
#[tokio::test]
async fn what_an_alias_lets_in_is_asked_of_the_alias() {
    let shape = Shape { assets: 300, throttle_every: 0, ..Shape::default() };
    let cloud = SampleCloud::start(shape).await.expect("a free port on loopback");
    let found =
        collect(&spec(&format!("http://{}/aws/0", cloud.address()), REGION)).await.expect("ends well");
    let functions = found.assets.iter().filter_map(|asset| match &asset.facts {
        Facts::Function(facts) => Some(facts),
        _ => None,
    });
    let triggers: Vec<_> = functions.filter_map(|facts| facts.triggers.known()).flatten().collect();
    let by_alias = |kind: &str| {
        let of_kind = triggers.iter().filter(|one| one.kind.contains(kind));
        of_kind.filter(|one| one.qualifier.as_deref() == Some("live")).count()
    };
    assert!(by_alias(".amazonaws.com") > 2, "services call aliases: {triggers:?}");
}

/// The function itself has neither a URL nor a policy; its alias has both, for everyone.
async fn open(address: &str) {
    let asked = AtomicU32::new(0);
    let judge: Arc<Judge> = Arc::new(move |method, path, _| match (method, path) {
        (_, "/2021-10-31/functions/function-0/urls") => Deed::Answer(URLS.into()),
        // First the function's own policy, then the alias's.
        ("GET", "/2015-03-31/functions/function-0/policy") => match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Deed::Refuse(404, "ResourceNotFoundException"),
            _ => Deed::Answer(POLICY.into()),
        },
        _ => Deed::Pass,
    });
    let front = front(address, judge).await;
    let found = collect(&spec(&front, REGION)).await.expect("the run ends well");
    let facts = function(&found, "function-0");
    let endpoints = facts.endpoints.known().expect("read");
    assert_eq!(endpoints.len(), 1);
    assert_eq!((endpoints[0].name.as_str(), endpoints[0].auth), ("function URL of live", EndpointAuth::None));
    let policy = facts.invoke_policy.known().expect("read");
    assert_eq!(policy.public.len(), 1, "{policy:?}");
    assert_eq!(policy.public[0].statement, "open (alias live)");
    assert_eq!(facts.cors.known().cloned().flatten().expect("rules").origins, ["*"]);
}

/// An alias needs no URL to let everyone in, or to be called by a service whose failed events have a place.
async fn without_a_url(address: &str) {
    let asked = AtomicU32::new(0);
    let judge: Arc<Judge> = Arc::new(move |method, path, _| match (method, path) {
        (_, "/2021-10-31/functions/function-1/urls") => Deed::Answer(r#"{"FunctionUrlConfigs":[]}"#.into()),
        ("GET", "/2015-03-31/functions/function-1/aliases") => Deed::Answer(ALIASES.into()),
        ("GET", "/2015-03-31/functions/function-1/policy") => match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Deed::Refuse(404, "ResourceNotFoundException"),
            _ => Deed::Answer(OF_ALIAS.into()),
        },
        // Asked once: of the alias that events come by.
        ("GET", "/2019-09-25/functions/function-1/event-invoke-config") => Deed::Answer(FAILED.into()),
        _ => Deed::Pass,
    });
    let front = front(address, judge).await;
    let found = collect(&spec(&front, REGION)).await.expect("the run ends well");
    let facts = function(&found, "function-1");
    let policy = facts.invoke_policy.known().expect("read");
    let public: Vec<&str> = policy.public.iter().map(|grant| grant.statement.as_str()).collect();
    assert_eq!(public, ["everyone (alias live)"], "what is left of a removed URL lets nobody in");
    let triggers = facts.triggers.known().expect("read");
    assert!(triggers.iter().any(|one| one.qualifier.as_deref() == Some("live")), "{triggers:?}");
    let kept = facts.async_failure.known().expect("read").destination.as_deref();
    assert_eq!(kept, Some("arn:aws:sqs:eu-west-1:123456789012:failed"));
}

/// Where URLs may not be listed, what the function's own say is not the whole of its endpoints.
async fn denied(address: &str) {
    let found = refused(address, "/urls", "lambda:ListFunctionUrlConfigs").await;
    let open = function(&found, "function-0").endpoints.known().expect("its own URL was read, and is open");
    assert!(open.iter().any(|one| one.auth == EndpointAuth::None), "{open:?}");
    let shut = function(&found, "function-1");
    assert_eq!(help(shut.endpoints.why_unknown()).as_deref(), Some("lambda:ListFunctionUrlConfigs"));
    assert!(shut.invoke_policy.known().is_some(), "its aliases and their policies were read");
}

/// Where aliases may not be listed, nobody knows who is let in by one, or what calls it.
async fn unlisted(address: &str) {
    let listing = "lambda:ListAliases";
    let found = refused(address, "/aliases", listing).await;
    let shut = function(&found, "function-1");
    assert_eq!(help(shut.invoke_policy.why_unknown()).as_deref(), Some(listing));
    assert_eq!(help(shut.triggers.why_unknown()).as_deref(), Some(listing));
    assert!(shut.endpoints.known().is_some(), "URLs are listed with their aliases");
}

fn help(why: Option<&parallax::model::Unknown>) -> Option<String> {
    why.and_then(|why| why.permission.clone())
}

async fn refused(address: &str, ending: &'static str, call: &str) -> Found {
    let judge: Arc<Judge> = Arc::new(move |_, path, _| {
        if path.ends_with(ending) { Deed::Refuse(403, "AccessDeniedException") } else { Deed::Pass }
    });
    let front = front(address, judge).await;
    let found = collect(&spec(&front, REGION)).await.expect("the run ends well");
    let gap = found.gaps.iter().find(|gap| gap.call == call).expect("a gap");
    assert_eq!(gap.permission.as_deref(), Some(call));
    found
}
