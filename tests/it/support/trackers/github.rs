//! Issues of a repository as GitHub's REST API documents them (version 2022-11-28). Calls are kept, so
//! that a test can hold them, and our own answers, to GitHub's OpenAPI description. Pages hold two.

use serde_json::{Value, json};

use super::{Asked, Remote, Reply, Shelf, breach};

const PAGE: usize = 2;
/// The token it lets in.
pub const TOKEN: &str = "ghp_test-token";

pub fn answer(shelf: &mut Shelf, asked: &Asked) -> Reply {
    if asked.header("authorization") != format!("Bearer {TOKEN}") {
        return (401, Vec::new(), json!({ "message": "Bad credentials" }));
    }
    if asked.header("user-agent").is_empty() {
        return breach(shelf, 403, "a User-Agent is required");
    }
    if asked.header("x-github-api-version") != "2022-11-28"
        || asked.header("accept") != "application/vnd.github+json"
    {
        return breach(shelf, 400, "the version or the media type is missing");
    }
    let parts = asked.parts();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["repos", "acme", "app"]) => {
            let body =
                json!({ "full_name": "acme/app", "has_issues": true, "permissions": { "push": true } });
            (200, Vec::new(), body)
        }
        ("GET", ["repos", "acme", "app", "issues"]) => list(shelf, asked),
        ("POST", ["repos", "acme", "app", "issues"]) => create(shelf, asked),
        (method, ["repos", "acme", "app", "issues", number, rest @ ..]) => {
            let id = number.parse().unwrap_or(0);
            if shelf.issue(id).is_none() {
                return (410, Vec::new(), json!({ "message": "This issue was deleted" }));
            }
            match (method, rest) {
                ("GET", []) => (200, Vec::new(), told(shelf.issue(id).expect("there"), &asked.base)),
                ("PATCH", []) => change(shelf, asked, id),
                ("GET", ["comments"]) => comments(shelf, asked, id),
                ("POST", ["comments"]) => comment(shelf, asked, id),
                _ => breach(shelf, 404, format!("{method} {}", asked.path)),
            }
        }
        _ => (404, Vec::new(), json!({ "message": "Not Found" })),
    }
}

fn user(login: &str, base: &str) -> Value {
    let mut user = json!({ "login": login, "id": 1, "node_id": "U_1", "avatar_url": format!("{base}/a.png"),
        "gravatar_id": "", "type": "User", "site_admin": false });
    for name in [
        "url",
        "html_url",
        "followers_url",
        "following_url",
        "gists_url",
        "starred_url",
        "subscriptions_url",
        "organizations_url",
        "repos_url",
        "events_url",
        "received_events_url",
    ] {
        user[name] = format!("{base}/users/{login}").into();
    }
    user
}

fn told(issue: &Remote, base: &str) -> Value {
    let (state, reason) = match issue.status.as_str() {
        "open" => ("open", Value::Null),
        "not_planned" => ("closed", json!("not_planned")),
        _ => ("closed", json!("completed")),
    };
    let url = format!("{base}/repos/acme/app/issues/{}", issue.id);
    let labels: Vec<Value> = issue
        .labels
        .iter()
        .map(|name| json!({ "id": 1, "node_id": "L", "url": url, "name": name, "description": null, "color": "ededed", "default": false }))
        .collect();
    json!({
        "id": 1_000 + issue.id, "node_id": "I", "url": url, "repository_url": format!("{base}/repos/acme/app"),
        "labels_url": format!("{url}/labels"), "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"), "html_url": format!("https://github.example/acme/app/issues/{}", issue.id),
        "number": issue.id, "state": state, "state_reason": reason, "title": issue.title, "body": issue.text,
        "user": user("parallax", base), "labels": labels, "assignee": null, "assignees": [], "milestone": null,
        "locked": false, "comments": issue.comments.len(), "closed_at": null,
        "created_at": issue.updated, "updated_at": issue.updated, "author_association": "OWNER",
    })
}

