//! The OpenAPI 3.1 document: what the operations say of themselves, and what holds for all.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Json;
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema, SecurityRequirement,
};

use super::problem::Document;
use super::v1;

/// What every operation may answer beside its own.
const PROBLEMS: &[(&str, &str)] = &[
    ("400", "A part of the request makes no sense; `field` names it."),
    ("401", "No token, or none that works."),
    ("403", "The token lacks the scope."),
    ("404", "No such thing, or not yours."),
    ("429", "Too many requests; `Retry-After` says how long to wait."),
    ("503", "The database is away for a moment; `Retry-After` says how long to wait."),
];
/// And those that take a body or change something.
const PROBLEMS_OF_CHANGES: &[(&str, &str)] = &[
    ("409", "Not in the present state."),
    ("413", "The body is too long."),
    ("415", "The body is not JSON."),
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Parallax",
        description = "Serverless functions and containers, read by the same controls. Lists are pages: follow `next` until it is null. Times are RFC 3339 in UTC, ids never change. Send the token as `Authorization: Bearer plx_…`. An operation or field that is to go away is marked `deprecated` here and answers with a `Deprecation` header (RFC 9745) for at least twelve months before it does.",
        contact(name = "Whoever runs this server"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This server")),
    components(schemas(Document)),
    tags(
        (name = "findings", description = "Failing verdicts that live over time."),
        (name = "assets", description = "What was found in the estate."),
        (name = "controls", description = "The questions asked of every asset."),
        (name = "comparison", description = "Serverless beside containers."),
        (name = "connections", description = "What is read, and how reading it went."),
        (name = "exceptions", description = "What is accepted for a time."),
        (name = "tickets", description = "Work on findings."),
        (name = "trackers", description = "Where tickets are also worked on."),
        (name = "webhooks", description = "Who is told of what changes, and what became of each message."),
        (name = "audit", description = "The record of changes."),
    ),
)]
pub struct General;

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let mut document = v1::rooms().description();
    let scheme = SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Bearer).build());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", scheme);
    for schema in components.schemas.values_mut() {
        make_sparse(schema);
        leave_out_null_defaults(schema);
    }
    refer_to_rows(&mut components.schemas);
    for item in document.paths.paths.values_mut() {
        for (operation, changes) in [
            (&mut item.get, false),
            (&mut item.post, true),
            (&mut item.put, true),
            (&mut item.patch, true),
            (&mut item.delete, true),
        ] {
            if let Some(operation) = operation {
                complete(operation, changes);
            }
        }
    }
    document
});

/// The document.
pub fn document() -> &'static OpenApi {
    &DOCUMENT
}

/// The document as data, for the page that shows it.
pub fn described() -> Arc<serde_json::Value> {
    static DESCRIBED: LazyLock<Arc<serde_json::Value>> =
        LazyLock::new(|| Arc::new(serde_json::to_value(document()).unwrap_or_default()));
    Arc::clone(&DESCRIBED)
}

/// `GET /api/v1/openapi.json`: for anybody, it holds nothing of any estate.
pub async fn show() -> Json<&'static OpenApi> {
    Json(document())
}

/// The general part, for the operations to be added to.
pub fn general() -> OpenApi {
    General::openapi()
}

/// Lists can be asked for some fields only, so no field of a row is always there.
fn make_sparse(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema
        && object.description.as_deref().is_some_and(|words| words.contains("(row)"))
    {
        object.required.clear();
        object.description = object.description.take().map(|words| words.replace(" (row)", ""));
    }
}

/// What may be left out but is never null has no default: `null` would be one it refuses.
fn leave_out_null_defaults(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    for property in object.properties.values_mut() {
        let default = match property {
            RefOr::T(Schema::Object(one)) => &mut one.default,
            RefOr::T(Schema::Array(one)) => &mut one.default,
            RefOr::T(Schema::OneOf(one)) => &mut one.default,
            _ => continue,
        };
        default.take_if(|value| value.is_null());
    }
}

/// A page spells its rows out; they are written down once, under their own name.
fn refer_to_rows(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let pages = schemas.keys().filter_map(|name| name.strip_prefix("Page_")).map(str::to_owned);
    let rows: Vec<String> = pages.filter(|row| schemas.contains_key(row)).collect();
    for row in rows {
        if let Some(RefOr::T(Schema::Object(page))) = schemas.get_mut(&format!("Page_{row}"))
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(&row).into()));
        }
    }
}

fn complete(operation: &mut Operation, changes: bool) {
    operation.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    let more = if changes { PROBLEMS_OF_CHANGES } else { &[] };
    for (status, words) in PROBLEMS.iter().chain(more) {
        let problem = || RefOr::T(problem(words));
        operation.responses.responses.entry((*status).to_owned()).or_insert_with(problem);
    }
}

fn problem(words: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(words).content("application/problem+json", content).build()
}
