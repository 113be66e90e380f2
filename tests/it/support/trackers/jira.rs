//! A project of Jira Cloud as its REST API v3 documents it: Basic login with an e-mail address,
//! descriptions and comments as Atlassian documents (version 1), transitions for states, the search
//! that pages by token. Written from the public documentation; its own OpenAPI file is in no package
//! registry. The due date is on no screen of this project, as in many.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Asked, Remote, Reply, Shelf, breach};

/// Who it lets in.
pub const LOGIN: &str = "bot@example.org";
/// With this token.
pub const TOKEN: &str = "atlassian-test-token";
const PAGE: usize = 2;
const STATES: [(&str, &str, &str); 4] = [
    ("11", "To Do", "new"),
    ("21", "In Progress", "indeterminate"),
    ("31", "Done", "done"),
    ("41", "Won't Do", "done"),
];

pub fn answer(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let pair = STANDARD.encode(format!("{LOGIN}:{TOKEN}"));
    if asked.header("authorization") != format!("Basic {pair}") {
        return (401, Vec::new(), json!({ "errorMessages": ["Client must be authenticated"] }));
    }
    if asked.body.is_some() && asked.header("content-type") != "application/json" {
        return breach(shelf, 415, "a body is application/json");
    }
    let parts = asked.parts();
    let ["rest", "api", "3", rest @ ..] = parts.as_slice() else {
        return breach(shelf, 404, format!("no such address: {}", asked.path));
    };
    match (asked.method.as_str(), rest) {
        ("GET", ["myself"]) => (200, Vec::new(), json!({ "accountId": "a-1", "displayName": "Bot" })),
        ("GET", ["project", "SEC"]) => {
            (200, Vec::new(), json!({ "id": "1", "key": "SEC", "name": "Security" }))
        }
        ("GET", ["mypermissions"]) => {
            let all = asked.query("permissions").unwrap_or_default().split(',');
            let may: serde_json::Map<String, Value> =
                all.map(|one| (one.to_owned(), json!({ "havePermission": true }))).collect();
            (200, Vec::new(), json!({ "permissions": may }))
        }
        ("GET", ["user", "assignable", "search"]) => {
            let known =
                asked.query("query") == Some("ann@example.org") && asked.query("project") == Some("SEC");
            let found =
                if known { json!([{ "accountId": "a-ann", "displayName": "Ann" }]) } else { json!([]) };
            (200, Vec::new(), found)
        }
        ("POST", ["search", "jql"]) => search(shelf, asked),
        ("POST", ["issue"]) => create(shelf, asked),
        (method, ["issue", id, rest @ ..]) => {
            let id = id.trim_start_matches("SEC-").parse().unwrap_or(0);
            if shelf.issue(id).is_none() {
                let gone = "Issue does not exist or you do not have permission to see it.";
                return (404, Vec::new(), json!({ "errorMessages": [gone], "errors": {} }));
            }
            one(shelf, asked, method, id, rest)
        }
        _ => breach(shelf, 404, format!("no such address: {}", asked.path)),
    }
}

fn one(shelf: &mut Shelf, asked: &Asked, method: &str, id: u64, rest: &[&str]) -> Reply {
    match (method, rest) {
        ("GET", []) => (200, Vec::new(), told(shelf.issue(id).expect("there"))),
        ("PUT", []) => {
            let fields = asked.body.clone().unwrap_or_default()["fields"].clone();
            if let Err(refusal) = fields_are_good(shelf, &fields) {
                return refusal;
            }
            let at = shelf.now();
            let issue = shelf.issue(id).expect("there");
            write(issue, &fields);
            issue.updated = at;
            (204, Vec::new(), Value::Null)
        }
        ("GET", ["transitions"]) => {
            let all: Vec<Value> = STATES
                .iter()
                .map(|(id, name, category)| json!({ "id": id, "name": name, "to": { "name": name, "statusCategory": { "key": category } } }))
                .collect();
            (200, Vec::new(), json!({ "transitions": all }))
        }
        ("POST", ["transitions"]) => {
            let wanted = asked.body.clone().unwrap_or_default()["transition"]["id"].clone();
            let Some((_, name, _)) = STATES.iter().find(|(id, _, _)| wanted == *id) else {
                return breach(shelf, 400, format!("no transition {wanted}"));
            };
            let at = shelf.now();
            let issue = shelf.issue(id).expect("there");
            (*name).clone_into(&mut issue.status);
            issue.updated = at;
            (204, Vec::new(), Value::Null)
        }
        ("GET", ["comment"]) => {
            let (start, most) = (asked.number("startAt", 0), asked.number("maxResults", 50).min(PAGE));
            let issue = shelf.issue(id).expect("there");
            let rows: Vec<Value> = issue.comments.iter().skip(start).take(most).map(said).collect();
            let body = json!({ "startAt": start, "maxResults": most, "total": issue.comments.len(), "comments": rows });
            (200, Vec::new(), body)
        }
        ("POST", ["comment"]) => comment(shelf, asked, id),
        _ => breach(shelf, 404, format!("{method} {}", asked.path)),
    }
}

fn comment(shelf: &mut Shelf, asked: &Asked, id: u64) -> Reply {
    let body = asked.body.clone().unwrap_or_default()["body"].clone();
    if let Some(problem) = document_problem(&body) {
        return breach(shelf, 400, problem);
    }
    let (number, at) = (shelf.number(), shelf.now());
    let issue = shelf.issue(id).expect("there");
    let made = (number, "Bot".to_owned(), body);
    issue.comments.push(made.clone());
    issue.updated = at;
    (201, Vec::new(), said(&made))
}

