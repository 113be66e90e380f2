//! Pages of a list: where one ends and the next begins, and which fields are wanted.

use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::Answer;
use super::problem::Problem;

/// Rows of a page where nothing is said.
pub const SIZE: i64 = 50;
/// Rows of a page at most.
pub const MOST: i64 = 500;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    items: Vec<T>,
    /// Address of the next page; null on the last.
    next: Option<String>,
}

/// A page as it is sent.
#[derive(Serialize)]
struct Told<'a, T> {
    items: &'a [T],
    next: Option<String>,
}

/// How many rows are wanted.
pub fn size(wanted: Option<i64>) -> Result<i64, Problem> {
    let size = wanted.unwrap_or(SIZE);
    if (1..=MOST).contains(&size) {
        Ok(size)
    } else {
        Err(Problem::invalid("limit", format!("choose 1 to {MOST}")))
    }
}

/// The key a cursor stands for.
pub fn key<K: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<K>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let wrong = || Problem::invalid("cursor", "take it from the `next` of the page before");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map(Some).map_err(|_| wrong())
}

/// The address of the page after `key`: the same one, with another cursor.
fn next(uri: &Uri, key: &impl Serialize) -> Option<String> {
    let cursor = URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).ok()?);
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.filter(|(name, _)| name != "cursor"))
        .append_pair("cursor", &cursor)
        .finish();
    Some(format!("{}?{query}", uri.path()))
}

/// A page of rows; `last` is the key of its last row where more follow.
pub fn answer<T: Serialize + PartialSchema>(
    uri: &Uri,
    fields: Option<&str>,
    rows: &[T],
    last: Option<impl Serialize>,
) -> Answer {
    let wanted = fields.map(|fields| chosen::<T>(fields)).transpose()?;
    let next = last.and_then(|key| next(uri, &key));
    let link = next.as_ref().and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
    let mut response = if wanted.is_some() {
        let rows = rows.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(internal)?;
        let items: Vec<Value> = rows.into_iter().map(|row| only(row, wanted.as_deref())).collect();
        axum::Json(Told { items: &items, next }).into_response()
    } else {
        // Straight into text: a page of 500 as values first takes longer than reading it.
        axum::Json(Told { items: rows, next }).into_response()
    };
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// A short list that is told whole.
pub fn whole<T: Serialize + PartialSchema>(uri: &Uri, rows: &[T]) -> Answer {
    answer(uri, None, rows, None::<()>)
}

fn internal(cause: serde_json::Error) -> Problem {
    crate::error::AppError::Internal(Box::new(cause)).into()
}

fn chosen<T: PartialSchema>(fields: &str) -> Result<Vec<String>, Problem> {
    let known: Vec<String> = match T::schema() {
        RefOr::T(Schema::Object(object)) => object.properties.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let wanted: Vec<String> = fields.split(',').map(|one| one.trim().to_owned()).collect();
    match wanted.iter().find(|one| !known.contains(one)) {
        Some(stranger) => {
            Err(Problem::invalid("fields", format!("no field {stranger:?}; there are {}", known.join(", "))))
        }
        None => Ok(wanted),
    }
}

fn only(row: Value, wanted: Option<&[String]>) -> Value {
    match (row, wanted) {
        (Value::Object(mut row), Some(wanted)) => {
            row.retain(|name, _| wanted.contains(name));
            Value::Object(row)
        }
        (row, _) => row,
    }
}

/// A stream of lines as a file.
pub fn file(kind: &'static str, name: &str, body: axum::body::Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_key_and_nonsense_is_named() {
        let uri: Uri = "/api/v1/findings?severity=high&cursor=old&limit=5".parse().expect("an address");
        let address = next(&uri, &(7, "x")).expect("an address");
        assert!(address.starts_with("/api/v1/findings?severity=high&limit=5&cursor="), "{address}");
        let cursor = address.rsplit('=').next();
        assert_eq!(key::<(i32, String)>(cursor).expect("read"), Some((7, "x".into())));
        for wrong in ["old", "", "e30", "%%%"] {
            assert!(key::<(i32, String)>(Some(wrong)).is_err(), "{wrong}");
        }
        assert!(size(Some(0)).is_err() && size(Some(501)).is_err() && size(None).is_ok());
    }
}
