//! What a source's own record of changes does not speak of is not asked for again, and what is then known
//! is what a whole reading finds.

mod base;
mod marks;
mod tags;

use std::sync::{Arc, Mutex};

use parallax::analysis::secrets::FingerprintKey;
use parallax::app::now;
use parallax::collect;
use parallax::demo::{SampleCloud, Shape};
use parallax::model::{AwsSpec, AzureSpec, ConnectionSpec, RegistrySpec};
use parallax::pipeline::refresh::refresh;
use parallax::store::runs::{self, Claim, Ending, Reads, Standing};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::aws::{Deed, front};
use crate::support::database::House;
use crate::support::registry::Registry;

/// A sample cloud of which every fifth thing changes in a day.
async fn cloud(assets: u32) -> SampleCloud {
    let shape = Shape { assets, changed_percent: 20.0, throttle_every: 0, ..Shape::default() };
    SampleCloud::start(shape).await.expect("a free port on loopback")
}

/// A source that is read again and again.
struct Source {
    house: House,
    cloud: SampleCloud,
    connection: Uuid,
    spec: ConnectionSpec,
    /// What was asked of it, where a front takes that down: the end of a path, or the name of a call.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Source {
    async fn new(cloud: SampleCloud, spec: ConnectionSpec) -> Self {
        let house = House::new().await;
        let connection = house.connect("source", &spec).await;
        Self { house, cloud, connection, spec, asked: Arc::default() }
    }

    /// The first account of a cloud, behind a front that does this with what is asked of its history.
    async fn account(assets: u32, history: Deed) -> Self {
        let cloud = cloud(assets).await;
        let ConnectionSpec::Aws(spec) = cloud.connections().swap_remove(0).1 else { panic!("an account") };
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let judge = move |_: &str, path: &str, target: &str| {
            let named = if target.is_empty() { path } else { target };
            noted.lock().expect("a list").push(named.rsplit(['/', '.']).next().unwrap_or("").to_owned());
            if target.ends_with("LookupEvents") { history.clone() } else { Deed::Pass }
        };
        let endpoint = front(spec.endpoint.as_deref().expect("an address"), Arc::new(judge)).await;
        let spec = ConnectionSpec::Aws(AwsSpec { endpoint: Some(endpoint), ..spec });
        Self { asked, ..Self::new(cloud, spec).await }
    }

    /// The registry, behind a front that takes down what is asked.
    async fn registry() -> Self {
        let cloud = cloud(2_000).await;
        let ConnectionSpec::Registry(spec) = cloud.connections().swap_remove(3).1 else {
            panic!("a registry")
        };
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let judge = move |_: &str, path: &str, _: &str| {
            noted.lock().expect("a list").push(path.rsplit('/').nth(1).unwrap_or("").to_owned());
            Deed::Pass
        };
        let endpoint = front(&format!("http://{}", spec.address), Arc::new(judge)).await;
        let address = endpoint.trim_start_matches("http://").to_owned();
        let spec = ConnectionSpec::Registry(RegistrySpec { address, ..spec });
        Self { asked, ..Self::new(cloud, spec).await }
    }

    /// How many images were looked up for what signs them since this was last asked.
    fn looked_up(&self) -> i64 {
        let asked = std::mem::take(&mut *self.asked.lock().expect("a list"));
        i64::try_from(asked.iter().filter(|one| *one == "referrers").count()).expect("few")
    }

    /// How often each of these calls was made since this was last asked.
    fn asked(&self) -> [usize; 5] {
        let asked = std::mem::take(&mut *self.asked.lock().expect("a list"));
        ["policy", "urls", "recursion-config", "GetRepositoryPolicy", "GetLifecyclePolicy"]
            .map(|call| asked.iter().filter(|one| *one == call).count())
    }

    /// One pass, and how many calls it took.
    async fn pass(&self, reads: Reads) -> (Standing, u64) {
        let before = self.cloud.requests();
        let standing = pass(&self.house, self.connection, &self.spec, reads).await;
        (standing, self.cloud.requests() - before)
    }
}

async fn pass(house: &House, connection: Uuid, spec: &ConnectionSpec, reads: Reads) -> Standing {
    let claim = house.claim_to(connection, reads).await;
    let source = collect::open(spec, FingerprintKey::new([1; 32])).await.expect("opens");
    let standing = Box::pin(refresh(&house.store, house.tenant, claim, &source, now)).await.expect("reads");
    end(house, claim, Ending::Done).await;
    standing
}

