//! A database of its own for one test, and a small estate in it that went the whole way through:
//! collected, stored, judged.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parallax::auth::Vault;
use parallax::auth::oidc::Envoy;
use parallax::auth::vault::HouseKey;
use parallax::collect::{CollectError, Collector, RunBuilder};
use parallax::config::Reach;
use parallax::desk::connections::Terms;
use parallax::model::{
    Asset, AssetKey, ConnectionSpec, Facts, Gap, Platform, Provider, RegistrySpec, TenantId,
};
use parallax::outgoing::Guard;
use parallax::pipeline::assess::{Assess, assess};
use parallax::pipeline::refresh::refresh;
use parallax::store::assessments::Scope;
use parallax::store::runs::{self, Reads};
use parallax::store::{Store, connections, tenants};
use parallax::web::{Entrance, House, WebState};
use sqlx::{Connection, Executor, PgConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Who the houses of tests are on AWS.
pub const PRINCIPAL: &str = "arn:aws:iam::999988887777:role/parallax";
/// What forms of a house without log-in carry in tests.
pub const FORM_WORD: &str = "the-word-of-this-form";

/// A database of one test.
pub struct Scratch {
    server: String,
    name: String,
    /// Connected as the application's role.
    pub store: Store,
    /// The one tenant in it.
    pub tenant: TenantId,
}

/// The time, for tests that start services.
#[expect(clippy::disallowed_methods, reason = "a test is its own edge")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

impl Scratch {
    /// Makes the database on the server that `DATABASE_URL` names.
    pub async fn new() -> Self {
        let server = std::env::var("DATABASE_URL")
            .expect("DATABASE_URL names a Postgres this test may make databases in; ./dev test starts one");
        let name = format!("it_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&server).await.expect("the server answers");
        admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
        let mut url: url::Url = server.parse().expect("an address");
        url.set_path(&name);
        Self::of(server, &name, url.as_str()).await
    }

    /// Over the database `name` of the server at `server`, which the application reaches at `url`.
    pub async fn of(server: String, name: &str, url: &str) -> Self {
        Store::migrate(url).await.expect("our schema");
        let store = Store::connect(url, 4).await.expect("connects");
        let tenant = tenants::ensure_default(&store, now()).await.expect("a tenant");
        Self { server, name: name.to_owned(), store, tenant }
    }

    /// The address of the database, as its owner.
    pub fn url(&self) -> String {
        let mut url: url::Url = self.server.parse().expect("an address");
        url.set_path(&self.name);
        url.into()
    }

    /// A house without log-in over this estate.
    pub fn open_house(&self) -> WebState {
        let house = House {
            entrance: Entrance::Open { tenant: self.tenant, csrf: FORM_WORD.into() },
            public_url: "http://127.0.0.1/".parse().expect("an address"),
            behind_proxy: false,
            vault: Vault::new(HouseKey::new([7; 32]), Vec::new()),
            guard: Guard::new(Reach::Loopback),
            terms: Terms {
                outgoing: Reach::Loopback,
                endpoints: true,
                principal: Some(PRINCIPAL.into()),
                ..Terms::default()
            },
            envoy: Envoy::new(Guard::new(Reach::Loopback)).expect("a client"),
            api: parallax::api::described(),
            stopping: CancellationToken::default(),
        };
        WebState { store: self.store.clone(), house: Arc::new(house), now }
    }

    /// The database as its owner sees it: no row is hidden.
    pub async fn behind(&self) -> PgConnection {
        let mut url: url::Url = self.server.parse().expect("an address");
        url.set_path(&self.name);
        PgConnection::connect(url.as_str()).await.expect("the server answers")
    }

    /// Removes the database.
    pub async fn end(self) {
        drop(self.store);
        let mut admin = PgConnection::connect(&self.server).await.expect("the server answers");
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        admin.execute(sqlx::AssertSqlSafe(drop)).await.expect("it goes");
    }

    /// A connection to nowhere, to hang assets on.
    pub async fn connection(&self, name: &str) -> Uuid {
        let spec = ConnectionSpec::Registry(RegistrySpec {
            address: "127.0.0.1:9".into(),
            ..RegistrySpec::default()
        });
        let mut tx = self.store.begin(self.tenant).await.expect("a transaction");
        let id = connections::save(&mut tx, name, &spec, 3_600, now()).await.expect("saved");
        tx.commit().await.expect("committed");
        id
    }

    /// Runs `source` as `connection` to its end and judges what it found. Returns the run.
    pub async fn run(&self, connection: Uuid, source: &Planted) -> Uuid {
        let mut tx = self.store.begin(self.tenant).await.expect("a transaction");
        let queued = runs::enqueue(&mut tx, connection, Reads::Everything, now())
            .await
            .expect("asked")
            .expect("none runs");
        let claim = runs::claim(&mut tx, now()).await.expect("asked").expect("one waits");
        tx.commit().await.expect("committed");
        assert_eq!(claim.run, queued, "another run waited");
        refresh(&self.store, self.tenant, claim, source, now).await.expect("the run ends");
        let what = Assess {
            tenant: self.tenant,
            connection: Some(connection),
            scope: Scope::Changed,
            run: Some(queued),
            clock: now,
        };
        assess(&self.store, what).await.expect("judged");
        let mut tx = self.store.begin(self.tenant).await.expect("a transaction");
        runs::finish(&mut tx, claim, runs::Ending::Done, None, now()).await.expect("finished");
        tx.commit().await.expect("committed");
        queued
    }
}

/// A source that holds what it is given.
pub struct Planted {
    /// Its assets.
    pub assets: Vec<Asset>,
    /// What it refuses.
    pub gaps: Vec<Gap>,
}

impl Collector for Planted {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        for gap in &self.gaps {
            run.gap(gap.clone()).await?;
        }
        for asset in &self.assets {
            run.asset(asset.clone()).await?;
        }
        Ok(())
    }
}

/// A function with these facts.
pub fn function(name: &str, facts: &str) -> Asset {
    asset(
        Provider::Aws,
        ("111122223333", "eu-west-1", &format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}")),
        name,
        Platform::LambdaZip,
        Facts::Function(serde_json::from_str(facts).expect("facts of a function")),
    )
}

/// An image with these facts.
pub fn image(name: &str, facts: &str) -> Asset {
    asset(
        Provider::Registry,
        ("registry.example", "", &format!("registry.example/{name}@sha256:{}", "ab".repeat(32))),
        name,
        Platform::OciImage,
        Facts::Image(serde_json::from_str(facts).expect("facts of an image")),
    )
}

fn asset(
    provider: Provider,
    place: (&str, &str, &str),
    name: &str,
    platform: Platform,
    facts: Facts,
) -> Asset {
    let key =
        AssetKey { provider, account: place.0.into(), region: place.1.into(), native_id: place.2.into() };
    Asset { key, name: name.into(), platform, facts }
}
