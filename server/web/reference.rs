//! The reference of the API, as a page: read from the OpenAPI document, so that it says what the
//! operations say of themselves and nothing else.

use std::sync::OnceLock;

use askama::Template;
use serde_json::Value;

use super::{Answer, Frame, Visit, page, prose};

/// A part of a request or a field of a body.
pub struct Part {
    /// Its name.
    pub name: String,
    /// Where it stands: path, query, header or body.
    pub place: String,
    /// Its shape.
    pub shape: String,
    /// It must be sent, or is always there.
    pub needed: bool,
    /// What it means.
    pub words: String,
}

/// One operation.
pub struct Operation {
    /// `GET`, `POST` …
    pub method: String,
    /// Its address.
    pub path: String,
    /// What it does.
    pub title: String,
    /// More of it.
    pub words: Vec<String>,
    /// What it takes.
    pub takes: Vec<Part>,
    /// Status, words and shape of each answer.
    pub answers: Vec<(String, String, String)>,
}

/// The operations on one thing.
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it is.
    pub words: String,
    /// The operations.
    pub operations: Vec<Operation>,
}

/// A shape that answers or bodies have.
pub struct Shape {
    /// Its name.
    pub name: String,
    /// What it is.
    pub words: String,
    /// Its fields.
    pub fields: Vec<Part>,
}

/// Everything the page shows.
pub struct Reference {
    words: String,
    groups: Vec<Group>,
    shapes: Vec<Shape>,
}

#[derive(Template)]
#[template(path = "pages/reference.html")]
struct ReferencePage<'a> {
    frame: Frame,
    base: String,
    told: &'a Reference,
}

/// `GET /api/docs`.
pub async fn show(visit: Visit) -> Answer {
    static TOLD: OnceLock<Reference> = OnceLock::new();
    let told = TOLD.get_or_init(|| read(&visit.state.house.api));
    let base = visit.state.house.link("");
    page(&ReferencePage { frame: visit.frame("tokens"), base, told })
}

fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap_or_default().to_owned()
}

fn list<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of[name].as_array().into_iter().flatten()
}

fn pairs<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    of[name].as_object().into_iter().flatten()
}

/// The last part of a reference to a shape.
fn target(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|path| path.rsplit('/').next())
}

fn read(document: &Value) -> Reference {
    let all: Vec<(String, Operation)> = pairs(document, "paths")
        .flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, one)| (path, method, one))
        })
        .map(|(path, method, one)| {
            let tag = list(one, "tags").next().and_then(Value::as_str).unwrap_or_default();
            (tag.to_owned(), operation(document, method, path, one))
        })
        .collect();
    let mut groups: Vec<Group> = list(document, "tags")
        .map(|tag| Group { name: text(tag, "name"), words: text(tag, "description"), operations: Vec::new() })
        .collect();
    for (tag, operation) in all {
        if let Some(group) = groups.iter_mut().find(|group| group.name == tag) {
            group.operations.push(operation);
        }
    }
    groups.retain(|group| !group.operations.is_empty());
    let shapes =
        pairs(&document["components"], "schemas").map(|(name, schema)| shape_of(name, schema)).collect();
    Reference { words: prose::inline(&text(&document["info"], "description")), groups, shapes }
}

fn operation(document: &Value, method: &str, path: &str, one: &Value) -> Operation {
    let mut takes: Vec<Part> = list(one, "parameters")
        .map(|part| Part {
            name: text(part, "name"),
            place: text(part, "in"),
            shape: shape(&part["schema"]),
            needed: part["required"] == true,
            words: words(part, &part["schema"]),
        })
        .collect();
    let body = &one["requestBody"]["content"]["application/json"]["schema"];
    let body = target(body).map_or(body, |name| &document["components"]["schemas"][name]);
    takes.extend(fields(body, "body"));
    let answers = pairs(one, "responses")
        .map(|(status, answer)| {
            let shapes: Vec<String> =
                pairs(answer, "content").map(|(_, kind)| shape(&kind["schema"])).collect();
            (status.clone(), text(answer, "description"), shapes.first().cloned().unwrap_or_default())
        })
        .collect();
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        title: text(one, "summary"),
        words: text(one, "description")
            .split("\n\n")
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
        takes,
        answers,
    }
}

fn words(part: &Value, schema: &Value) -> String {
    let own = text(part, "description");
    if own.is_empty() { text(schema, "description") } else { own }
}

fn fields(schema: &Value, place: &str) -> Vec<Part> {
    let parts = std::iter::once(schema).chain(list(schema, "allOf"));
    parts
        .flat_map(|schema| {
            let needed: Vec<&str> = list(schema, "required").filter_map(Value::as_str).collect();
            let part = move |(name, field): (&String, &Value)| Part {
                name: name.clone(),
                place: place.to_owned(),
                shape: shape(field),
                needed: needed.contains(&name.as_str()),
                words: text(field, "description"),
            };
            pairs(schema, "properties").map(part).collect::<Vec<_>>()
        })
        .collect()
}

fn shape_of(name: &str, schema: &Value) -> Shape {
    let mut words = text(schema, "description");
    let values: Vec<&str> = list(schema, "enum").filter_map(Value::as_str).collect();
    if !values.is_empty() {
        words = format!("{words} One of {}.", values.join(", "));
    }
    for included in list(schema, "allOf").filter_map(target) {
        words = format!("{words} With every field of {included}.");
    }
    Shape { name: name.to_owned(), words: words.trim().to_owned(), fields: fields(schema, "") }
}

/// A schema in a few words.
fn shape(schema: &Value) -> String {
    if let Some(name) = target(schema) {
        return name.to_owned();
    }
    let choices: Vec<String> = list(schema, "oneOf").chain(list(schema, "anyOf")).map(shape).collect();
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    let values: Vec<&str> = list(schema, "enum").filter_map(Value::as_str).collect();
    if !values.is_empty() {
        return values.join(", ");
    }
    if schema["items"].is_object() {
        return format!("list of {}", shape(&schema["items"]));
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        kind => kind.as_str().unwrap_or_default().to_owned(),
    };
    match schema["format"].as_str() {
        Some(format @ ("uuid" | "date" | "date-time")) => kind.replace("string", format),
        _ => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_becomes_a_page() {
        let told = read(&json!({
            "info": { "description": "Words." },
            "tags": [{ "name": "things", "description": "All things." }, { "name": "none", "description": "" }],
            "paths": { "/things": { "post": {
                "tags": ["things"], "summary": "Make one", "description": "First.\n\nSecond.",
                "parameters": [{ "name": "q", "in": "query", "schema": { "type": ["string", "null"] }, "description": "Part" }],
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/New" } } } },
                "responses": { "201": { "description": "Made.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/New" } } } } }
            } } },
            "components": { "schemas": { "New": { "description": "A thing.", "required": ["at"], "properties": {
                "at": { "type": "string", "format": "date-time" }, "of": { "type": "array", "items": { "enum": ["a", "b"] } }
            } } } }
        }));
        let [group] = told.groups.as_slice() else { panic!("one group has operations") };
        let made = &group.operations[0];
        assert_eq!((made.method.as_str(), made.words.len(), made.takes.len()), ("POST", 2, 3));
        assert!(made.takes[1].needed && made.takes[1].shape == "date-time");
        assert_eq!(made.takes[2].shape, "list of a, b");
        assert_eq!(made.answers, [("201".to_owned(), "Made.".to_owned(), "New".to_owned())]);
        assert_eq!(told.shapes[0].fields.len(), 2);
    }
}
