//! The client the management crates speak through: the guard's, so that an endpoint somebody typed
//! leads nowhere it may not, and no redirect is followed with our token.

use std::collections::HashMap;

use azure_core_legacy::error::{Error, ErrorKind};
use azure_core_legacy::headers::{HeaderName, HeaderValue, Headers};
use azure_core_legacy::{Body, HttpClient, Request, Response, StatusCode};
use futures::TryStreamExt;

/// A client judged by the guard.
#[derive(Debug)]
pub struct Guarded(pub reqwest::Client);

#[async_trait::async_trait]
impl HttpClient for Guarded {
    async fn execute_request(&self, request: &Request) -> azure_core_legacy::Result<Response> {
        let broken =
            |cause: reqwest::Error| Error::full(ErrorKind::Io, cause.without_url(), "the request broke");
        let wrong = |what: &str| Error::message(ErrorKind::DataConversion, what.to_owned());
        let method = request.method().as_ref().parse().map_err(|_| wrong("a strange method"))?;
        let mut sending = self.0.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            sending = sending.header(name.as_str(), value.as_str());
        }
        let Body::Bytes(body) = request.body().clone() else { return Err(wrong("a streamed body")) };
        let answer = sending.body(body).send().await.map_err(broken)?;
        let status = StatusCode::try_from(answer.status().as_u16()).map_err(|_| wrong("a strange status"))?;
        let headers: HashMap<_, _> = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                let name = HeaderName::from(name.as_str().to_owned());
                Some((name, HeaderValue::from(value.to_str().ok()?.to_owned())))
            })
            .collect();
        let body = answer.bytes_stream().map_err(broken);
        Ok(Response::new(status, Headers::from(headers), Box::pin(body)))
    }
}
