//! Two tenants with the very same estate under one roof: neither meets anything of the other's.

use parallax::api;
use parallax::auth::token;
use parallax::model::{Permission, Role, TenantId};
use parallax::store::{connections, takeout, tenants};
use parallax::web::{Need, rules};
use sqlx::{Executor, Row};
use uuid::Uuid;

use super::support::caller::Caller;
use super::support::estate::{Planted, Scratch, function, image, now};
use super::support::people::{Browser, Town};
use super::support::provider::{self, Setting};

/// What one tenant has that the other must never see.
pub struct Place {
    tenant: TenantId,
    pub owner: Browser,
    pub program: Caller,
    ids: Vec<(&'static str, Uuid)>,
    mark: &'static str,
}

impl Place {
    /// Looks at the same house at another address.
    pub fn move_to(&mut self, base: &str) {
        base.clone_into(&mut self.owner.base);
        base.clone_into(&mut self.program.base);
    }
}

pub async fn settle(town: &mut Town, tenant: TenantId, mark: &'static str) -> Place {
    town.scratch.tenant = tenant;
    let connection = town.scratch.connection("production").await;
    let program = Caller::with(town, tenant, Permission::ALL).await;
    let webhook = serde_json::json!({
        "name": mark, "url": format!("https://{mark}.example/hook"),
        "events": ["finding.opened", "ticket.opened"],
    });
    assert_eq!(program.call("POST", "/api/v1/webhooks", &[], Some(&webhook)).await.status, 201);
    let tracker = serde_json::json!({
        "name": mark, "kind": "github", "address": format!("https://{mark}.example"), "place": "acme/app",
        "secret": "t", "rule": {},
    });
    assert_eq!(program.call("POST", "/api/v1/trackers", &[], Some(&tracker)).await.status, 201);
    let assets = vec![
        function(
            "payments",
            &format!(r#"{{ "identity": {{ "name": "{mark}", "admin": true }}, "memory_mb": 128 }}"#),
        ),
        image("shop/api", r#"{ "user": "root" }"#),
    ];
    town.scratch.run(connection, &Planted { assets, gaps: Vec::new() }).await;
    let owner = town.logged_in(tenant, &format!("owner@{mark}.example"), Role::Owner).await;
    let found = program.get("/api/v1/findings").await.items();
    let findings: Vec<_> = found.iter().map(|row| row["id"].clone()).collect();
    let opened = serde_json::json!({ "findings": findings });
    assert_eq!(program.call("POST", "/api/v1/tickets", &[], Some(&opened)).await.status, 201);
    let accepted = serde_json::json!({
        "control": "HST-04", "kind": "planned_fix", "reason": mark, "until": now() + chrono::TimeDelta::days(9),
    });
    assert_eq!(program.call("POST", "/api/v1/exceptions", &[], Some(&accepted)).await.status, 201);
    let form = [("name", mark), ("every", ""), ("at", "08:00"), ("zone", "UTC")];
    assert_eq!(owner.submit("/digests", "/digests", &form).await.status, 303);
    let issuer = format!("https://login.{mark}.example");
    let domain = format!("{mark}.example");
    let setting = Setting { name: mark, issuer: &issuer, domains: &domain, roles: "readers = viewer" };
    provider::add(&owner, &setting).await;
    let ids = ids(&town.scratch, tenant, connection).await;
    Place { tenant, owner, program, ids, mark }
}

async fn ids(scratch: &Scratch, tenant: TenantId, connection: Uuid) -> Vec<(&'static str, Uuid)> {
    let mut admin = scratch.behind().await;
    let mut found = vec![("/connections/{id}", connection)];
    for (path, table) in [
        ("/assets/{id}", "assets"),
        ("/findings/{id}", "findings"),
        ("/runs/{id}", "runs"),
        ("/tickets/{id}", "tickets"),
        ("/digests/{id}", "digests"),
        ("/integrations/webhooks/{id}", "webhooks"),
        ("/exceptions/{id}", "exceptions"),
        ("/providers/{id}", "providers"),
        ("/integrations/trackers/{id}", "trackers"),
    ] {
        let text = sqlx::AssertSqlSafe(format!("SELECT id FROM {table} WHERE tenant_id = $1"));
        let rows = sqlx::query(text).bind(tenant.0).fetch_all(&mut admin).await.expect("rows");
        assert!(!rows.is_empty(), "{table} of {tenant} is empty: the test would see nothing");
        found.extend(rows.iter().map(|row| (path, row.get::<Uuid, _>("id"))));
    }
    found
}

#[tokio::test]
async fn two_tenants_with_the_same_estate_never_meet() {
    let mut town = Town::new().await;
    let first = town.scratch.tenant;
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    let person =
        parallax::store::people::ensure(&mut gate, "founder@example.org", "F", now()).await.expect("one");
    let second =
        tenants::create(&mut gate, "default", person.id, now()).await.expect("a tenant of the same name");
    gate.commit().await.expect("commits");
    let here = settle(&mut town, first, "zinnia").await;
    let there = settle(&mut town, second, "briar").await;
    let shared: Vec<_> =
        here.ids.iter().filter(|(_, id)| there.ids.iter().any(|(_, other)| other == id)).collect();
    assert!(shared.is_empty(), "the same asset of two tenants has one id: {shared:?}");
    for (own, other) in [(&here, &there), (&there, &here)] {
        look_everywhere(own, other).await;
        guess(own, other).await;
        ask(own, other).await;
    }
    take_along_and_delete(&town, &here, &there).await;
    town.scratch.end().await;
}

/// Every page that takes no id, as the owner sees it.
pub async fn look_everywhere(own: &Place, other: &Place) {
    for rule in rules().iter().filter(|rule| rule.method == "GET" && !rule.path.contains('{')) {
        if rule.need == Need::Nobody {
            continue;
        }
        let page = own.owner.get(rule.path).await;
        assert!(page.status < 400 || page.status == 404, "{}: {}", rule.path, page.status);
        assert!(!page.text.contains(other.mark), "{} of {} shows {}", rule.path, own.mark, other.mark);
        for (_, id) in &other.ids {
            assert!(!page.text.contains(&id.to_string()), "{} of {} shows {id}", rule.path, own.mark);
        }
        assert!(!page.text.contains(&other.tenant.to_string()), "{} names the other tenant", rule.path);
    }
    let page = own.owner.get("/findings").await;
    assert!(
        own.ids.iter().any(|(_, id)| page.text.contains(&id.to_string())),
        "and there is something to see"
    );
}

/// What forms about one thing ask for, each filled in well enough to be tried.
const FIELDS: &[(&str, &str)] = &[
    ("state", "wont_fix"),
    ("reason", "x"),
    ("person", ""),
    ("day", ""),
    ("words", "x"),
    ("url", "https://example.org/"),
    ("paused", "true"),
    ("addresses", "eve@example.org"),
    ("recipient", "00000000-0000-0000-0000-000000000000"),
    ("at", "08:00"),
    ("zone", "UTC"),
    ("tracker", "00000000-0000-0000-0000-000000000000"),
    ("name", "x"),
    ("every", "6"),
    ("unit", "hours"),
    ("history", "erase"),
    ("why", "planned_fix"),
    ("until", "2031-01-01"),
];

/// Every address with an id of the other's.
pub async fn guess(own: &Place, other: &Place) {
    let word = own.owner.get("/account").await.word();
    let mut fields = vec![("csrf", word.as_str())];
    fields.extend_from_slice(FIELDS);
    for rule in rules().iter().filter(|rule| rule.path.contains("{id}")) {
        for (_, id) in &other.ids {
            let path = rule.path.replace("{id}", &id.to_string());
            let page = if rule.method == "GET" {
                own.owner.get(&path).await
            } else {
                own.owner.send(&path, &fields).await
            };
            let leads_back = page.status == 303 && !page.location.contains("/runs/");
            assert!(
                matches!(page.status, 404 | 400) || leads_back,
                "{} {path}: {}",
                rule.method,
                page.status
            );
            assert!(!page.text.contains(other.mark), "{path} shows {}", other.mark);
        }
    }
    for path in ["/inventory?connection=", "/findings?connection=", "/compare?connection="] {
        let page = own.owner.get(&format!("{path}{}", other.ids[0].1)).await;
        assert!(!page.text.contains(other.mark) && page.status < 500, "{path}");
    }
    let switched =
        own.owner.send("/account/tenant", &[("csrf", &word), ("tenant", &other.tenant.to_string())]).await;
    assert_eq!(switched.status, 404, "nobody looks at a tenant they do not belong to");
    for (path, field) in [("/people/role", "person"), ("/people/remove", "person"), ("/tokens/revoke", "id")]
    {
        let fields = [("csrf", word.as_str()), (field, &other.ids[0].1.to_string()), ("role", "viewer")];
        assert_eq!(own.owner.send(path, &fields).await.status, 404, "{path}");
    }
    assert!(!token::same(&word, &other.owner.get("/account").await.word()));
}

/// Every operation of the API, as a program of one's own with every scope asks it.
async fn ask(own: &Place, other: &Place) {
    let (_, connection) = other.ids[0];
    for rule in api::rules() {
        let ids = other.ids.iter().filter(|_| rule.path.contains("{id}"));
        let paths = ids.map(|(_, id)| rule.path.replace("{id}", &id.to_string())).collect::<Vec<_>>();
        for path in &paths {
            let reply = own.program.patiently(rule.method, path, Some(&serde_json::json!({}))).await;
            assert!(matches!(reply.status, 404 | 400), "{} {path}: {reply:?}", rule.method);
            assert!(!reply.text.contains(other.mark), "{path} shows {}", other.mark);
        }
        if paths.is_empty() && rule.method == "GET" {
            for path in [rule.path.clone(), format!("{}?connection={connection}", rule.path)] {
                let reply = own.program.patiently("GET", &path, None).await;
                assert!(!reply.text.contains(other.mark), "{path} shows {}", other.mark);
                for (_, id) in &other.ids {
                    let query = format!("connection={id}");
                    assert!(!reply.text.replace(&query, "").contains(&id.to_string()), "{path} shows {id}");
                }
            }
        }
    }
    let theirs: Vec<_> = other.ids.iter().map(|(_, id)| id).collect();
    let body = serde_json::json!({ "findings": theirs });
    let told = own.program.patiently("POST", "/api/v1/tickets", Some(&body)).await.json();
    assert_eq!(
        (told["tickets"].clone(), &told["left_out"]),
        (serde_json::json!([]), &serde_json::json!(theirs.len()))
    );
    let would = own.program.patiently("POST", "/api/v1/exceptions/preview", Some(&body)).await.json();
    assert_eq!((&would["findings"], &would["first"]), (&serde_json::json!(0), &serde_json::json!([])));
    let mut made = body.clone();
    made["kind"] = serde_json::json!("planned_fix");
    made["reason"] = serde_json::json!("x");
    made["until"] = serde_json::json!(now() + chrono::TimeDelta::days(1));
    assert_eq!(own.program.patiently("POST", "/api/v1/exceptions", Some(&made)).await.status, 400);
    let reply = own.program.patiently("GET", "/api/v1/findings", None).await;
    assert!(own.ids.iter().any(|(_, id)| reply.text.contains(&id.to_string())), "there is something to see");
}

/// What is taken along is one's own and all of it; what is deleted is gone, and nothing else.
async fn take_along_and_delete(town: &Town, here: &Place, there: &Place) {
    let file = here.owner.get("/tenant/export").await;
    assert!(file.status == 200 && file.text.ends_with("\"end\": true}\n"), "{}", file.text.len());
    assert!(file.text.contains("zinnia") && !file.text.contains("briar"));
    for secret in ["secret_hash", "argon2", "client_secret", "csrf"] {
        assert!(!file.text.contains(secret), "the file holds {secret}");
    }
    let word = here.owner.get("/tenant").await.word();
    let wrong = here.owner.send("/tenant/delete", &[("csrf", &word), ("name", "no")]).await;
    assert_eq!(wrong.status, 400);
    let gone = here.owner.send("/tenant/delete", &[("csrf", &word), ("name", "default")]).await;
    assert_eq!(gone.status, 303, "{}", gone.text);
    let mut admin = town.scratch.behind().await;
    for table in takeout::TABLES.iter().chain(takeout::LEFT_OUT).filter(|table| **table != "tenants") {
        let text = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE tenant_id = $1"));
        let left: i64 =
            sqlx::query_scalar(text).bind(here.tenant.0).fetch_one(&mut admin).await.expect("a count");
        assert_eq!(left, 0, "{table} keeps rows of a deleted tenant");
    }
    assert!(
        here.owner.get("/").await.location.starts_with("/login"),
        "its people who belong nowhere are out"
    );
    let mut tx = town.scratch.store.begin(there.tenant).await.expect("a transaction");
    assert_eq!(connections::list(&mut tx).await.expect("a list").len(), 1, "the other keeps everything");
    drop(tx);
    assert!(there.owner.get("/findings").await.text.contains("payments"));
}

/// Every table of a tenant is either taken along or left out on purpose.
#[tokio::test]
async fn no_table_is_forgotten_by_the_takeout() {
    let scratch = Scratch::new().await;
    let mut admin = scratch.behind().await;
    let rows = admin
        .fetch_all("SELECT c.relname::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                    WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace")
        .await
        .expect("the catalogue");
    for row in rows {
        let name: String = row.get("name");
        let known = takeout::TABLES.contains(&name.as_str()) || takeout::LEFT_OUT.contains(&name.as_str());
        assert!(known, "{name} is neither taken along nor left out: see store/takeout.rs");
    }
    scratch.end().await;
}
