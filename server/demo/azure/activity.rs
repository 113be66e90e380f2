//! The activity log: what changed on the days that have come. Code is deployed past Resource Manager, so
//! of a change of functions it knows nothing.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use chrono::DateTime;
use serde_json::{Value, json};

use super::app::App;
use super::{Call, at, error, not_found};

/// The service's own page size.
const PAGE: u64 = 200;

/// Answers one call on `rest`, the path after the provider's name.
pub fn answer(call: &Call<'_>, subscription: usize, rest: &[&str]) -> Response<Body> {
    if !rest.join("/").eq_ignore_ascii_case("eventtypes/management/values") {
        return not_found(call.path);
    }
    let filter = call.query("$filter").unwrap_or_default();
    let from = filter.split_once("eventTimestamp ge '").and_then(|(_, rest)| rest.split('\'').next());
    let Some(from) = from.and_then(|text| DateTime::parse_from_rfc3339(text).ok()) else {
        let message = "The $filter query parameter is required and must hold a start time.";
        return error(StatusCode::BAD_REQUEST, "BadRequest", message);
    };
    let days = call.estate.days_between(from.to_utc(), DateTime::<chrono::Utc>::MAX_UTC);
    let entries: Vec<Value> = days.iter().rev().flat_map(|day| on_day(call, subscription, *day)).collect();
    call.listed(entries.len() as u64, PAGE, |index| vec![entries[at(index)].clone()])
}

fn on_day(call: &Call<'_>, subscription: usize, day: u32) -> Vec<Value> {
    let came = call.estate.came(day).unwrap_or_default().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let touched = (0..call.estate.apps(subscription)).filter_map(|index| {
        let app = App::new(call.estate, subscription, index);
        let (operation, below) = match app.touched(day)? {
            "functions" => return None,
            "settings" => ("Microsoft.Web/sites/config/write", "/config/appsettings"),
            "https" | "tags" => ("Microsoft.Web/sites/write", ""),
            _ => ("Microsoft.Web/sites/config/write", "/config/web"),
        };
        Some(json!({ "resourceId": format!("{}{below}", app.id()), "eventTimestamp": came,
            "operationName": { "value": operation, "localizedValue": operation } }))
    });
    touched.collect()
}
