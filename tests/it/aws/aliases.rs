//! Aliases have URLs and policies of their own: one that is open is not passed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parallax::model::{EndpointAuth, Facts, FunctionFacts};

use crate::support::aws::{Deed, Found, Judge, REGION, collect, front, moto, spec};

const URLS: &str = r#"{"FunctionUrlConfigs":[{"FunctionUrl":"https://a.lambda-url.eu-west-1.on.aws/",
    "FunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:function-0:live","AuthType":"NONE",
    "CreationTime":"2026-03-04T10:20:30.000Z","LastModifiedTime":"2026-03-04T10:20:30.000Z",
    "Cors":{"AllowOrigins":["*"]},"InvokeMode":"BUFFERED"}]}"#;
const POLICY: &str = r#"{"RevisionId":"1","Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"open\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunctionUrl\",\"Resource\":\"x\"}]}"}"#;

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
    denied(&moto.address).await;
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

/// Where URLs may not be listed, what the function's own say is not the whole.
async fn denied(address: &str) {
    let judge: Arc<Judge> = Arc::new(|_, path, _| {
        if path.ends_with("/urls") { Deed::Refuse(403, "AccessDeniedException") } else { Deed::Pass }
    });
    let front = front(address, judge).await;
    let found = collect(&spec(&front, REGION)).await.expect("the run ends well");
    let listing = "lambda:ListFunctionUrlConfigs";
    let gap = found.gaps.iter().find(|gap| gap.call == listing).expect("a gap");
    assert_eq!(gap.permission.as_deref(), Some(listing));
    let help = |why: Option<&parallax::model::Unknown>| why.and_then(|why| why.permission.clone());
    let open = function(&found, "function-0").endpoints.known().expect("its own URL was read, and is open");
    assert!(open.iter().any(|one| one.auth == EndpointAuth::None), "{open:?}");
    let shut = function(&found, "function-1");
    assert_eq!(help(shut.endpoints.why_unknown()).as_deref(), Some(listing));
    assert_eq!(help(shut.invoke_policy.why_unknown()).as_deref(), Some(listing));
}
