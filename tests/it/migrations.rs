//! Migrations run one at a time, beside servers of the version before, and take nothing away from
//! them.

use std::path::PathBuf;
use std::time::Duration;

use parallax::store::Store;
use regex::Regex;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::support::database::superuser;

/// From here on an older server may be running while a migration is applied.
const RULE_HOLDS_FROM: u32 = 10;
/// How a file says why it breaks the rule all the same.
const ARGUED: &str = "-- Safe while an older server runs:";

/// What takes something away that an older server reads, refuses what it writes, or keeps it
/// waiting while a table is rewritten or read through.
const DESTRUCTIVE: [(&str, &str); 9] = [
    (
        r"\bdrop\s+(table|column|schema|view|function)\b",
        "an older server still uses it: drop it a version later",
    ),
    (r"\brename\b", "an older server knows it by its old name: add the new one beside it"),
    (
        r"\balter\s+(column\s+)?\w+\s+(set\s+data\s+)?type\b",
        "rewrites the table under a lock: add a column beside it",
    ),
    (r"\bset\s+not\s+null\b", "an older server writes none: give it a default first"),
    (
        r"\badd\s+column\s+(if\s+not\s+exists\s+)?\w+\s+[^,;]*\bnot\s+null\b",
        "needs a DEFAULT: an older server writes none",
    ),
    (
        r"\badd\s+(constraint\b|check\b|foreign\s+key\b|unique\b|primary\s+key\b)",
        "add it NOT VALID, and validate it in a later file",
    ),
    (
        r"\bcreate\s+(unique\s+)?index\b",
        "keeps writers of a full table waiting: CONCURRENTLY, in a file that begins with -- no-transaction",
    ),
    (r"\btruncate\b", "takes rows from under an older server"),
    (r"\b(vacuum\s+full|cluster)\b", "rewrites the table under a lock"),
];

/// What is wrong with the text of a migration.
fn faults(text: &str) -> Vec<String> {
    if text.contains(ARGUED) {
        return Vec::new();
    }
    let comments = Regex::new(r"(?m)--.*$").expect("a pattern");
    let bare = comments.replace_all(text, "").to_lowercase();
    let made = Regex::new(r"\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)").expect("a pattern");
    let new: Vec<_> = made.captures_iter(&bare).map(|found| found[1].to_owned()).collect();
    let table = Regex::new(r"\b(?:alter\s+table|index\b[^;]*?\bon)\s+(?:only\s+|if\s+exists\s+)*(\w+)")
        .expect("a pattern");
    let mut found = Vec::new();
    for statement in bare.split(';') {
        let of_new = table.captures(statement).is_some_and(|found| new.contains(&found[1].to_owned()));
        for (pattern, why) in DESTRUCTIVE {
            let meets = Regex::new(pattern).expect("a pattern").find(statement);
            let Some(meets) = meets else { continue };
            let excused = why.contains("DEFAULT") && statement.contains("default")
                || why.contains("NOT VALID") && statement.contains("not valid")
                || why.contains("CONCURRENTLY") && statement.contains("concurrently");
            if !of_new && !excused {
                found.push(format!("{:?}: {why}", meets.as_str()));
            }
        }
    }
    found
}

