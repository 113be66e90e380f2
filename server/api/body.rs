//! A JSON body, read under a limit; what is wrong with it is named.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::ApiState;
use super::call::named;
use super::problem::Problem;

/// A body as `T`.
#[derive(Debug)]
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(Problem::unsupported("send Content-Type: application/json"))
            }
            Err(wrong) if wrong.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::too_long()),
            Err(JsonRejection::JsonDataError(wrong)) => {
                let prefix = "Failed to deserialize the JSON body into the target type: ";
                Err(named("body", prefix, &wrong.body_text()))
            }
            Err(wrong) => Err(Problem::invalid("body", wrong.body_text())),
        }
    }
}
