//! Wrong input and spoilt answers: said plainly where nothing can be read, a gap where something
//! can.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use parallax::collect::CollectError;
use parallax::model::{Facts, FunctionFacts};

use crate::support::aws::{Deed, Found, Judge, REGION, collect, front, moto, spec};

fn function<'a>(found: &'a Found, name: &str) -> &'a FunctionFacts {
    match &found.asset(name).facts {
        Facts::Function(facts) => facts,
        other => panic!("{name} is no function: {other:?}"),
    }
}

async fn through(address: &str, judge: Arc<Judge>) -> Found {
    let front = front(address, judge).await;
    collect(&spec(&front, REGION)).await.expect("the run ends well")
}

#[tokio::test]
async fn what_cannot_be_read_at_all_is_said_plainly() {
    let moto = moto().await;
    let error = collect(&spec(&moto.address, "eu-west-77")).await.expect_err("no such region");
    assert!(matches!(error, CollectError::Invalid { .. }), "{error:?}");
    assert!(error.to_string().contains("eu-west-77"), "{error}");

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let start = Instant::now();
    let error = collect(&spec(&address, REGION)).await.expect_err("nobody there");
    assert!(matches!(error, CollectError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&address), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?} to say so", start.elapsed());

    let refusing = front(&moto.address, Arc::new(|_, _, _| Deed::Refuse(403, "InvalidClientTokenId"))).await;
    let error = collect(&spec(&refusing, REGION)).await.expect_err("refused");
    assert!(matches!(error, CollectError::Credentials { .. }), "{error:?}");

    let elsewhere = collect(&spec("http://192.0.2.1", REGION)).await.expect_err("not on this machine");
    assert!(matches!(elsewhere, CollectError::Invalid { .. }), "{elsewhere:?}");
}

#[tokio::test]
async fn spoilt_answers_are_gaps_and_leave_the_rest() {
    let moto = moto().await;
    moto.fill(12, 2).await.expect("a filled account");
    denied(&moto.address).await;
    truncated(&moto.address).await;
    throttled(&moto.address).await;
    hidden(&moto.address).await;
}

/// One call of many is denied: its facts alone are unknown, with the permission that helps.
async fn denied(address: &str) {
    let policies: Arc<Judge> = Arc::new(|method, path, _| {
        if path.ends_with("/policy") && method == "GET" {
            Deed::Refuse(403, "AccessDeniedException")
        } else {
            Deed::Pass
        }
    });
    let found = through(address, policies).await;
    let gaps: Vec<_> = found.gaps.iter().filter(|gap| gap.call == "lambda:GetPolicy").collect();
    assert_eq!(gaps.len(), 1, "{:?}", found.gaps());
    assert_eq!(gaps[0].permission.as_deref(), Some("lambda:GetPolicy"));
    assert!(!gaps[0].hides_assets);
    for n in 0..12 {
        let facts = function(&found, &format!("function-{n}"));
        let why = facts.invoke_policy.why_unknown().expect("unknown, not clean");
        assert_eq!(why.permission.as_deref(), Some("lambda:GetPolicy"));
        assert!(facts.identity.known().is_some() && facts.endpoints.known().is_some());
    }
}

/// Half an answer is no answer.
async fn truncated(address: &str) {
    let halved: Arc<Judge> =
        Arc::new(|_, path, _| if path.contains("/functions/function-3") { Deed::Halve } else { Deed::Pass });
    let found = through(address, halved).await;
    let facts = function(&found, "function-3");
    assert!(facts.tags.known().is_none() && facts.package.known().is_none(), "{facts:?}");
    assert!(function(&found, "function-4").tags.known().is_some());
    assert!(found.gaps().contains(&("lambda:GetFunction", "unreadable-body")), "{:?}", found.gaps());
}

/// One call of each function is turned away twice before it is let through: slower, and nothing is lost.
async fn throttled(address: &str) {
    let asked: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let count = Arc::clone(&asked);
    let busy: Arc<Judge> = Arc::new(move |_, path, _| {
        let name = path.strip_prefix("/2015-03-31/functions/").filter(|name| !name.contains('/'));
        let Some(name) = name.filter(|name| name.starts_with("function-")) else { return Deed::Pass };
        let mut count = count.lock().expect("a lock");
        let times = count.entry(name.to_owned()).or_default();
        *times += 1;
        if *times <= 2 { Deed::Refuse(429, "TooManyRequestsException") } else { Deed::Pass }
    });
    let found = through(address, busy).await;
    let asked = asked.lock().expect("a lock").clone();
    assert!(asked.len() == 12 && asked.values().all(|times| *times == 3), "{asked:?}");
    for n in 0..12 {
        let facts = function(&found, &format!("function-{n}"));
        assert!(facts.tags.known().is_some() && facts.package.known().is_some(), "{facts:?}");
    }
    let motos_own = ["html-body", "digest-mismatch"];
    assert!(found.gaps().iter().all(|(_, code)| motos_own.contains(code)), "{:?}", found.gaps());
    assert_eq!(found.assets.len(), 12 + 2 + 4);
}

/// A list that is refused hides assets, and the other lists are read all the same.
async fn hidden(address: &str) {
    let no_list: Arc<Judge> = Arc::new(|_, path, _| match path {
        "/2015-03-31/functions" | "/2015-03-31/functions/" => Deed::Refuse(403, "AccessDeniedException"),
        _ => Deed::Pass,
    });
    let found = through(address, no_list).await;
    let gap = found.gaps.iter().find(|gap| gap.call == "lambda:ListFunctions").expect("a gap");
    assert!(gap.hides_assets);
    assert_eq!(found.assets.len(), 2 + 4);
}
