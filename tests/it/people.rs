//! Running a tenant: inviting, changing roles, tokens, the record of it all.

use parallax::auth::bearer;
use parallax::model::Role;
use sqlx::Executor;

use super::support::estate::now;
use super::support::people::{PASSWORD, Town};

/// What stands between two texts of a page.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
    text[from..].split(end).next().expect("an end")
}

#[tokio::test]
async fn an_invitation_leads_in_and_the_last_owner_stays() {
    let town = Town::new().await;
    let owner = town.logged_in(town.scratch.tenant, "ann@example.org", Role::Owner).await;
    let page = owner.submit("/people", "/people", &[("email", "Bob@Example.org"), ("role", "admin")]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let link = between(&page.text, "<p class=\"shown\"><code>", "<").to_owned();
    let path = &link[link.find("/welcome/").expect("a link")..];
    let bob = town.browser();
    let took = bob
        .submit(path, path, &[("email", "bob@example.org"), ("name", "Bob"), ("password", PASSWORD)])
        .await;
    assert_eq!(took.location, "/", "{}", took.text);
    assert!(bob.get("/people").await.text.contains("ann@example.org"));

    let people = owner.get("/people").await;
    let ids: Vec<&str> =
        people.text.split("name=\"person\" value=\"").skip(1).map(|rest| &rest[..36]).collect();
    let (ann, bob_id) = (ids[0], ids[ids.len() - 1]);
    let word = people.word();
    let last = owner.send("/people/role", &[("csrf", &word), ("person", ann), ("role", "viewer")]).await;
    assert!(last.status == 409 && last.text.contains("last owner"), "{}", last.text);
    let bobs = bob.get("/people").await.word();
    for (path, role) in [("/people/role", "viewer"), ("/people/remove", ""), ("/people/reset", "")] {
        let refused = bob.send(path, &[("csrf", &bobs), ("person", ann), ("role", role)]).await;
        assert_eq!(refused.status, 403, "an admin does not touch an owner: {path}");
    }
    let lifted = bob.send("/people/role", &[("csrf", &bobs), ("person", bob_id), ("role", "owner")]).await;
    assert_eq!(lifted.status, 403, "nobody lifts themselves");
    assert_eq!(owner.send("/people/remove", &[("csrf", &word), ("person", bob_id)]).await.status, 303);
    assert_eq!(bob.get("/").await.location, "/login?next=%2F", "their sessions end at once");
    let record = owner.get("/audit?action=member.").await;
    for action in ["member.invited", "member.removed"] {
        assert!(record.text.contains(action), "{action} is not on record");
    }
    assert!(!record.text.contains("<code>login."), "the filter filters");
    town.scratch.end().await;
}

#[tokio::test]
async fn a_token_is_shown_once_scoped_and_taken_back() {
    let town = Town::new().await;
    let owner = town.logged_in(town.scratch.tenant, "ann@example.org", Role::Admin).await;
    let too_much = [("name", "t"), ("scope", "own"), ("days", "9")];
    assert_eq!(owner.submit("/tokens", "/tokens", &too_much).await.status, 403, "not more than one has");
    for wrong in [
        [("name", ""), ("scope", "read"), ("days", "9")],
        [("name", "t"), ("scope", "read"), ("days", "9999")],
        [("name", "t"), ("scope", "fly"), ("days", "9")],
    ] {
        assert_eq!(owner.submit("/tokens", "/tokens", &wrong).await.status, 400, "{wrong:?}");
    }
    let made = owner
        .submit(
            "/tokens",
            "/tokens",
            &[("name", "jira"), ("scope", "read"), ("scope", "ticket"), ("days", "9")],
        )
        .await;
    assert_eq!(made.status, 200, "{}", made.text);
    let secret = between(&made.text, "<p><code>plx_", "<").to_owned();
    let secret = format!("plx_{secret}");
    let header = format!("Bearer {secret}");
    let page = owner.get("/tokens").await;
    assert!(page.text.contains("jira") && !page.text.contains(&secret), "it is shown once");
    let store = &town.scratch.store;
    let found = bearer::of_header(store, &header, "", now()).await.expect("an answer").expect("it works");
    assert_eq!(found.may.len(), 2);
    assert!(owner.get("/tokens").await.text.contains("just now"), "its use is shown");
    let id = between(&page.text, "name=\"id\" value=\"", "\"").to_owned();
    assert_eq!(owner.submit("/tokens", "/tokens/revoke", &[("id", &id)]).await.status, 303);
    assert!(bearer::of_header(store, &header, "", now()).await.expect("an answer").is_none());
    let late = now() + chrono::TimeDelta::days(10);
    assert!(bearer::of_header(store, &header, "", late).await.expect("an answer").is_none());
    let record = owner.get("/audit.ndjson?action=token.").await;
    assert!(record.text.lines().count() == 2 && !record.text.contains(&secret), "{}", record.text);
    town.scratch.end().await;
}

#[tokio::test]
async fn nobody_rewrites_the_record() {
    let town = Town::new().await;
    town.logged_in(town.scratch.tenant, "ann@example.org", Role::Owner).await;
    let mut app = town.scratch.behind().await;
    app.execute("SET ROLE parallax_app").await.expect("becomes the application");
    let tenant = format!("SET parallax.tenant = '{}'", town.scratch.tenant);
    app.execute(sqlx::AssertSqlSafe(tenant)).await.expect("a tenant");
    let seen = app.fetch_all("SELECT id FROM audit").await.expect("reads");
    assert!(!seen.is_empty(), "a log-in is on record");
    for change in ["UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit"] {
        assert!(app.execute(change).await.is_err(), "{change} works");
    }
    town.scratch.end().await;
}
