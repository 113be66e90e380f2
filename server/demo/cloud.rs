//! The server in front of the sample estate: one address, a path a source.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::estate::{ACCOUNTS, Estate, FORBIDDEN_REGION, SUBSCRIPTIONS, Shape};
use super::{aws, azure, oci};
use crate::model::{AwsCredentials, AwsSpec, AzureSpec, ConnectionSpec, RegistrySpec};

/// No request of a collector is larger.
const MOST_BODY: usize = 4 << 20;

/// A running sample cloud; it stops when dropped.
#[derive(Debug)]
pub struct SampleCloud {
    address: SocketAddr,
    estate: Arc<Estate>,
    server: JoinHandle<()>,
}

impl SampleCloud {
    /// Starts answering for an estate of `shape` on a free port of the loopback address.
    pub async fn start(shape: Shape) -> std::io::Result<Self> {
        Self::start_on(0, shape).await
    }

    /// The same on one port: the registry's assets are known by its address, so that an estate to
    /// be met again must be met at the same one.
    pub async fn start_on(port: u16, shape: Shape) -> std::io::Result<Self> {
        let estate = Arc::new(Estate::new(shape));
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::max(MOST_BODY)).with_state(
            Arc::new(Face { estate: Arc::clone(&estate), address, shelf: oci::Shelf::default() }),
        );
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the sample cloud stopped");
            }
        });
        Ok(Self { address, estate, server })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests answered so far.
    pub fn requests(&self) -> u64 {
        self.estate.requests()
    }

    /// Lets a day pass `now`: some assets change. Gives the new day's number.
    pub fn next_day(&self, now: DateTime<Utc>) -> u32 {
        self.estate.next_day(now)
    }

    /// The connections that read it, with their names.
    pub fn connections(&self) -> Vec<(String, ConnectionSpec)> {
        let mut found: Vec<(String, ConnectionSpec)> = ACCOUNTS
            .iter()
            .enumerate()
            .map(|(index, account)| {
                // Named here, so that nobody asks the machine it runs on for a region.
                let mut regions: Vec<String> = account.regions.iter().map(|one| one.name.into()).collect();
                if index == 0 {
                    regions.push(FORBIDDEN_REGION.into());
                }
                let spec = AwsSpec {
                    regions,
                    credentials: AwsCredentials::Sample,
                    endpoint: Some(format!("http://{}/aws/{index}", self.address)),
                };
                (format!("Sample AWS {}", account.alias), ConnectionSpec::Aws(spec))
            })
            .collect();
        let azure = AzureSpec {
            subscriptions: SUBSCRIPTIONS.iter().map(|(id, _)| (*id).to_string()).collect(),
            endpoint: Some(format!("http://{}", self.address)),
            sample: true,
            ..AzureSpec::default()
        };
        found.push(("Sample Azure".into(), ConnectionSpec::Azure(azure)));
        let registry =
            RegistrySpec { address: self.address.to_string(), plain_http: true, ..RegistrySpec::default() };
        found.push(("Sample registry".into(), ConnectionSpec::Registry(registry)));
        found
    }
}

impl Drop for SampleCloud {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What answering takes.
struct Face {
    estate: Arc<Estate>,
    address: SocketAddr,
    shelf: oci::Shelf,
}

async fn answer(State(face): State<Arc<Face>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MOST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    face.respond(&parts, &body)
}

impl Face {
    fn respond(&self, parts: &Parts, body: &Bytes) -> Response<Body> {
        let (estate, path) = (&*self.estate, parts.uri.path());
        if let Some(rest) = path.strip_prefix("/aws/") {
            let (account, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let account = account.parse().unwrap_or(usize::MAX);
            return aws::answer(estate, account, (&parts.method, rest, &parts.uri), &parts.headers, body);
        }
        if path == "/v2" || path.starts_with("/v2/") {
            return oci::answer(estate, &self.shelf, &parts.method, &parts.uri);
        }
        azure::answer(estate, self.address, parts, body)
    }
}
