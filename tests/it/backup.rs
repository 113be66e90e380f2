//! Backup and restore with Postgres' own tools, as the README says: into another server, with
//! row-level security in force on both sides.

use regex::Regex;

use super::isolation::{Place, guess, look_everywhere, settle};
use super::support::estate::{Scratch, now};
use super::support::people::Town;
use super::support::postgres::{OWNER, Postgres};
use parallax::store::tenants;
use sqlx::Executor;

const PAGES: [&str; 9] =
    ["/", "/compare", "/inventory", "/findings", "/tickets", "/connections", "/people", "/tokens", "/audit"];
const OPERATIONS: [&str; 5] =
    ["/api/v1/findings", "/api/v1/assets", "/api/v1/tickets", "/api/v1/scores", "/api/v1/audit"];

async fn over(server: &Postgres) -> Scratch {
    Scratch::of(server.url("postgres", "postgres"), "parallax", &server.url(OWNER, "parallax")).await
}

/// Everything a tenant sees, but for how long ago it was and when they last came.
async fn seen(town: &Town, place: &mut Place) -> Vec<String> {
    let passing = Regex::new(r"just now|\d+ \w+ ago|in \d+ \w+|datetime=.[^>]*").expect("a pattern");
    let address = format!("http://{}", town.address);
    place.move_to(&address);
    let mut all = Vec::new();
    for path in PAGES {
        let page = place.owner.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        all.push(format!("{path}\n{}", passing.replace_all(&page.text, "…").replace(&address, "")));
    }
    for path in OPERATIONS {
        let reply = place.program.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        all.push(format!("{path}\n{}", reply.text.replace(&address, "")));
    }
    all
}

#[tokio::test]
async fn what_was_dumped_answers_the_same_elsewhere_and_keeps_tenants_apart() {
    let first = Postgres::new().await;
    let mut town = Town::over(over(&first).await).await;
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    let person =
        parallax::store::people::ensure(&mut gate, "founder@example.org", "F", now()).await.expect("one");
    let second = tenants::create(&mut gate, "default", person.id, now()).await.expect("a second tenant");
    gate.commit().await.expect("commits");
    let tenant = town.scratch.tenant;
    let mut here = settle(&mut town, tenant, "zinnia").await;
    let mut there = settle(&mut town, second, "briar").await;
    let before = [seen(&town, &mut here).await, seen(&town, &mut there).await];

    let file = std::env::temp_dir().join(format!("parallax-{}.dump", uuid::Uuid::new_v4().simple()));
    let file = file.to_str().expect("a path");
    let dump = ["-Fc", "-f", file, "parallax"];
    let refused = first.run("pg_dump", OWNER, &dump).await.expect_err("the owner sees no rows");
    assert!(refused.contains("row-level security"), "it fails loudly, not with an empty file: {refused}");
    first.run("pg_dump", "postgres", &dump).await.expect("a superuser dumps");
    drop(town);
    drop(first);

    let other = Postgres::new().await;
    let mut admin = other.superuser("parallax").await;
    let role =
        "CREATE ROLE parallax_app NOLOGIN NOSUPERUSER NOBYPASSRLS; GRANT parallax_app TO parallax_owner";
    admin.execute(role).await.expect("roles are not in a dump");
    other
        .run("pg_restore", "postgres", &["--exit-on-error", "-d", "parallax", file])
        .await
        .expect("restored");
    std::fs::remove_file(file).expect("the file goes");
    let town = Town::over(over(&other).await).await;
    let after = [seen(&town, &mut here).await, seen(&town, &mut there).await];
    for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
        assert_eq!(before, after);
    }
    for (own, other) in [(&here, &there), (&there, &here)] {
        look_everywhere(own, other).await;
        guess(own, other).await;
    }
    let mut app = town.scratch.behind().await;
    app.execute("SET ROLE parallax_app").await.expect("becomes the application");
    let rows = app.fetch_all("SELECT 1 FROM assets").await.expect("an answer");
    assert!(rows.is_empty(), "row-level security came along");
    assert!(app.execute("DELETE FROM audit").await.is_err(), "and so did what the application may not do");
}
