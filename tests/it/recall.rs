//! What an earlier run has read of an image is not fetched again, and never believed when it might
//! be out of date.

use std::sync::{Arc, Mutex};

use parallax::analysis::secrets::FingerprintKey;
use parallax::app::now;
use parallax::collect;
use parallax::demo::{SampleCloud, Shape};
use parallax::model::{ConnectionSpec, RegistrySpec};
use parallax::pipeline::refresh::refresh;
use parallax::store::runs::{self, Ending, Standing};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::aws::{Deed, front};
use crate::support::database::House;
use crate::support::registry::Registry;

/// One pass over a source, by whoever reads with the key of this number.
async fn pass(house: &House, connection: Uuid, spec: &ConnectionSpec, key: u8) -> Standing {
    let claim = house.claim(connection).await;
    let source = collect::open(spec, FingerprintKey::new([key; 32])).await.expect("opens");
    let reading = refresh(&house.store, house.tenant, claim, &source, now);
    let standing = Box::pin(reading).await.expect("reads");
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    assert!(runs::finish(&mut tx, claim, Ending::Done, None, now()).await.expect("ends"));
    tx.commit().await.expect("commits");
    standing
}

fn config(user: &str) -> Value {
    json!({
        "os": "linux", "architecture": "amd64", "created": "2026-10-01T08:00:00Z",
        "config": { "User": user, "Env": ["MODE=fast"] }, "rootfs": { "type": "layers", "diff_ids": [] },
    })
}

/// A registry, and what is fetched from it: `GET manifests`, `HEAD manifests`, `GET blobs`.
struct Watched {
    registry: Registry,
    spec: ConnectionSpec,
    fetched: Arc<Mutex<Vec<String>>>,
    broken: Arc<Mutex<bool>>,
}

impl Watched {
    async fn new() -> Self {
        let registry = Registry::open().await;
        let (fetched, broken) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(false)));
        let (noted, breaks) = (Arc::clone(&fetched), Arc::clone(&broken));
        let judge = move |method: &str, path: &str, _: &str| {
            let kind = path.split('/').rev().nth(1).unwrap_or_default();
            if matches!(kind, "manifests" | "blobs") {
                noted.lock().expect("a list").push(format!("{method} {kind}"));
            }
            let refused = kind == "blobs" && *breaks.lock().expect("a switch");
            if refused { Deed::Refuse(403, "DENIED") } else { Deed::Pass }
        };
        let address = front(&format!("http://{}", registry.address), Arc::new(judge)).await;
        let address = address.trim_start_matches("http://").to_owned();
        let spec =
            ConnectionSpec::Registry(RegistrySpec { address, plain_http: true, ..RegistrySpec::default() });
        Self { registry, spec, fetched, broken }
    }

    /// How often each thing was fetched since it was last asked.
    fn fetched(&self, what: &str) -> usize {
        self.fetched.lock().expect("a list").iter().filter(|one| *one == what).count()
    }

    fn forget(&self) {
        self.fetched.lock().expect("a list").clear();
    }
}

#[tokio::test]
async fn an_image_that_was_read_is_asked_for_its_digest_alone() {
    let (house, watched) = (House::new().await, Watched::new().await);
    watched.registry.image("app", "1.0", &config("65532")).await;
    watched.registry.image("app", "latest", &config("65532")).await;
    watched.registry.image("app", "root", &config("root")).await;
    let connection = house.connect("registry", &watched.spec).await;
    let first = pass(&house, connection, &watched.spec, 1).await;
    assert_eq!((first.seen, first.changed), (3, 3));
    assert_eq!((watched.fetched("GET manifests"), watched.fetched("GET blobs")), (3, 2));
    assert_eq!(watched.fetched("HEAD manifests"), 0, "nothing was known that could be asked for");

    watched.forget();
    let second = pass(&house, connection, &watched.spec, 1).await;
    assert_eq!((second.seen, second.changed), (3, 0), "the same facts, none of them lost");
    assert_eq!((watched.fetched("GET manifests"), watched.fetched("GET blobs")), (0, 0));
    assert_eq!(watched.fetched("HEAD manifests"), 3);

    watched.forget();
    watched.registry.image("app", "latest", &config("1000")).await;
    watched.registry.image("app", "2.0", &config("root")).await;
    let third = pass(&house, connection, &watched.spec, 1).await;
    // The repository, the new image, the two whose tags are others now.
    assert_eq!((third.seen, third.changed), (4, 4));
    assert_eq!(watched.fetched("GET blobs"), 1, "of the new image alone");
    let root = r#"SELECT count(*) FROM assets
                  WHERE facts->>'user' = 'root' AND facts->'image_tags' = '["2.0", "root"]'"#;
    assert_eq!(house.count(root).await, 1, "what it says is kept, the tags are those of now");
}

#[tokio::test]
async fn another_reader_believes_nothing_and_what_was_not_read_is_tried_again() {
    let (house, watched) = (House::new().await, Watched::new().await);
    watched.registry.image("app", "1.0", &config("65532")).await;
    let connection = house.connect("registry", &watched.spec).await;
    *watched.broken.lock().expect("a switch") = true;
    pass(&house, connection, &watched.spec, 1).await;
    assert_eq!(watched.fetched("GET blobs"), 1);

    *watched.broken.lock().expect("a switch") = false;
    watched.forget();
    let mended = pass(&house, connection, &watched.spec, 1).await;
    assert_eq!((watched.fetched("GET blobs"), mended.gaps), (1, 0), "an unknown is no answer to keep");
    assert_eq!(mended.changed, 1);

    watched.forget();
    pass(&house, connection, &watched.spec, 2).await;
    assert_eq!(watched.fetched("GET blobs"), 1, "another key makes other fingerprints");
    watched.forget();
    pass(&house, connection, &watched.spec, 2).await;
    assert_eq!(watched.fetched("GET blobs"), 0);
}

#[tokio::test]
async fn nor_is_anything_fetched_again_of_what_ecr_lists() {
    let house = House::new().await;
    let shape = Shape { assets: 400, changed_percent: 0.0, throttle_every: 0, ..Shape::default() };
    let cloud = SampleCloud::start(shape).await.expect("a free port on loopback");
    let spec = cloud.connections().swap_remove(0).1;
    let connection = house.connect("account", &spec).await;
    let first = pass(&house, connection, &spec, 1).await;
    let calls = cloud.requests();
    let second = pass(&house, connection, &spec, 1).await;
    assert_eq!((second.seen, second.changed), (first.seen, 0));
    let images = house.count("SELECT count(*) FROM assets WHERE kind = 'image'").await;
    let saved = i64::try_from(calls - (cloud.requests() - calls)).expect("fewer");
    assert!(images > 20 && saved > images, "{saved} calls fewer for {images} images");
}
