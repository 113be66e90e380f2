//! A moto server as an AWS account, and a front that spoils what it answers.

use std::future::Future;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::Credentials;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Response, header};
use futures::{StreamExt, stream};
use parallax::analysis::secrets::FingerprintKey;
use parallax::bench::Moto;
use parallax::collect::aws::AwsCollector;
use parallax::collect::{CollectError, Collector, Event, RunBuilder};
use parallax::model::{Asset, AwsCredentials, AwsSpec, Gap};

/// The account moto gives to credentials it does not know.
pub const ACCOUNT: &str = "123456789012";
/// The region everything is planted in.
pub const REGION: &str = "eu-west-1";

/// A moto server of this test alone.
pub async fn moto() -> Moto {
    Moto::start().await.expect("moto_server: install moto[server] with pip, or name it in PARALLAX_TEST_MOTO")
}

/// How the SDK reaches it.
pub async fn config(moto: &Moto) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("sample", "sample", None, None, "test"))
        .endpoint_url(&moto.address)
        .load()
        .await
}

/// Does all of these, many at once.
pub async fn all(steps: impl Iterator<Item = impl Future<Output = ()>>) {
    stream::iter(steps).buffer_unordered(24).collect::<Vec<()>>().await;
}

/// How the collector is told of the account behind `endpoint`.
pub fn spec(endpoint: &str, region: &str) -> AwsSpec {
    AwsSpec {
        regions: vec![region.into()],
        credentials: AwsCredentials::Sample,
        endpoint: Some(endpoint.into()),
    }
}

/// What one run found.
#[derive(Debug, Default)]
pub struct Found {
    pub assets: Vec<Asset>,
    pub gaps: Vec<Gap>,
}

impl Found {
    /// The one asset of this name.
    pub fn asset(&self, name: &str) -> &Asset {
        let mut named = self.assets.iter().filter(|asset| asset.name == name);
        let asset = named.next().unwrap_or_else(|| panic!("{name} was not found"));
        assert!(named.next().is_none(), "{name} came twice");
        asset
    }

    /// Call and code of each gap.
    pub fn gaps(&self) -> Vec<(&str, &str)> {
        self.gaps.iter().map(|gap| (gap.call.as_str(), gap.code.as_str())).collect()
    }
}

/// Runs the collector once.
pub async fn collect(spec: &AwsSpec) -> Result<Found, CollectError> {
    let collector = AwsCollector::new(spec, FingerprintKey::new([1; 32])).await?;
    let (run, mut events) = RunBuilder::channel(16);
    let reading = async {
        let outcome = collector.collect(&run).await;
        drop(run);
        outcome
    };
    let gathering = async {
        let mut found = Found::default();
        while let Some(event) = events.recv().await {
            match event {
                Event::Asset(asset, _) => found.assets.push(*asset),
                Event::Gap(gap) => found.gaps.push(gap),
                Event::Progress(_) | Event::Ask(_) | Event::Seen(_) => {}
            }
        }
        found
    };
    let (outcome, found) = tokio::join!(reading, gathering);
    outcome.map(|()| found)
}

/// What the front does with a call.
#[derive(Debug, Clone)]
pub enum Deed {
    /// Hands it on.
    Pass,
    /// Hands it on, and gives back half of the answer.
    Halve,
    /// Answers with this JSON of its own.
    Answer(String),
    /// Answers with this status and AWS error code.
    Refuse(u16, &'static str),
}

/// Method and path of a call, and the target header that names it, to what is done with it.
pub type Judge = dyn Fn(&str, &str, &str) -> Deed + Send + Sync;

/// Stands in front of `target` and returns its own address.
pub async fn front(target: &str, judge: Arc<Judge>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (client, target) = (reqwest::Client::new(), target.to_owned());
    let app = Router::new().fallback(move |request: Request| {
        let (client, target, judge) = (client.clone(), target.clone(), Arc::clone(&judge));
        async move {
            let named = request.headers().get("x-amz-target").and_then(|name| name.to_str().ok());
            let deed = judge(request.method().as_str(), request.uri().path(), named.unwrap_or(""));
            match deed {
                Deed::Refuse(status, code) => refusal(status, code),
                Deed::Answer(body) => Response::new(Body::from(body)),
                Deed::Pass => hand_on(&client, &target, request, false).await,
                Deed::Halve => hand_on(&client, &target, request, true).await,
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn refusal(status: u16, code: &'static str) -> Response<Body> {
    let body = format!(r#"{{"__type":"{code}","message":"no"}}"#);
    let response = Response::builder().status(status).header("x-amzn-errortype", code);
    response.header("content-type", "application/json").body(Body::from(body)).expect("a response")
}

const OF_THE_CONNECTION: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING];

fn strip(mut headers: HeaderMap) -> HeaderMap {
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers
}

async fn hand_on(client: &reqwest::Client, target: &str, request: Request, halve: bool) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 8 << 20).await.expect("a body");
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let answer = client
        .request(parts.method, format!("{target}{path}"))
        .headers(strip(parts.headers))
        .body(body)
        .send()
        .await
        .expect("moto answers");
    let (status, headers) = (answer.status(), strip(answer.headers().clone()));
    let mut body = answer.bytes().await.expect("a body").to_vec();
    if halve {
        body.truncate(body.len() / 2);
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
