//! A registry that says what a tag names and does not give it: nothing is lost by that, and nothing believed.

use std::sync::{Arc, Mutex};

use parallax::model::{ConnectionSpec, RegistrySpec};
use parallax::store::runs::Reads;
use uuid::Uuid;

use super::{config, pass};
use crate::support::aws::{Deed, front};
use crate::support::database::House;
use crate::support::registry::Registry;

/// A registry of which this refuses what is asked: the kind of thing, and its name.
struct Fickle {
    house: House,
    registry: Registry,
    spec: ConnectionSpec,
    connection: Uuid,
    refuses: Arc<Mutex<Vec<(&'static str, String)>>>,
}

impl Fickle {
    async fn new() -> Self {
        let (house, registry) = (House::new().await, Registry::open().await);
        let refuses: Arc<Mutex<Vec<(&'static str, String)>>> = Arc::default();
        let withheld = Arc::clone(&refuses);
        let judge = move |method: &str, path: &str, _: &str| {
            let withheld = withheld.lock().expect("a list");
            let hit = withheld.iter().any(|(kind, name)| path.ends_with(&format!("/{kind}/{name}")));
            if method == "GET" && hit { Deed::Refuse(404, "MANIFEST_UNKNOWN") } else { Deed::Pass }
        };
        let address = front(&format!("http://{}", registry.address), Arc::new(judge)).await;
        let address = address.trim_start_matches("http://").to_owned();
        let spec =
            ConnectionSpec::Registry(RegistrySpec { address, plain_http: true, ..RegistrySpec::default() });
        let connection = house.connect("registry", &spec).await;
        Self { house, registry, spec, connection, refuses }
    }

    fn refuse(&self, what: Option<(&'static str, &str)>) {
        let refused = what.map(|(kind, name)| (kind, name.to_owned())).into_iter().collect();
        *self.refuses.lock().expect("a list") = refused;
    }

    /// What a pass saw, changed and missed.
    async fn read(&self, reads: Reads) -> (i64, i64, i64) {
        let standing = pass(&self.house, self.connection, &self.spec, reads).await;
        (standing.seen, standing.changed, standing.gaps)
    }

    async fn count(&self, meant: &str) -> i64 {
        self.house.count(&format!("SELECT count(*) FROM assets WHERE {meant}")).await
    }
}

#[tokio::test]
async fn a_tag_whose_image_is_not_given_is_not_believed_and_its_move_is_not_lost() {
    let fickle = Fickle::new().await;
    let first = fickle.registry.image("app", "latest", &config("65532")).await;
    assert_eq!(fickle.read(Reads::Everything).await, (2, 2, 0));
    assert_eq!(fickle.read(Reads::Changes).await, (2, 0, 0));

    let second = fickle.registry.image("app", "latest", &config("1000")).await;
    fickle.refuse(Some(("manifests", &second)));
    assert_eq!(fickle.read(Reads::Changes).await, (1, 1, 1), "the repository, and a gap");
    let dark = "kind = 'repository' AND facts->'image_tags' ? 'unknown'";
    assert_eq!(fickle.count(dark).await, 1);
    assert_eq!(fickle.count("kind = 'image' AND state = 'stale'").await, 1, "out of sight, not gone");

    fickle.refuse(None);
    assert_eq!(fickle.read(Reads::Changes).await, (2, 2, 0));
    let moved = format!(
        r#"jsonb_path_exists(facts, '$.tag_moves[*] ? (@.from == "{first}" && @.to == "{second}")')"#
    );
    assert_eq!(fickle.count(&moved).await, 1);
    assert_eq!(fickle.read(Reads::Everything).await, (2, 0, 0));
}
