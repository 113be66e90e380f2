//! The way in: takes connections, bounds what each may ask of us, and ends them in good order.
//!
//! axum's own loop waits for a request's head without end and takes any number of connections.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::AppFault;

/// A head that takes longer to arrive, or a connection that stays silent longer, is ended.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Of a request's head, all of it: the address, cookies, tokens.
const LONGEST_HEAD: usize = 32 * 1024;
/// Headers of a request.
const MOST_HEADERS: usize = 100;
/// Connections at once; others wait for one to end.
const MOST_CONNECTIONS: usize = 2_000;
/// How long answers under way may take once we are told to stop.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait where the system has no more files for connections.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Takes the address to answer at, and says clearly why it cannot be had. `variable` names it.
pub async fn listen(variable: &str, address: SocketAddr) -> Result<TcpListener, AppFault> {
    TcpListener::bind(address).await.map_err(|cause| {
        AppFault::Listen(match cause.kind() {
            ErrorKind::AddrInUse => {
                format!("{variable}: {address} is taken by another program; stop it or set another port")
            }
            _ => format!("{variable}: {address}: {cause}"),
        })
    })
}

/// Answers with `router` until `shut`, then lets what is under way end.
pub async fn answer(listener: TcpListener, router: Router, shut: CancellationToken) {
    let (mut under_way, slots) = (JoinSet::new(), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
    loop {
        let (stream, peer, slot) = tokio::select! {
            () = shut.cancelled() => break,
            Some(_) = under_way.join_next(), if !under_way.is_empty() => continue,
            taken = next(&listener, &slots) => taken,
        };
        let (router, shut) = (router.clone(), shut.clone());
        under_way.spawn(async move {
            keep(stream, peer, router, &shut).await;
            drop(slot);
        });
    }
    drop(listener);
    let ending = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(PATIENCE, ending).await.is_err() {
        tracing::warn!("answers under way were cut off after {} s", PATIENCE.as_secs());
    }
}

/// One connection, until it ends; once we are shut, until the answer under way is given.
async fn keep(stream: TcpStream, peer: SocketAddr, router: Router, shut: &CancellationToken) {
    let service = TowerToHyperService::new(router.map_request(move |request| from(request, peer)));
    let mut connection = pin!(http().serve_connection(TokioIo::new(stream), service));
    // A connection that breaks off is its caller's affair.
    tokio::select! {
        _ = &mut connection => return,
        () = shut.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS);
    http
}

fn from(mut request: Request<Incoming>, peer: SocketAddr) -> Request<Incoming> {
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

/// The next connection, once there is room for it.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<tokio::sync::OwnedSemaphorePermit>) {
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                return (stream, peer, slot);
            }
            Err(cause)
                if matches!(cause.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(cause) => {
                tracing::error!(%cause, "no connection could be taken");
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}
