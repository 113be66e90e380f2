//! The AWS collector against moto: planted verdicts, denied calls, and sources that do not answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use chrono::{TimeZone, Utc};
use parallax::analysis::secrets::FingerprintKey;
use parallax::collect::{self, CollectError, Collector, Event, RunBuilder};
use parallax::model::{Asset, AwsCredentials, AwsSpec, ConnectionSpec, Facts, Gap, Settings, Verdict};
use parallax::rules::{self, Context};

use crate::support::account::{self, FUNCTIONS, REGION, REPOSITORIES, SECRETS};
use crate::support::moto::Moto;

fn spec(endpoint: &str, regions: &[&str]) -> ConnectionSpec {
    ConnectionSpec::Aws(AwsSpec {
        regions: regions.iter().map(|region| (*region).to_owned()).collect(),
        credentials: AwsCredentials::Sample,
        endpoint: Some(endpoint.to_owned()),
    })
}

/// Everything one pass finds.
async fn collect(spec: &ConnectionSpec) -> Result<(Vec<Asset>, Vec<Gap>), CollectError> {
    let source = collect::open(spec, FingerprintKey::new([7; 32])).await?;
    let (run, mut events) = RunBuilder::channel(64);
    let reading = async move { source.collect(&run).await };
    let taking = async {
        let (mut assets, mut gaps) = (Vec::new(), Vec::new());
        while let Some(event) = events.recv().await {
            match event {
                Event::Asset(asset) => assets.push(*asset),
                Event::Gap(gap) => gaps.push(gap),
                Event::Progress(_) => {}
            }
        }
        (assets, gaps)
    };
    let (read, found) = tokio::join!(reading, taking);
    read.map(|()| found)
}

fn verdicts(assets: &[Asset]) -> HashMap<(String, &'static str), (Verdict, String)> {
    let now = Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).single().expect("a real day");
    let settings = Settings::default();
    let mut all = HashMap::new();
    for asset in assets {
        let outcomes = rules::evaluate(&Context::fresh(asset, &settings, now));
        for (control, outcome) in rules::all().iter().zip(outcomes) {
            all.insert((asset.name.clone(), control.code), (outcome.verdict, outcome.reason.to_string()));
        }
    }
    all
}

