//! A database for each test, made from a template that was migrated once, gone when the test ends.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use parallax::app::now;
use parallax::collect::{CollectError, Collector, RunBuilder};
use parallax::model::{Asset, ConnectionSpec, Gap, RegistrySpec, TenantId};
use parallax::pipeline::assess::{Assess, Assessed, assess};
use parallax::pipeline::refresh::{RefreshError, refresh};
use parallax::store::assessments::Scope;
use parallax::store::runs::{self, Claim, Ending, Reads, Standing};
use parallax::store::{Store, connections, tenants};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// The scratch server the tests are given.
fn server() -> Url {
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| {
        panic!("DATABASE_URL must name a scratch Postgres as its superuser; `./dev test` starts one")
    });
    Url::parse(&url).expect("DATABASE_URL is an address")
}

fn database(name: &str) -> String {
    let mut url = server();
    url.set_path(name);
    url.into()
}

/// A session of the superuser in a database.
pub async fn superuser(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("an address").disable_statement_logging();
    PgConnection::connect_with(&options).await.expect("the scratch Postgres answers")
}

/// A statement that holds a name of ours.
async fn say(session: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(session).await.map(|_| ())
}

async fn template() -> &'static str {
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("parallax_template_{}", Uuid::new_v4().simple());
            let mut admin = superuser(server().as_str()).await;
            say(&mut admin, format!("CREATE DATABASE {name}")).await.expect("makes the template");
            Store::migrate(&database(&name)).await.expect("migrates the template");
            name
        })
        .await
}

/// A migrated database with the default tenant in it.
pub struct House {
    pub store: Store,
    pub tenant: TenantId,
    pub url: String,
    name: String,
}

impl House {
    pub async fn new() -> Self {
        let template = template().await;
        let name = format!("parallax_test_{}", Uuid::new_v4().simple());
        let mut admin = superuser(server().as_str()).await;
        say(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await
            .expect("copies the template");
        let url = database(&name);
        let store = Store::connect(&url, 4).await.expect("connects");
        let tenant = tenants::ensure_default(&store, now()).await.expect("a tenant");
        Self { store, tenant, url, name }
    }

    /// A session that row-level security does not bind, to look behind the scenes.
    pub async fn behind(&self) -> PgConnection {
        superuser(&self.url).await
    }

    /// Changes something about the database itself, from outside of it.
    pub async fn alter(&self, statement: impl Fn(&str) -> String) {
        let mut admin = superuser(server().as_str()).await;
        say(&mut admin, statement(&self.name)).await.expect("a good statement");
    }

    /// A number, counted behind the scenes.
    pub async fn count(&self, query: impl Into<String>) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.into()))
            .fetch_one(&mut self.behind().await)
            .await
            .expect("a number")
    }

    /// A connection to a source that is only told of.
    pub async fn connection(&self, name: &str) -> Uuid {
        let spec = RegistrySpec { address: "registry.example".into(), ..RegistrySpec::default() };
        self.connect(name, &ConnectionSpec::Registry(spec)).await
    }

    pub async fn connect(&self, name: &str, spec: &ConnectionSpec) -> Uuid {
        let mut tx = self.store.begin(self.tenant).await.expect("a transaction");
        let id = connections::save(&mut tx, name, spec, 3_600, now()).await.expect("a connection");
        tx.commit().await.expect("commits");
        id
    }

    /// Queues a run of the connection and claims it.
    pub async fn claim(&self, connection: Uuid) -> Claim {
        self.claim_to(connection, Reads::Everything).await
    }

    /// The same for a run that reads this.
    pub async fn claim_to(&self, connection: Uuid, reads: Reads) -> Claim {
        let mut tx = self.store.begin(self.tenant).await.expect("a transaction");
        let queued = runs::enqueue(&mut tx, connection, reads, now()).await.expect("queues");
        let run = queued.expect("none is under way");
        let claim = runs::claim_one(&mut tx, run, now()).await.expect("claims").expect("it waits");
        tx.commit().await.expect("commits");
        claim
    }

    /// One whole run over what is told.
    pub async fn pass(&self, connection: Uuid, told: &Told) -> (Result<Standing, RefreshError>, Assessed) {
        let claim = self.claim(connection).await;
        let read = refresh(&self.store, self.tenant, claim, told, now).await;
        let judged = self.judge(connection, Some(claim.run), Scope::Changed).await;
        let mut tx = self.store.begin(self.tenant).await.expect("a transaction");
        assert!(runs::finish(&mut tx, claim, Ending::Done, None, now()).await.expect("ends"));
        tx.commit().await.expect("commits");
        (read, judged)
    }

    pub async fn judge(&self, connection: Uuid, run: Option<Uuid>, scope: Scope) -> Assessed {
        let what = Assess { tenant: self.tenant, connection: Some(connection), scope, run, clock: now };
        assess(&self.store, what).await.expect("judges")
    }

    /// What counts and sums should be, counted anew, beside what they are. Empty where they agree.
    pub async fn miscounts(&self) -> Vec<String> {
        miscounts(&mut self.behind().await).await
    }
}

