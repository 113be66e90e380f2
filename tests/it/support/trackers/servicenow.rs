//! The incidents of a ServiceNow instance as its Table API documents them: encoded queries, journal
//! fields, `result` around everything, a close code asked for where an incident is resolved. Written
//! from the public documentation.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Asked, Remote, Reply, Shelf, breach};

/// Who it lets in.
pub const LOGIN: &str = "parallax.bot";
/// With this password.
pub const PASSWORD: &str = "servicenow-test-password";

pub fn answer(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let pair = STANDARD.encode(format!("{LOGIN}:{PASSWORD}"));
    if asked.header("authorization") != format!("Basic {pair}") {
        let body = json!({ "error": { "message": "User Not Authenticated", "detail": "Required to provide Auth information" }, "status": "failure" });
        return (401, Vec::new(), body);
    }
    if asked.header("accept") != "application/json" {
        return breach(shelf, 406, "accept application/json");
    }
    let known = [
        "sysparm_query",
        "sysparm_fields",
        "sysparm_limit",
        "sysparm_offset",
        "sysparm_exclude_reference_link",
    ];
    if let Some((name, _)) = asked.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return breach(shelf, 400, format!("{name} is no parameter of the Table API"));
    }
    let parts = asked.parts();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["api", "now", "table", "incident"]) => list(shelf, asked),
        ("POST", ["api", "now", "table", "incident"]) => create(shelf, asked),
        ("GET", ["api", "now", "table", "sys_user"]) => {
            let ann = asked.query("sysparm_query") == Some("email=ann@example.org");
            let found =
                if ann { json!([{ "sys_id": "5137153cc611227c000bbd1bd8cd2005" }]) } else { json!([]) };
            (200, Vec::new(), json!({ "result": found }))
        }
        ("GET", ["api", "now", "table", "sys_journal_field"]) => journal(shelf, asked),
        (method, ["api", "now", "table", "incident", id]) => {
            let number = u64::from_str_radix(id, 16).unwrap_or(0);
            if shelf.issue(number).is_none() {
                let body = json!({ "error": { "message": "No Record found", "detail": "Record doesn't exist or ACL restricts the record retrieval" }, "status": "failure" });
                return (404, Vec::new(), body);
            }
            match method {
                "GET" => (200, Vec::new(), json!({ "result": told(shelf.issue(number).expect("there")) })),
                "PATCH" => change(shelf, asked, number),
                _ => breach(shelf, 405, method),
            }
        }
        _ => breach(shelf, 404, asked.path.clone()),
    }
}

fn sys_id(id: u64) -> String {
    format!("{id:032x}")
}

fn told(issue: &Remote) -> Value {
    json!({
        "sys_id": sys_id(issue.id), "number": format!("INC{:07}", issue.id), "state": issue.status,
        "sys_updated_on": issue.updated.format("%Y-%m-%d %H:%M:%S").to_string(),
    })
}

fn list(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let query = asked.query("sysparm_query").unwrap_or_default().to_owned();
    let mut all: Vec<Remote> = shelf.issues.clone();
    for part in query.split('^').filter(|part| !part.is_empty()) {
        if let Some(mark) = part.strip_prefix("correlation_id=") {
            all.retain(|one| one.fields["correlation_id"] == mark);
        } else if let Some(name) = part.strip_prefix("correlation_display=") {
            all.retain(|one| one.fields["correlation_display"] == name);
        } else if let Some(rest) = part.strip_prefix("sys_updated_onRELATIVEGT@minute@ago@") {
            let since = shelf.now() - chrono::TimeDelta::minutes(rest.parse().unwrap_or(0));
            all.retain(|one| one.updated >= since);
        } else if part != "ORDERBYsys_updated_on" {
            // The real one ignores what it does not know, and then gives everything: worse than a no.
            return breach(shelf, 400, format!("the query part {part} is not understood"));
        }
    }
    all.sort_by_key(|one| one.updated);
    let (limit, offset) = (asked.number("sysparm_limit", 10_000), asked.number("sysparm_offset", 0));
    let rows: Vec<Value> = all.iter().skip(offset).take(limit).map(told).collect();
    (200, vec![("x-total-count", all.len().to_string())], json!({ "result": rows }))
}

fn journal(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let query = asked.query("sysparm_query").unwrap_or_default();
    let id = query.strip_prefix("element_id=").and_then(|rest| rest.split('^').next()).unwrap_or_default();
    let number = u64::from_str_radix(id, 16).unwrap_or(0);
    let comments = shelf.issue(number).map(|one| one.comments.clone()).unwrap_or_default();
    let (limit, offset) = (asked.number("sysparm_limit", 10_000), asked.number("sysparm_offset", 0));
    let rows: Vec<Value> = comments
        .iter()
        .skip(offset)
        .take(limit)
        .map(|(id, author, words)| json!({ "sys_id": sys_id(*id), "value": words, "sys_created_by": author, "sys_created_on": "2026-01-01 00:00:00" }))
        .collect();
    (200, Vec::new(), json!({ "result": rows }))
}

fn create(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let fields = asked.body.clone().unwrap_or_default();
    let Some(title) =
        fields["short_description"].as_str().filter(|title| !title.is_empty()).map(str::to_owned)
    else {
        return breach(shelf, 400, "short_description is mandatory");
    };
    if title.chars().count() > 160 {
        return breach(shelf, 400, "short_description is longer than its column");
    }
    let due = fields["due_date"].as_str();
    if due.is_some_and(|due| chrono::NaiveDateTime::parse_from_str(due, "%Y-%m-%d %H:%M:%S").is_err()) {
        return breach(shelf, 400, "due_date is no glide_date_time");
    }
    let issue = Remote {
        id: shelf.number(),
        title,
        text: fields["description"].clone(),
        labels: Vec::new(),
        status: "1".into(),
        comments: Vec::new(),
        fields,
        updated: shelf.now(),
    };
    let told = told(&issue);
    shelf.issues.push(issue);
    (201, Vec::new(), json!({ "result": told }))
}

fn change(shelf: &mut Shelf, asked: &Asked, id: u64) -> Reply {
    let body = asked.body.clone().unwrap_or_default();
    if body["state"] == "6" && (body["close_code"].is_null() || body["close_notes"].is_null()) {
        let detail =
            "Data Policy Exception: The following fields are mandatory: Resolution code, Resolution notes";
        return (
            403,
            Vec::new(),
            json!({ "error": { "message": "Operation Failed", "detail": detail }, "status": "failure" }),
        );
    }
    let (number, at) = (shelf.number(), shelf.now());
    let issue = shelf.issue(id).expect("there");
    if let Some(state) = body["state"].as_str() {
        state.clone_into(&mut issue.status);
    }
    if let Some(title) = body["short_description"].as_str() {
        title.clone_into(&mut issue.title);
    }
    if body["description"].is_string() {
        issue.text = body["description"].clone();
    }
    if body["comments"].is_string() {
        issue.comments.push((number, LOGIN.into(), body["comments"].clone()));
    }
    issue.updated = at;
    let told = told(issue);
    (200, Vec::new(), json!({ "result": told }))
}
