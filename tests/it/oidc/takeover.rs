//! Nobody comes into an account that is not theirs: not by a link they made, not by one they made for
//! themselves before, not by what another tenant's provider says.

use parallax::auth::setup::{self, Entry, Purpose};
use parallax::auth::{AuthError, Secret};
use parallax::model::{Role, TenantId};
use parallax::store::people::{self, members};
use parallax::store::tenants;
use sqlx::Row;
use uuid::Uuid;

use super::super::support::estate::now;
use super::super::support::people::{PASSWORD, Town};
use super::super::support::provider::Certified;
use super::{ROLES, person};

/// A tenant of somebody else, who means no good.
async fn elsewhere(town: &Town) -> TenantId {
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    let mallory = people::ensure(&mut gate, "mallory@example.com", "Mallory", now()).await.expect("made");
    let tenant = tenants::create(&mut gate, "elsewhere", mallory.id, now()).await.expect("a tenant");
    gate.commit().await.expect("commits");
    tenant
}

async fn link(town: &Town, purpose: Purpose, tenant: TenantId, email: &str) -> Secret {
    setup::personal_link(&town.scratch.store, purpose, tenant, email, Role::Viewer, now())
        .await
        .expect("a link")
}

async fn use_up(town: &Town, secret: &Secret) -> Result<Uuid, AuthError> {
    let entry = Entry { email: String::new(), name: "X".into(), password: PASSWORD.into() };
    setup::accept(&town.scratch.store, secret, &entry, now()).await.map(|(person, _)| person.id)
}

#[tokio::test]
async fn an_invitation_gives_nobody_the_password_of_an_account_that_is_there() {
    let (town, provider) = (Town::new().await, Certified::start().await);
    let (owner, id) = town.with_provider(&provider, ROLES).await;
    provider
        .set(serde_json::json!({ "accounts": { "ann": person("ann@example.org", &["security"]) } }))
        .await;
    assert_eq!(town.come_by(&provider, &id, "ann").await.1.location, "/findings");
    for tenant in [elsewhere(&town).await, town.scratch.tenant] {
        let secret = link(&town, Purpose::Invite, tenant, "ann@example.org").await;
        let refused = use_up(&town, &secret).await.expect_err("it is not theirs to give");
        assert!(matches!(refused, AuthError::Invalid { field: "email", .. }), "{refused}");
    }
    assert_ne!(town.browser().log_in("ann@example.org", PASSWORD).await.status, 303);
    let again = owner.submit("/people", "/people", &[("email", "Ann@example.org"), ("role", "viewer")]).await;
    assert!(again.status == 409 && again.text.contains("belongs here already"), "{}", again.text);
    town.scratch.end().await;
}

#[tokio::test]
async fn an_account_made_before_its_person_came_keeps_no_other_way_in() {
    let (town, provider) = (Town::new().await, Certified::start().await);
    let (_, id) = town.with_provider(&provider, ROLES).await;
    let other = elsewhere(&town).await;
    let made = town.member(other, "ann@example.org", Role::Viewer).await;
    let before = town.browser();
    assert_eq!(before.log_in("ann@example.org", PASSWORD).await.status, 303);
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    people::add_identity(&mut gate, "https://evil.example", "ann", made, now()).await.expect("noted");
    gate.commit().await.expect("commits");
    let mut tx = town.scratch.store.begin(other).await.expect("a transaction");
    assert!(members::remove(&mut tx, made).await.expect("removed"));
    tx.commit().await.expect("commits");

    provider
        .set(serde_json::json!({ "accounts": { "ann": person("ann@example.org", &["security"]) } }))
        .await;
    let (ann, page) = town.come_by(&provider, &id, "ann").await;
    assert_eq!(page.location, "/findings", "{}", page.text);
    assert_eq!(ann.get("/").await.status, 200);
    assert_eq!(before.get("/").await.status, 303, "the session before has ended");
    assert_ne!(town.browser().log_in("ann@example.org", PASSWORD).await.status, 303, "so has the password");
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    let evil = people::by_identity(&mut gate, "https://evil.example", "ann").await.expect("reads");
    assert!(evil.is_none(), "and who they were elsewhere");
    drop(gate);
    town.scratch.end().await;
}

#[tokio::test]
async fn who_is_known_by_another_tenants_provider_is_new_here() {
    let (town, provider) = (Town::new().await, Certified::start().await);
    let (_, id) = town.with_provider(&provider, ROLES).await;
    elsewhere(&town).await;
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    let mallory = people::by_email(&mut gate, "mallory@example.com").await.expect("reads").expect("there").id;
    people::add_identity(&mut gate, &provider.issuer(), "mallory", mallory, now()).await.expect("noted");
    gate.commit().await.expect("commits");
    let account = person("mallory@example.com", &["security"]);
    provider.set(serde_json::json!({ "accounts": { "mallory": account } })).await;
    let (browser, page) = town.come_by(&provider, &id, "mallory").await;
    assert!(page.status == 403 && page.text.contains("does not speak for the domain"), "{}", page.text);
    assert_eq!(browser.get("/").await.status, 303);
    town.scratch.end().await;
}

#[tokio::test]
async fn a_link_for_a_new_password_dies_when_its_person_becomes_more() {
    let town = Town::new().await;
    let here = town.scratch.tenant;
    let bob = town.member(here, "bob@example.org", Role::Viewer).await;
    let cid = town.member(here, "cid@example.org", Role::Viewer).await;
    let dan = town.member(here, "dan@example.org", Role::Viewer).await;
    let links = [
        link(&town, Purpose::Reset, here, "bob@example.org").await,
        link(&town, Purpose::Reset, here, "cid@example.org").await,
        link(&town, Purpose::Reset, here, "dan@example.org").await,
    ];
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    tenants::create(&mut gate, "his own", bob, now()).await.expect("a tenant");
    gate.commit().await.expect("commits");
    let mut tx = town.scratch.store.begin(here).await.expect("a transaction");
    members::set(&mut tx, cid, Role::Owner, "", now()).await.expect("promoted");
    tx.commit().await.expect("commits");
    for dead in &links[..2] {
        assert!(matches!(use_up(&town, dead).await, Err(AuthError::DeadLink)));
    }
    assert_eq!(use_up(&town, &links[2]).await.expect("still theirs"), dan);
    town.scratch.end().await;
}

#[tokio::test]
async fn the_secret_of_a_provider_stays_behind_when_it_is_led_elsewhere() {
    let (town, provider) = (Town::new().await, Certified::start().await);
    let (owner, id) = town.with_provider(&provider, ROLES).await;
    let secret = async || {
        let mut behind = town.scratch.behind().await;
        let row =
            sqlx::query("SELECT client_secret IS NOT NULL AS kept FROM providers").fetch_one(&mut behind);
        row.await.expect("a row").get::<bool, _>("kept")
    };
    let issuer = provider.issuer();
    let change = async |issuer: &str| {
        let fields = [
            ("name", "Acme"),
            ("issuer", issuer),
            ("client_id", "parallax"),
            ("domains", "example.org"),
            ("groups_claim", "groups"),
            ("roles", ROLES),
            ("default_role", ""),
        ];
        owner.submit(&format!("/providers/{id}"), &format!("/providers/{id}"), &fields).await
    };
    assert_eq!(change(&issuer).await.status, 303);
    assert!(secret().await, "nothing moved");
    let moved = change("http://127.0.0.1:9/").await;
    assert_eq!(moved.status, 303, "{}", moved.text);
    assert!(!secret().await, "it would be sent to another place");
    town.scratch.end().await;
}