/// What counts and sums should be, counted anew, beside what they are. Empty where they agree.
pub async fn miscounts(behind: &mut PgConnection) -> Vec<String> {
    let tallies = "
        WITH counted AS (
            SELECT s.connection_id, o ->> 'control' AS control, a.kind, s.platform,
                   CASE WHEN o ->> 'control' = ANY(s.accepted) THEN 'accepted' ELSE o ->> 'verdict' END AS verdict, o ->> 'severity' AS severity, count(*) AS assets
            FROM assessments s JOIN assets a ON a.tenant_id = s.tenant_id AND a.id = s.asset_id,
                 jsonb_array_elements(s.outcomes) AS o GROUP BY 1, 2, 3, 4, 5, 6),
        kept AS (SELECT connection_id, control, kind, platform, verdict, severity, assets
                 FROM tallies WHERE assets <> 0)
        SELECT format('tally %s %s %s: counted %s, kept %s', control, kind, verdict, c.assets, k.assets)
        FROM counted c FULL JOIN kept k USING (connection_id, control, kind, platform, verdict, severity)
        WHERE c.assets IS DISTINCT FROM k.assets";
    let sums = "
        WITH counted AS (
            SELECT s.connection_id, a.kind, count(*) AS assets, count(s.score) AS scored,
                   coalesce(sum(s.score), 0) AS score_sum, sum(s.known) AS known, sum(s.unknown) AS unknown,
                   sum(cardinality(s.accepted)) AS accepted
            FROM assessments s JOIN assets a ON a.tenant_id = s.tenant_id AND a.id = s.asset_id
            GROUP BY 1, 2),
        kept AS (SELECT * FROM score_sums WHERE area = '' AND assets <> 0)
        SELECT format('sum %s: counted %s, kept %s', kind, c, k)
        FROM counted c FULL JOIN kept k USING (connection_id, kind)
        WHERE c.assets IS DISTINCT FROM k.assets OR c.scored IS DISTINCT FROM k.scored
           OR c.known IS DISTINCT FROM k.known OR c.unknown IS DISTINCT FROM k.unknown
           OR c.accepted IS DISTINCT FROM k.accepted OR abs(c.score_sum - k.score_sum) > 0.01 * (1 + k.assets)";
    let mut found: Vec<String> =
        sqlx::query_scalar(tallies).fetch_all(&mut *behind).await.expect("counts tallies");
    found.extend(sqlx::query_scalar::<_, String>(sums).fetch_all(&mut *behind).await.expect("adds up"));
    found
}

impl Drop for House {
    fn drop(&mut self) {
        let (name, server) = (self.name.clone(), server());
        // A test's own runtime may be ending; the database goes from a thread beside it.
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut admin = superuser(server.as_str()).await;
                let _ = say(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
        });
        let _ = dropping.join();
    }
}

/// A source that holds what a test says.
#[derive(Default)]
pub struct Told {
    pub assets: Vec<Asset>,
    pub gaps: Vec<Gap>,
    /// It breaks after having told of everything.
    pub breaks: bool,
}

impl Told {
    pub fn of(assets: impl IntoIterator<Item = Asset>) -> Self {
        Self { assets: assets.into_iter().collect(), ..Self::default() }
    }
}

impl Collector for Told {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        for asset in &self.assets {
            run.asset(asset.clone()).await?;
        }
        for gap in &self.gaps {
            run.gap(gap.clone()).await?;
        }
        if self.breaks {
            return Err(CollectError::Unreachable { what: "registry.example".into(), cause: "gone".into() });
        }
        Ok(())
    }
}

/// A moment some days from now; before it, with a minus.
pub fn days(number: i64) -> DateTime<Utc> {
    now() + chrono::TimeDelta::days(number)
}
