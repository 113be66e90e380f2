//! Row-level security keeps tenants apart, and nobody forgot a table.

use parallax::app::now;
use parallax::model::TenantId;
use parallax::store::{assets, connections, findings};
use sqlx::{AssertSqlSafe, Executor, Row};
use uuid::Uuid;

use super::image;
use crate::support::database::{House, Told};

/// Tables of the house: who may log in, whichever tenant they belong to.
const OF_THE_HOUSE: [&str; 5] = ["people", "recovery_codes", "identities", "login_flows", "attempts"];

#[tokio::test]
async fn every_table_of_tenants_is_guarded_and_keyed_by_tenant() {
    let house = House::new().await;
    let mut behind = house.behind().await;
    let tables = sqlx::query(
        "SELECT c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS guarded,
                EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polwithcheck IS NOT NULL
                        AND pg_get_expr(p.polqual, c.oid) ~ 'parallax[._]tenant') AS policed,
                EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polqual IS NOT NULL
                        AND pg_get_expr(p.polqual, c.oid) !~ 'parallax[._](tenant|house)') AS open,
                a.attname IS NOT NULL AS keyed
         FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND c.relname <> '_sqlx_migrations'",
    )
    .fetch_all(&mut behind)
    .await
    .expect("the catalogue");
    assert!(tables.len() >= 13, "only {} tables", tables.len());
    for table in tables {
        let name: String = table.get("name");
        assert!(table.get::<bool, _>("guarded"), "{name}: row-level security is not on and forced");
        assert!(!table.get::<bool, _>("open"), "{name}: a policy asks for neither tenant nor house");
        if OF_THE_HOUSE.contains(&name.as_str()) {
            continue;
        }
        assert!(table.get::<bool, _>("policed"), "{name}: no policy speaks of the tenant");
        assert!(table.get::<bool, _>("keyed") || name == "tenants", "{name}: no tenant_id");
    }
    let loose: Vec<String> = sqlx::query_scalar(
        "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE c.relnamespace = 'public'::regnamespace AND a.attname <> 'tenant_id'
           AND c.relname NOT IN ('tenants', '_sqlx_migrations') AND c.relname <> ALL($1)
           -- Looked for by a secret's hash or a person, before the tenant is known.
           AND c.relname NOT IN ('sessions', 'links')
           AND i.indexrelid::regclass::text NOT IN ('runs_under_way', 'memberships_by_person',
               'api_tokens_secret_hash_key', 'providers_id_key')",
    )
    .bind(OF_THE_HOUSE.map(String::from).to_vec())
    .fetch_all(&mut behind)
    .await
    .expect("the catalogue");
    assert_eq!(loose, Vec::<String>::new(), "indexes that do not begin with tenant_id");
}

#[tokio::test]
async fn the_application_has_no_power_to_look_past_it() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    house.pass(connection, &Told::of([image("a", Some(""))])).await.0.expect("a pass");
    let mut app = house.behind().await;
    app.execute("SET ROLE parallax_app").await.expect("becomes the application");
    let role = sqlx::query(
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user",
    );
    assert!(!app.fetch_one(role).await.expect("a role").get::<bool, _>(0));
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'",
    )
    .fetch_all(&mut app)
    .await
    .expect("names");
    for table in tables.iter().map(String::as_str).chain(["tenants"]).chain(OF_THE_HOUSE) {
        let seen: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut app)
            .await
            .expect("an answer");
        assert_eq!(seen, 0, "{table} shows rows to a session without a tenant");
    }
    assert!(house.count("SELECT count(*) FROM assets").await > 0, "and there is something to see");
    let refused = app.execute("SET row_security = off; SELECT count(*) FROM assets").await;
    assert!(refused.is_err(), "row-level security can be switched off");
    let mut other = house.behind().await;
    other.execute("SET ROLE parallax_app").await.expect("becomes the application");
    for statement in [
        "ALTER TABLE assets DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON assets",
        "ALTER ROLE parallax_app BYPASSRLS",
        "INSERT INTO tenants (id, name, created_at) VALUES (gen_random_uuid(), 'mine', now())",
        "DELETE FROM _sqlx_migrations",
    ] {
        assert!(other.execute(statement).await.is_err(), "the application may {statement}");
    }
}

#[tokio::test]
async fn two_tenants_with_the_same_assets_never_meet() {
    let mut house = House::new().await;
    let first = house.tenant;
    let other = TenantId(Uuid::new_v4());
    let mut behind = house.behind().await;
    sqlx::query("INSERT INTO tenants (id, name, created_at) VALUES ($1, 'other', now())")
        .bind(other.0)
        .execute(&mut behind)
        .await
        .expect("a second tenant");
    let asset = image("same", Some(""));
    let mine = house.connection("same name").await;
    house.pass(mine, &Told::of([asset.clone()])).await.0.expect("a pass");
    house.tenant = other;
    let theirs = house.connection("same name").await;
    house.pass(theirs, &Told::of([asset.clone()])).await.0.expect("a pass");
    house.pass(theirs, &Told::default()).await.0.expect("a pass after which it is gone");

    assert_ne!(asset.key.id(first), asset.key.id(other));
    assert_eq!(house.count("SELECT count(DISTINCT tenant_id) FROM assets WHERE name = 'same'").await, 2);
    let mut tx = house.store.begin(first).await.expect("a transaction");
    assert!(connections::get(&mut tx, theirs).await.expect("reads").is_none());
    let seen = assets::previous(&mut tx, &[asset.key.id(first), asset.key.id(other)]).await.expect("reads");
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [asset.key.id(first)]);
    let lives = findings::of_assets(&mut tx, &[asset.key.id(first)], None).await.expect("reads");
    assert!(
        lives.iter().any(|life| life.state == findings::State::Open),
        "the other tenant's loss is not ours"
    );
    let spec = connections::get(&mut tx, mine).await.expect("reads").expect("there").spec;
    connections::save(&mut tx, "new", &spec, 60, now()).await.expect("saves");
    tx.commit().await.expect("commits");
    assert_eq!(house.count("SELECT count(*) FROM connections").await, 3);
}