#[tokio::test]
async fn every_planted_verdict_is_found() {
    let moto = Moto::start().await;
    let planted = account::plant(&moto).await;
    let (assets, gaps) = collect(&spec(&moto.endpoint(), &[REGION])).await.expect("moto lets us in");
    assert_eq!(assets.len(), FUNCTIONS + REPOSITORIES, "gaps: {gaps:#?}");
    let found = verdicts(&assets);
    let wrong: Vec<String> = planted
        .iter()
        .filter_map(|one| {
            let (verdict, reason) = &found[&(one.asset.clone(), one.control)];
            (*verdict != one.verdict).then(|| {
                format!("{} {}: {verdict} instead of {} ({reason})", one.asset, one.control, one.verdict)
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} disagree:\n{}", wrong.len(), planted.len(), wrong.join("\n"));
    let text = serde_json::to_string(&assets).expect("assets are JSON");
    for secret in SECRETS {
        assert!(!text.contains(secret), "a value was kept");
    }
    // What moto does not offer is a gap each, however many functions wanted it.
    let html: Vec<_> =
        gaps.iter().filter(|gap| gap.code == "html-body").map(|gap| gap.call.as_str()).collect();
    assert!(html.contains(&"lambda:GetRuntimeManagementConfig"), "{gaps:#?}");
    assert_eq!(
        gaps.len(),
        gaps.iter().map(|gap| (&gap.call, &gap.code)).collect::<std::collections::HashSet<_>>().len()
    );
}

/// What a proxy in front of moto does to some calls.
#[derive(Clone, Copy)]
enum Trouble {
    DenyPolicy,
    Throttle,
    Truncate,
    DenyList,
}

#[derive(Clone)]
struct Proxy {
    target: String,
    trouble: Trouble,
    count: Arc<AtomicU64>,
    http: reqwest::Client,
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let count = proxy.count.fetch_add(1, Ordering::Relaxed);
    let refuse = |status: StatusCode, code: &str, body: &str| {
        Response::builder()
            .status(status)
            .header("x-amzn-errortype", code)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .expect("a response")
    };
    match proxy.trouble {
        Trouble::DenyPolicy if path.ends_with("/policy") => {
            return refuse(StatusCode::FORBIDDEN, "AccessDeniedException", r#"{"Message":"no"}"#);
        }
        Trouble::Throttle if count % 4 == 3 => {
            return refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequestsException",
                r#"{"Message":"slow"}"#,
            );
        }
        Trouble::Truncate if path.ends_with("/url") => {
            return refuse(StatusCode::OK, "", r#"{"AuthType":"NO"#);
        }
        Trouble::DenyList
            if path.starts_with("/2015-03-31/functions/?")
                || path == "/2015-03-31/functions"
                || path == "/2015-03-31/functions/" =>
        {
            return refuse(StatusCode::FORBIDDEN, "AccessDeniedException", r#"{"Message":"no"}"#);
        }
        _ => {}
    }
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a small body");
    let mut onward = proxy.http.request(parts.method, format!("{}{path}", proxy.target)).body(bytes);
    for (name, value) in &parts.headers {
        if name != "host" && name != "content-length" {
            onward = onward.header(name, value);
        }
    }
    let answer = onward.send().await.expect("moto answers");
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answer.bytes().await.expect("a body"))).expect("a response")
}

/// A small account behind a proxy that makes trouble.
async fn in_trouble(trouble: Trouble) -> (Vec<Asset>, Vec<Gap>) {
    let moto = Moto::start().await;
    let client = aws_sdk_lambda::Client::new(&moto.config(REGION).await);
    for number in 0..6 {
        let code = aws_sdk_lambda::types::FunctionCode::builder()
            .zip_file(aws_sdk_lambda::primitives::Blob::new(
                *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            ))
            .build();
        let iam = aws_sdk_iam::Client::new(&moto.config(REGION).await);
        let _ = iam.create_role().role_name("r").assume_role_policy_document("{}").send().await;
        let create = client
            .create_function()
            .function_name(format!("f{number}"))
            .role("arn:aws:iam::123456789012:role/r");
        create.handler("a.b").runtime("python3.13".into()).code(code).send().await.expect("a function");
    }
    let proxy =
        Proxy { target: moto.endpoint(), trouble, count: Arc::default(), http: reqwest::Client::new() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        axum::serve(listener, axum::Router::new().fallback(forward).with_state(proxy)).await
    });
    collect(&spec(&format!("http://{address}"), &[REGION]))
        .await
        .expect("a run always ends with assets and gaps")
}

#[tokio::test]
async fn one_denied_call_is_one_gap_and_its_facts_are_unknown() {
    let (assets, gaps) = in_trouble(Trouble::DenyPolicy).await;
    assert_eq!(assets.len(), 6);
    let denied: Vec<_> = gaps.iter().filter(|gap| gap.call == "lambda:GetPolicy").collect();
    assert_eq!(denied.len(), 1, "{gaps:#?}");
    assert_eq!(denied[0].permission.as_deref(), Some("lambda:GetPolicy"));
    for (key, (verdict, reason)) in verdicts(&assets) {
        if key.1 == "ACC-01" || key.1 == "ACC-09" {
            assert_eq!(verdict, Verdict::Unknown, "{key:?}: {reason}");
        }
        if key.1 == "OPS-07" {
            assert_eq!(verdict, Verdict::Fail, "a missing permission is told");
        }
    }
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let (assets, gaps) = in_trouble(Trouble::Throttle).await;
    assert_eq!(assets.len(), 6);
    assert!(gaps.iter().all(|gap| !gap.code.contains("TooMany")), "{gaps:#?}");
}

#[tokio::test]
async fn a_torn_answer_is_a_gap_and_never_a_value() {
    let (assets, gaps) = in_trouble(Trouble::Truncate).await;
    assert_eq!(assets.len(), 6);
    assert!(gaps.iter().any(|gap| gap.call == "lambda:GetFunctionUrlConfig"), "{gaps:#?}");
    for asset in &assets {
        let Facts::Function(facts) = &asset.facts else { continue };
        assert!(facts.endpoints.known().is_none(), "{:?}", facts.endpoints);
    }
}

#[tokio::test]
async fn a_list_that_is_refused_hides_assets() {
    let (assets, gaps) = in_trouble(Trouble::DenyList).await;
    assert!(assets.is_empty());
    assert!(gaps.iter().any(|gap| gap.call == "lambda:ListFunctions" && gap.hides_assets), "{gaps:#?}");
}

#[tokio::test]
async fn what_cannot_be_reached_or_does_not_exist_is_named() {
    let closed = collect(&spec("http://127.0.0.1:1", &[REGION])).await.expect_err("nothing listens there");
    assert!(
        matches!(&closed, CollectError::Unreachable { what, .. } if what.contains("127.0.0.1:1")),
        "{closed}"
    );
    let moto = Moto::start().await;
    let region = collect(&spec(&moto.endpoint(), &["eu-wset-1"])).await.expect_err("no such region");
    assert!(matches!(&region, CollectError::Invalid { what, .. } if what.contains("eu-wset-1")), "{region}");
    let abroad =
        collect(&spec("https://lambda.example.com", &[REGION])).await.expect_err("not on this machine");
    assert!(abroad.to_string().contains("sample"), "{abroad}");
}
