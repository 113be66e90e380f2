//! A new key for the house: everything sealed with the former one is sealed anew.

use parallax::auth::rotate::{Rotated, rotate};
use parallax::auth::vault::HouseKey;
use parallax::auth::{Vault, login, secrets};
use parallax::model::Role;
use uuid::Uuid;

use crate::support::estate::now;
use crate::support::people::Town;

fn vault(present: u8, former: &[u8]) -> Vault {
    let key = |byte: u8| HouseKey::new([byte; 32]);
    Vault::new(key(present), former.iter().map(|one| key(*one)).collect())
}

#[tokio::test]
async fn everything_is_sealed_anew_and_the_former_key_can_go() {
    let town = Town::new().await;
    let (store, tenant) = (&town.scratch.store, town.scratch.tenant);
    let person = town.member(tenant, "ann@example.org", Role::Owner).await;
    let ids: Vec<Uuid> = (0..450).map(|_| Uuid::now_v7()).collect();
    let mut tx = store.begin(tenant).await.expect("a transaction");
    for id in &ids {
        secrets::keep(&mut tx, &vault(7, &[]), *id, "hunter2", now()).await.expect("kept");
    }
    tx.commit().await.expect("commits");
    let factor = vault(7, &[]).seal(b"a factor", &login::totp_bound(person)).expect("sealed");
    let mut behind = town.scratch.behind().await;
    sqlx::query("UPDATE people SET totp_secret = $1").bind(factor).execute(&mut behind).await.expect("set");

    let blind = rotate(store, &vault(8, &[])).await.expect("an answer");
    assert_eq!(
        blind,
        Rotated { unopened: 451, ..Rotated::default() },
        "without the former key nothing is touched"
    );
    let done = rotate(store, &vault(8, &[7])).await.expect("an answer");
    assert_eq!(done, Rotated { secrets: 450, factors: 1, ..Rotated::default() }, "more than two batches");
    assert_eq!(
        rotate(store, &vault(8, &[7])).await.expect("an answer"),
        Rotated::default(),
        "twice does nothing"
    );
    let mut tx = store.begin(tenant).await.expect("a transaction");
    for id in &ids {
        assert_eq!(secrets::open(&mut tx, &vault(8, &[]), *id).await.expect("opens"), "hunter2");
    }
    drop(tx);
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT totp_secret FROM people").fetch_one(&mut behind).await.expect("one");
    assert_eq!(vault(8, &[]).open(&sealed, &login::totp_bound(person)).expect("opens"), b"a factor");
    town.scratch.end().await;
}