async fn end(house: &House, claim: Claim, ending: Ending) {
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    assert!(runs::finish(&mut tx, claim, ending, None, now()).await.expect("ends"));
    tx.commit().await.expect("commits");
}

/// What an image says of itself that runs as `user`.
fn config(user: &str) -> Value {
    json!({ "os": "linux", "architecture": "amd64", "config": { "User": user },
        "rootfs": { "type": "layers", "diff_ids": [] } })
}

/// Reads a source on two days, the second by its changes; gives the calls of the whole reading, of the
/// changes, and how many assets changed.
async fn two_days(source: &Source) -> (u64, u64, i64) {
    let (_, whole) = source.pass(Reads::Everything).await;
    let (idle, few) = source.pass(Reads::Changes).await;
    assert_eq!(idle.changed, 0, "nothing has happened");
    assert!(few < whole, "{few} calls instead of {whole}");
    source.cloud.next_day(now());
    let (second, calls) = source.pass(Reads::Changes).await;
    let (third, again) = source.pass(Reads::Everything).await;
    assert_eq!((third.seen, third.changed), (second.seen, 0), "a whole reading finds nothing else");
    assert!(again > few, "who asks for everything is given everything");
    (whole, calls, second.changed)
}

#[tokio::test]
async fn of_an_account_only_what_was_touched_is_asked_again() {
    let source = Source::account(2_000, Deed::Pass).await;
    let (whole, calls, changed) = two_days(&source).await;
    assert!(changed > 60, "{changed}");
    assert!(calls * 2 < whole, "{calls} calls instead of {whole}, though a fifth had changed");
    source.asked();
    source.pass(Reads::Everything).await;
    let all = source.asked();
    source.pass(Reads::Changes).await;
    for (few, all) in source.asked().into_iter().zip(all) {
        // Regions with few things are read whole, and so is what was refused before.
        assert!(all > 40 && few * 5 < all * 4, "{few} of {all}");
    }
}

#[tokio::test]
async fn of_a_subscription_only_what_was_touched_is_asked_again() {
    let cloud = cloud(2_000).await;
    let spec = cloud.connections().swap_remove(2).1;
    let source = Source::new(cloud, spec).await;
    let (whole, calls, changed) = two_days(&source).await;
    assert!(changed > 20, "{changed}");
    assert!(calls * 2 < whole, "{calls} calls instead of {whole}, though a fifth had changed");
}

#[tokio::test]
async fn of_a_registry_signatures_that_were_found_are_not_looked_for_again() {
    let source = Source::registry().await;
    let (first, _) = source.pass(Reads::Everything).await;
    let all = source.looked_up();
    let signed = "SELECT count(*) FROM assets WHERE kind = 'image' AND facts->>'signed' = 'true'";
    let signed = source.house.count(signed).await;
    assert!(signed > 20 && all - signed > 20, "{signed} of {all}");
    let (second, _) = source.pass(Reads::Changes).await;
    assert_eq!((second.seen, second.changed), (first.seen, 0));
    assert_eq!(source.looked_up(), all - signed, "those that were not signed may be by now");
    let built = "SELECT count(*) FROM runs WHERE since IS NOT NULL";
    assert_eq!(source.house.count(built).await, 1, "and it is told as building on the first");
    source.cloud.next_day(now());
    assert!(source.pass(Reads::Changes).await.0.changed > 0);
    source.looked_up();
    assert_eq!(source.pass(Reads::Everything).await.0.changed, 0, "a whole reading finds nothing else");
    assert!(source.looked_up() >= all, "and looks all of them up");
}

#[tokio::test]
async fn a_signature_that_comes_is_seen_by_the_next_pass_and_stays() {
    let (house, registry) = (House::new().await, Registry::open().await);
    let config = config("65532");
    let digest = registry.image("app", "1.0", &config).await;
    let spec = ConnectionSpec::Registry(registry.spec());
    let connection = house.connect("registry", &spec).await;
    let read = async |reads| {
        pass(&house, connection, &spec, reads).await;
        house.count("SELECT count(*) FROM assets WHERE facts->>'signed' = 'true'").await
    };
    assert_eq!(read(Reads::Everything).await, 0);
    assert_eq!(read(Reads::Changes).await, 0);
    registry.image("app", &format!("{}.sig", digest.replacen(':', "-", 1)), &config).await;
    assert_eq!(read(Reads::Changes).await, 1);
    assert_eq!(read(Reads::Everything).await, 1);
    assert_eq!(read(Reads::Changes).await, 1);
}