#[test]
fn a_migration_leaves_an_older_server_what_it_needs() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"));
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the migrations") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let number: u32 = name.split('_').next().and_then(|number| number.parse().ok()).expect("a number");
        if number < RULE_HOLDS_FROM {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        wrong.extend(faults(&text).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(
        wrong.is_empty(),
        "\n{}\nIf it is safe all the same, say why in a line that begins\n{ARGUED}",
        wrong.join("\n")
    );
}

#[test]
fn what_would_break_an_older_server_is_seen() {
    for breaks in [
        "ALTER TABLE findings DROP COLUMN reason;",
        "DROP TABLE gaps;",
        "ALTER TABLE runs RENAME COLUMN state TO standing;",
        "ALTER TABLE runs ALTER COLUMN done TYPE numeric;",
        "ALTER TABLE runs ALTER done SET DATA TYPE numeric;",
        "ALTER TABLE runs ALTER COLUMN fault SET NOT NULL;",
        "ALTER TABLE runs ADD COLUMN why text NOT NULL;",
        "ALTER TABLE runs ADD CONSTRAINT c CHECK (done > 0);",
        "CREATE INDEX a ON runs (tenant_id);",
        "CREATE TABLE a (x int); CREATE UNIQUE INDEX b ON runs (tenant_id);",
        "TRUNCATE tallies;",
    ] {
        assert!(!faults(breaks).is_empty(), "{breaks}");
    }
    for safe in [
        "CREATE TABLE a (x int NOT NULL, y text); CREATE INDEX b ON a (x); ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0);",
        "ALTER TABLE runs ADD COLUMN why text NOT NULL DEFAULT '';",
        "ALTER TABLE runs ADD COLUMN why text;",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY a ON runs (tenant_id);",
        "ALTER TABLE runs ADD CONSTRAINT c CHECK (done >= 0) NOT VALID;",
        "-- We will DROP TABLE gaps some day.\nSELECT 1;",
        "-- Safe while an older server runs: nobody reads it since 0.3.\nALTER TABLE runs DROP COLUMN why;",
    ] {
        assert_eq!(faults(safe), Vec::<String>::new(), "{safe}");
    }
}

/// An empty database on the scratch server, and its address.
async fn empty() -> (PgConnection, String, String) {
    let server = std::env::var("DATABASE_URL").expect("a scratch Postgres");
    let name = format!("migrations_{}", Uuid::new_v4().simple());
    let mut admin = superuser(&server).await;
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
    let mut url: url::Url = server.parse().expect("an address");
    url.set_path(&name);
    (admin, name, url.into())
}

async fn remove(mut admin: PgConnection, name: &str) {
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.expect("it goes");
}

#[tokio::test]
async fn servers_that_start_together_migrate_once() {
    let (admin, name, url) = empty().await;
    let all = tokio::join!(Store::migrate(&url), Store::migrate(&url), Store::migrate(&url));
    assert!(matches!(all, (Ok(()), Ok(()), Ok(()))), "{all:?}");
    let mut session = superuser(&url).await;
    let text = "SELECT count(*) = count(DISTINCT version) AND bool_and(success) FROM _sqlx_migrations";
    assert!(
        sqlx::query_scalar::<_, Option<bool>>(text).fetch_one(&mut session).await.expect("rows")
            == Some(true)
    );
    remove(admin, &name).await;
}

#[tokio::test]
async fn whoever_migrates_holds_a_lock_and_others_wait() {
    let (admin, name, url) = empty().await;
    Store::migrate(&url).await.expect("migrates");
    let mut holder = superuser(&url).await;
    let mut held = holder.begin().await.expect("a transaction");
    held.execute("LOCK TABLE _sqlx_migrations IN ACCESS EXCLUSIVE MODE").await.expect("holds it");
    let start = |url: String| tokio::spawn(async move { Store::migrate(&url).await });
    let mut both = [start(url.clone()), start(url.clone())];
    let mut watch = superuser(&url).await;
    let locks = "SELECT format('%s %s', count(*) FILTER (WHERE granted), count(*) FILTER (WHERE NOT granted))
        FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let mut seen = String::new();
    for _ in 0..100 {
        seen = sqlx::query_scalar(locks).fetch_one(&mut watch).await.expect("locks");
        if seen == "1 1" {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(seen, "1 1", "one holds the lock, one waits for it");
    assert!(timeout(Duration::from_millis(300), &mut both[1]).await.is_err(), "nobody goes past it");
    held.rollback().await.expect("lets go");
    for one in both {
        one.await.expect("no panic").expect("migrates");
    }
    remove(admin, &name).await;
}

#[tokio::test]
async fn an_older_server_starts_beside_a_newer_schema() {
    let (admin, name, url) = empty().await;
    Store::migrate(&url).await.expect("migrates");
    let mut session = superuser(&url).await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'of a newer version', true, '\\x00', 0)";
    session.execute(newer).await.expect("a row");
    Store::migrate(&url).await.expect("an older server may start");
    let store = Store::connect(&url, 2).await.expect("connects");
    store.ready().await.expect("and is ready");
    store.close().await;
    session.execute("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1").await.expect("a row");
    assert!(Store::migrate(&url).await.is_err(), "a migration that was changed afterwards is refused");
    remove(admin, &name).await;
}
