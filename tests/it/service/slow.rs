//! The sample registry behind a slow line, so that there is a middle of a run to break.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use parallax::demo::{SampleCloud, Shape};
use parallax::model::{ConnectionSpec, RegistrySpec};

/// What each answer waits.
const DELAY: Duration = Duration::from_millis(60);

/// A running slow registry.
pub struct SlowRegistry {
    address: String,
    _cloud: Arc<SampleCloud>,
}

impl SlowRegistry {
    pub async fn start(assets: u32) -> Self {
        let shape = Shape { assets, throttle_every: 0, ..Shape::default() };
        let cloud = Arc::new(SampleCloud::start(shape).await.expect("a free port"));
        let registry = cloud.connections().into_iter().find_map(|(_, spec)| match spec {
            ConnectionSpec::Registry(spec) => Some(spec.address),
            _ => None,
        });
        let behind = format!("http://{}", registry.expect("the sample cloud has a registry"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let client = reqwest::Client::new();
        let app =
            Router::new().fallback(move |request: Request| pass_on(client.clone(), behind.clone(), request));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, _cloud: cloud }
    }

    pub fn spec(&self) -> ConnectionSpec {
        let address = self.address.clone();
        ConnectionSpec::Registry(RegistrySpec { address, plain_http: true, ..RegistrySpec::default() })
    }
}

async fn pass_on(client: reqwest::Client, behind: String, request: Request) -> Response<Body> {
    tokio::time::sleep(DELAY).await;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut onward = client.request(request.method().clone(), format!("{behind}{path}"));
    if let Some(accept) = request.headers().get("accept") {
        onward = onward.header("accept", accept);
    }
    let answer = onward.send().await.expect("the sample cloud answers");
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "transfer-encoding") {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.bytes().await.expect("a body"))).expect("a response")
}
