//! Which regions an account has enabled.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::{Call, rest};
use crate::demo::estate::FORBIDDEN_REGION;

/// `ListRegions`, two to a page so that readers have to turn one.
pub fn list_regions(call: &Call<'_>) -> Response<Body> {
    let regions = call.account().regions;
    let mut names: Vec<&str> = regions.iter().map(|region| region.name).collect();
    if call.account == 0 {
        names.push(FORBIDDEN_REGION);
    }
    let asked = call.json();
    let total = names.len() as u64;
    let (range, next) = super::page(asked.get("NextToken").and_then(Value::as_str), total, 2);
    let listed: Vec<Value> = names
        .iter()
        .enumerate()
        .filter(|(index, _)| range.contains(&(*index as u64)))
        .map(|(_, name)| json!({ "RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT" }))
        .collect();
    rest(&json!({ "Regions": listed, "NextToken": next }))
}