fn said((id, author, words): &(u64, String, Value)) -> Value {
    json!({ "id": id.to_string(), "author": { "displayName": author, "accountId": "x" }, "body": words })
}

fn told(issue: &Remote) -> Value {
    let category = STATES.iter().find(|(_, name, _)| issue.status == *name).map_or("undefined", |one| one.2);
    json!({
        "id": issue.id.to_string(), "key": format!("SEC-{}", issue.id), "self": "x",
        "fields": { "status": { "name": issue.status, "statusCategory": { "key": category } },
                    "updated": issue.updated.format("%Y-%m-%dT%H:%M:%S%.3f%z").to_string() },
    })
}

/// What is wrong with an Atlassian document, as far as the editor's schema says: a `doc` of version 1,
/// blocks inside, no empty text.
fn document_problem(value: &Value) -> Option<String> {
    if value["type"] != "doc" || value["version"] != 1 {
        return Some("Comment body is not valid!".into());
    }
    node_problem(value, "doc")
}

fn node_problem(value: &Value, inside: &str) -> Option<String> {
    let allowed: &[&str] = match inside {
        "doc" | "listItem" => &["paragraph", "bulletList"],
        "bulletList" => &["listItem"],
        "paragraph" => &["text", "hardBreak"],
        _ => &[],
    };
    for inner in value["content"].as_array().into_iter().flatten() {
        let kind = inner["type"].as_str().unwrap_or_default();
        if !allowed.contains(&kind) {
            return Some(format!("{kind:?} may not stand in {inside}"));
        }
        if kind == "text" && inner["text"].as_str().is_none_or(str::is_empty) {
            return Some("a text is empty".into());
        }
        if let Some(problem) = node_problem(inner, kind) {
            return Some(problem);
        }
    }
    None
}

fn fields_are_good(shelf: &mut Shelf, fields: &Value) -> Result<(), Reply> {
    let refuse = |field: &str, problem: &str| {
        (400, Vec::new(), json!({ "errorMessages": [], "errors": { field: problem } }))
    };
    let Some(summary) = fields["summary"].as_str() else {
        return Err(breach(shelf, 400, "summary is required"));
    };
    if summary.chars().count() > 255 || summary.contains('\n') {
        return Err(breach(shelf, 400, "summary is too long or holds a line break"));
    }
    if let Some(problem) = document_problem(&fields["description"]) {
        return Err(breach(shelf, 400, problem));
    }
    let labels = fields["labels"].as_array().into_iter().flatten();
    if labels.filter_map(Value::as_str).any(|label| label.contains(' ')) {
        return Err(breach(shelf, 400, "a label holds a space"));
    }
    // Not a breach: it depends on the project's screens, and says so.
    if !fields["duedate"].is_null() {
        let problem = "Field 'duedate' cannot be set. It is not on the appropriate screen, or unknown.";
        return Err(refuse("duedate", problem));
    }
    Ok(())
}

fn write(issue: &mut Remote, fields: &Value) {
    fields["summary"].as_str().unwrap_or_default().clone_into(&mut issue.title);
    issue.text = fields["description"].clone();
    issue.fields = fields.clone();
}

fn create(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let fields = asked.body.clone().unwrap_or_default()["fields"].clone();
    if fields["project"]["key"] != "SEC" || fields["issuetype"]["name"] != "Task" {
        return breach(shelf, 400, "project and issuetype are required");
    }
    if let Err(refusal) = fields_are_good(shelf, &fields) {
        return refusal;
    }
    let labels =
        fields["labels"].as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned));
    let mut issue = Remote {
        id: shelf.number(),
        title: String::new(),
        text: Value::Null,
        labels: labels.collect(),
        status: "To Do".into(),
        comments: Vec::new(),
        fields: Value::Null,
        updated: shelf.now(),
    };
    write(&mut issue, &fields);
    let body = json!({ "id": issue.id.to_string(), "key": format!("SEC-{}", issue.id), "self": "x" });
    shelf.issues.push(issue);
    (201, Vec::new(), body)
}

/// The two queries we ask, read as JQL reads them: anything else is refused.
fn search(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let body = asked.body.clone().unwrap_or_default();
    let jql = body["jql"].as_str().unwrap_or_default().to_owned();
    let Some(rest) = jql.strip_prefix("project = \"SEC\" AND labels = \"") else {
        return breach(shelf, 400, format!("unbounded or unknown: {jql}"));
    };
    let label = rest.split('"').next().unwrap_or_default().to_owned();
    let minutes = rest.split("updated >= \"-").nth(1).and_then(|rest| rest.split('m').next());
    let since = minutes
        .and_then(|text| text.parse().ok())
        .map(|minutes| shelf.now() - chrono::TimeDelta::minutes(minutes));
    let start: usize = body["nextPageToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
    let most = usize::try_from(body["maxResults"].as_u64().unwrap_or(50)).unwrap_or(50).min(PAGE);
    let mut all: Vec<&Remote> = shelf
        .issues
        .iter()
        .filter(|one| one.labels.contains(&label) && since.is_none_or(|since| one.updated >= since))
        .collect();
    if jql.ends_with(" ORDER BY updated ASC") {
        all.sort_by_key(|one| one.updated);
    }
    let rows: Vec<Value> = all.iter().skip(start).take(most).map(|one| told(one)).collect();
    let next = start + rows.len();
    let mut body = json!({ "issues": rows, "isLast": next >= all.len() });
    if next < all.len() {
        body["nextPageToken"] = json!(next.to_string());
    }
    (200, Vec::new(), body)
}