fn list(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let label = asked.query("labels").unwrap_or_default().to_owned();
    let since = asked.query("since").and_then(|text| text.parse::<chrono::DateTime<chrono::Utc>>().ok());
    let mut all: Vec<&Remote> = shelf
        .issues
        .iter()
        .filter(|one| label.is_empty() || one.labels.contains(&label))
        .filter(|one| since.is_none_or(|since| one.updated >= since))
        .collect();
    if asked.query("sort") == Some("updated") {
        all.sort_by_key(|one| one.updated);
    }
    if asked.query("direction") == Some("desc") {
        all.reverse();
    }
    let rows: Vec<Value> = all.iter().map(|one| told(one, &asked.base)).collect();
    page(&rows, asked)
}

fn page(rows: &[Value], asked: &Asked) -> Reply {
    let page = asked.number("page", 1);
    let part: Vec<Value> = rows.iter().skip((page - 1) * PAGE).take(PAGE).cloned().collect();
    let mut headers = Vec::new();
    if rows.len() > page * PAGE {
        let pairs = asked.query.iter().filter(|(name, _)| name != "page");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .append_pair("page", &(page + 1).to_string())
            .finish();
        headers.push(("link", format!("<{}{}?{query}>; rel=\"next\"", asked.base, asked.path)));
    }
    (200, headers, Value::Array(part))
}

fn create(shelf: &mut Shelf, asked: &Asked) -> Reply {
    let body = asked.body.clone().unwrap_or_default();
    let Some(title) = body["title"].as_str().filter(|title| !title.is_empty()) else {
        return breach(shelf, 422, "title is required");
    };
    let labels =
        body["labels"].as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned));
    let issue = Remote {
        id: shelf.number(),
        title: title.to_owned(),
        text: body["body"].clone(),
        labels: labels.collect(),
        status: "open".into(),
        comments: Vec::new(),
        fields: Value::Null,
        updated: shelf.now(),
    };
    let told = told(&issue, &asked.base);
    shelf.issues.push(issue);
    (201, Vec::new(), told)
}

fn change(shelf: &mut Shelf, asked: &Asked, id: u64) -> Reply {
    let body = asked.body.clone().unwrap_or_default();
    let at = shelf.now();
    let issue = shelf.issue(id).expect("there");
    if let Some(title) = body["title"].as_str() {
        title.clone_into(&mut issue.title);
    }
    if body["body"].is_string() {
        issue.text = body["body"].clone();
    }
    match (body["state"].as_str(), body["state_reason"].as_str()) {
        (Some("open"), _) => issue.status = "open".into(),
        (Some("closed"), Some("not_planned")) => issue.status = "not_planned".into(),
        (Some("closed"), _) => issue.status = "completed".into(),
        _ => {}
    }
    issue.updated = at;
    (200, Vec::new(), told(issue, &asked.base))
}

fn comments(shelf: &mut Shelf, asked: &Asked, id: u64) -> Reply {
    let issue = shelf.issue(id).expect("there").clone();
    let rows: Vec<Value> = issue.comments.iter().map(|one| said(one, &issue, &asked.base)).collect();
    page(&rows, asked)
}

fn said((id, author, words): &(u64, String, Value), issue: &Remote, base: &str) -> Value {
    let url = format!("{base}/repos/acme/app/issues/comments/{id}");
    json!({
        "id": id, "node_id": "C", "url": url, "html_url": url, "body": words, "user": user(author, base),
        "created_at": issue.updated, "updated_at": issue.updated, "author_association": "MEMBER",
        "issue_url": format!("{base}/repos/acme/app/issues/{}", issue.id),
    })
}

fn comment(shelf: &mut Shelf, asked: &Asked, id: u64) -> Reply {
    let body = asked.body.clone().unwrap_or_default();
    if body["body"].as_str().is_none_or(str::is_empty) {
        return breach(shelf, 422, "body is required");
    }
    let (number, at) = (shelf.number(), shelf.now());
    let issue = shelf.issue(id).expect("there");
    let made = (number, "parallax".to_owned(), body["body"].clone());
    issue.updated = at;
    issue.comments.push(made.clone());
    let told = said(&made, issue, &asked.base);
    (201, Vec::new(), told)
}
