//! Takes down the calls a collector makes, and makes them again with nothing around them: the floor
//! under a pass over the same source.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, Response, StatusCode, header};
use futures::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const MOST_BODY: usize = 8 << 20;
/// What belongs to a connection and not to a call.
const OF_THE_CONNECTION: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING];

/// A call as it went over the wire.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

type Calls = Arc<Mutex<Vec<Call>>>;

/// A server that hands every call on and takes it down.
#[derive(Debug)]
pub struct Recorder {
    /// Where it answers.
    pub address: SocketAddr,
    calls: Calls,
    server: JoinHandle<()>,
}

impl Recorder {
    /// Stands in front of `target` (`http://host:port`).
    pub async fn start(target: &str) -> std::io::Result<Self> {
        let calls = Calls::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = (target.to_string(), reqwest::Client::new(), Arc::clone(&calls));
        let router = Router::new().fallback(pass_on).with_state(state);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the recorder stopped");
            }
        });
        Ok(Self { address, calls, server })
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass_on(
    State((target, client, calls)): State<(String, reqwest::Client, Calls)>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MOST_BODY).await else {
        return failed(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let mut headers = parts.headers;
    strip(&mut headers);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_string();
    let call = Call { method: parts.method, path, headers, body };
    calls.lock().unwrap_or_else(PoisonError::into_inner).push(call.clone());
    let Ok(answer) = send(&client, &target, &call).await else {
        return failed(StatusCode::BAD_GATEWAY);
    };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    strip(&mut headers);
    let Ok(body) = answer.bytes().await else {
        return failed(StatusCode::BAD_GATEWAY);
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn strip(headers: &mut HeaderMap) {
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
}

fn failed(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

async fn send(client: &reqwest::Client, target: &str, call: &Call) -> reqwest::Result<reqwest::Response> {
    let request = client.request(call.method.clone(), format!("{target}{}", call.path));
    request.headers(call.headers.clone()).body(call.body.clone()).send().await
}

/// Makes the same calls, `at_once` at a time, reading every answer to its end and nothing more.
/// Gives how long it took and how many got no answer.
pub async fn replay(target: &str, calls: &[Call], at_once: usize) -> (Duration, usize) {
    let client = reqwest::Client::new();
    let started = Instant::now();
    let answers = stream::iter(calls).map(|call| async {
        match send(&client, target, call).await {
            Ok(answer) => answer.bytes().await.is_ok(),
            Err(_) => false,
        }
    });
    let failed = answers.buffer_unordered(at_once).filter(|good| std::future::ready(!good)).count().await;
    (started.elapsed(), failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_recorded_can_be_made_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(|uri: axum::http::Uri| async move { uri.to_string() });
        tokio::spawn(async move { axum::serve(listener, router).await });
        let recorder = Recorder::start(&target).await.unwrap();
        let asked = reqwest::Client::new().get(format!("http://{}/a?b=c", recorder.address));
        assert_eq!(asked.send().await.unwrap().text().await.unwrap(), "/a?b=c");
        let calls = recorder.calls();
        assert_eq!((calls.len(), calls[0].path.as_str()), (1, "/a?b=c"));
        assert_eq!(replay(&target, &calls, 2).await.1, 0);
        assert_eq!(replay("http://127.0.0.1:1", &calls, 2).await.1, 1);
    }
}
