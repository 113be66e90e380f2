//! Azure Resource Graph: the resources of the subscriptions asked for, by type, a page at a time.
//!
//! It reads of a query which types it names and which columns it wants last; it does not run the language.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::app::App;
use super::registry::Registry;
use super::{Call, error, ok, plan, same};
use crate::demo::estate::SUBSCRIPTIONS;

/// The service's largest page.
const PAGE: u64 = 1000;

/// Answers one query.
pub fn answer(call: &Call<'_>) -> Response<Body> {
    let asked: Value = serde_json::from_slice(call.body).unwrap_or_default();
    let Some(query) = asked["query"].as_str().map(str::to_ascii_lowercase) else {
        return error(StatusCode::BAD_REQUEST, "BadRequest", "Please provide a query.");
    };
    let named = asked["subscriptions"].as_array();
    let subscriptions: Vec<usize> = (0..SUBSCRIPTIONS.len())
        .filter(|index| {
            named.is_none_or(|ids| {
                ids.iter().filter_map(Value::as_str).any(|id| same(id, SUBSCRIPTIONS[*index].0))
            })
        })
        .collect();
    let sources = sources(call, &query, &subscriptions);
    let total: u64 = sources.iter().map(|source| source.count).sum();
    let options = &asked["options"];
    let token = options["$skipToken"].as_str().and_then(|text| text.parse().ok());
    let start = token.or_else(|| options["$skip"].as_u64()).unwrap_or(0).min(total);
    let size = options["$top"].as_u64().unwrap_or(PAGE).clamp(1, PAGE);
    let end = (start + size).min(total);
    let columns = query.rsplit_once("| project ").map(|(_, names)| names.split(", ").collect::<Vec<_>>());
    let shown = |mut row: Value| {
        if let (Some(columns), Some(fields)) = (&columns, row.as_object_mut()) {
            fields.retain(|name, _| columns.contains(&name.as_str()));
        }
        row
    };
    let data: Vec<Value> =
        (start..end).filter_map(|position| row(call, &sources, position)).map(shown).collect();
    let mut body =
        json!({ "totalRecords": total, "count": data.len(), "facets": [], "resultTruncated": "false" });
    body["data"] = data.into();
    if end < total {
        body["$skipToken"] = end.to_string().into();
    }
    ok(&body)
}

#[derive(Clone, Copy)]
enum Kind {
    App,
    Plan,
    Registry,
}

struct Source {
    kind: Kind,
    subscription: usize,
    count: u64,
}

fn sources(call: &Call<'_>, query: &str, subscriptions: &[usize]) -> Vec<Source> {
    let types = [
        ("microsoft.web/sites", Kind::App),
        ("microsoft.web/serverfarms", Kind::Plan),
        ("microsoft.containerregistry/registries", Kind::Registry),
    ];
    let mut found = Vec::new();
    for (_, kind) in types.into_iter().filter(|(name, _)| query.contains(name)) {
        for subscription in subscriptions.iter().copied() {
            let count = match kind {
                Kind::App => call.estate.apps(subscription),
                Kind::Plan => plan::COUNT,
                Kind::Registry => call.estate.registries(subscription),
            };
            found.push(Source { kind, subscription, count });
        }
    }
    found
}

fn row(call: &Call<'_>, sources: &[Source], mut position: u64) -> Option<Value> {
    for source in sources {
        if position < source.count {
            return Some(match source.kind {
                Kind::App => App::new(call.estate, source.subscription, position).site(true),
                Kind::Plan => plan::show(source.subscription, position),
                Kind::Registry => Registry::new(call.estate, source.subscription, position).show(true),
            });
        }
        position -= source.count;
    }
    None
}