#[tokio::test]
async fn what_tags_name_beside_images_is_no_image_between_whole_readings_either() {
    let (house, registry) = (House::new().await, Registry::open().await);
    let (chart, layer) =
        ("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
    registry.image("app", "1.0", &config("65532")).await;
    registry.artefact("app", "chart-1", chart, &json!({ "name": "app" }), layer).await;
    let spec = ConnectionSpec::Registry(registry.spec());
    let connection = house.connect("registry", &spec).await;
    let read = async |reads| {
        let standing = pass(&house, connection, &spec, reads).await;
        (standing.seen, standing.changed, standing.gaps)
    };
    let shown = r#"SELECT count(*) FROM assets WHERE kind = 'repository' AND facts->>'image_count' = '2'
                   AND jsonb_path_query_array(facts, '$.image_tags[*].tag') = '["1.0", "2.0"]'"#;
    assert_eq!(read(Reads::Everything).await, (2, 2, 0));
    assert_eq!(read(Reads::Changes).await, (2, 0, 0));
    registry.image("app", "2.0", &config("root")).await;
    registry.artefact("app", "chart-2", chart, &json!({ "name": "app", "version": "2" }), layer).await;
    assert_eq!(read(Reads::Changes).await, (3, 2, 0), "the new image, and the repository");
    assert_eq!(house.count(shown).await, 1, "charts are not among its images");
    assert_eq!(read(Reads::Everything).await, (3, 0, 0), "a whole reading finds nothing else");
    assert_eq!(read(Reads::Changes).await, (3, 0, 0));
}

#[tokio::test]
async fn a_history_that_may_not_be_read_costs_calls_and_nothing_else() {
    let source = Source::account(500, Deed::Refuse(400, "AccessDeniedException")).await;
    let (first, whole) = source.pass(Reads::Everything).await;
    let all = source.asked();
    let (second, calls) = source.pass(Reads::Changes).await;
    assert_eq!((second.gaps, second.changed), (first.gaps, 0));
    assert_eq!(source.asked(), all, "everything is asked again");
    assert!(calls < whole, "but what images are made of");
    let built = "SELECT count(*) FROM runs WHERE since IS NOT NULL";
    assert_eq!(source.house.count(built).await, 1, "what images say of themselves is taken over");
    source.cloud.next_day(now());
    source.pass(Reads::Changes).await;
    assert_eq!(source.pass(Reads::Everything).await.0.changed, 0);
}

/// That the record is believed at all is what the other tests rest on.
#[tokio::test]
async fn a_history_that_hides_a_change_is_found_out_by_the_next_whole_reading() {
    let source = Source::account(1_000, Deed::Answer(r#"{"Events":[]}"#.into())).await;
    source.pass(Reads::Everything).await;
    source.cloud.next_day(now());
    let (believing, _) = source.pass(Reads::Changes).await;
    let (asking, _) = source.pass(Reads::Everything).await;
    assert!(believing.changed > 0, "lists are always read");
    assert!(asking.changed > 0, "what lists do not show had been believed");
}

#[tokio::test]
async fn an_activity_log_that_may_not_be_read_costs_calls_and_nothing_else() {
    let cloud = cloud(2_000).await;
    let ConnectionSpec::Azure(spec) = cloud.connections().swap_remove(2).1 else { panic!("Azure") };
    let judge = |_: &str, path: &str, _: &str| {
        let log = path.contains("Microsoft.Insights");
        if log { Deed::Refuse(403, "AuthorizationFailed") } else { Deed::Pass }
    };
    let endpoint = front(spec.endpoint.as_deref().expect("an address"), Arc::new(judge)).await;
    let spec = ConnectionSpec::Azure(AzureSpec { endpoint: Some(endpoint), ..spec });
    let source = Source::new(cloud, spec).await;
    let (first, whole) = source.pass(Reads::Everything).await;
    let (second, calls) = source.pass(Reads::Changes).await;
    assert_eq!((second.gaps, second.changed), (first.gaps, 0));
    assert_eq!(calls, whole);
}
