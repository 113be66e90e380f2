//! The registry collector against a real registry server, and what the controls make of it.

use parallax::analysis::history;
use parallax::collect::CollectError;
use parallax::model::{Asset, ConnectionSpec, Fact, RegistryCredentials, Settings, Verdict};
use parallax::rules::{self, Context};
use serde_json::{Value, json};

use crate::support::registry::{Registry, WRONG_VARIABLE, collect, login};

fn day(number: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_758 + number)
}

fn verdict(asset: &Asset, code: &str) -> Verdict {
    let settings = Settings::default();
    let context = Context { asset, now: day(0), settings: &settings, freshness: None, watched_since: None };
    rules::find(code).unwrap_or_else(|| panic!("there is no control {code}")).judge(&context).verdict
}

/// Holds an asset to the verdicts planted for it.
fn planted(asset: &Asset, verdicts: &[(&str, Verdict)]) {
    for (code, planted) in verdicts {
        assert_eq!(verdict(asset, code), *planted, "{code} on {}", asset.name);
    }
}

fn config(run: &Value) -> Value {
    json!({ "os": "linux", "architecture": "amd64", "created": "2026-10-01T08:00:00Z", "config": run, "rootfs": { "type": "layers", "diff_ids": [] } })
}

fn good() -> Value {
    config(
        &json!({ "User": "65532", "Env": ["PATH=/bin"], "Healthcheck": { "Test": ["CMD", "/bin/check"] } }),
    )
}

/// A key that is well formed, put together here so that no scanner of this repository finds one.
fn cloud_key() -> String {
    ["AKIA", "QYLPMN5H", "HFIQR7XY"].concat()
}

#[tokio::test]
async fn planted_images_are_read_once_each_and_judged_as_planted() {
    let registry = Registry::open().await;
    let safe = registry.image("team/app", "1.0", &good()).await;
    assert_eq!(registry.image("team/app", "latest", &good()).await, safe);
    let root = registry.image("team/app", "root", &config(&json!({ "User": "root" }))).await;
    let nobody = registry.image("team/app", "unset", &config(&json!({}))).await;
    let leaky =
        config(&json!({ "User": "app", "Env": [format!("AWS_ACCESS_KEY_ID={}", cloud_key()), "MODE=fast"] }));
    let leaky = registry.image("leaky", "1", &leaky).await;
    let mut old = config(
        &json!({ "User": "app", "ExposedPorts": { "8080/tcp": {} }, "Labels": { "owner": "team-a" } }),
    );
    old["history"] = json!([
        { "created_by": "ADD alpine-minirootfs-3.12.0-x86_64.tar.gz / # buildkit" },
        { "created_by": format!("RUN |1 KEY={} /bin/sh -c make", cloud_key()) },
    ]);
    let old = registry.image("old", "1", &old).await;

    let found = collect(&registry.spec()).await.expect("reads");
    assert_eq!(found.gaps, []);
    assert_eq!(found.assets.len(), 3 + 5, "{:?}", found.ids());
    let image = |repository: &str, digest: &str| format!("{repository}@{digest}");
    let safe = found.asset(&image("team/app", &safe));
    assert_eq!(safe.name, "team/app:1.0");
    assert_eq!(verdict(safe, "HST-04"), Verdict::Pass);
    assert_eq!(verdict(found.asset(&image("team/app", &root)), "HST-04"), Verdict::Fail);
    assert_eq!(verdict(found.asset(&image("team/app", &nobody)), "HST-04"), Verdict::Fail);
    let tags = found.repository("team/app").image_tags.known().expect("tags");
    assert_eq!(
        tags.iter().map(|tag| tag.tag.as_str()).collect::<Vec<_>>(),
        ["1.0", "latest", "root", "unset"]
    );
    assert_eq!(found.repository("team/app").image_count, Fact::Known(3));

    let variables = found.image(&image("leaky", &leaky)).environment.known().expect("variables");
    assert_eq!(variables.len(), 2);
    assert!(
        !serde_json::to_string(&found.assets).expect("serialises").contains(&cloud_key()[4..]),
        "a value was kept"
    );
    let old = found.image(&image("old", &old));
    assert_eq!(old.base.known().and_then(Option::as_ref).map(|base| base.name.as_str()), Some("alpine:3.12"));
    assert_eq!(old.exposed_ports.known(), Some(&vec!["8080/tcp".to_owned()]));
    let created = old.created.known().copied().flatten();
    assert_eq!(created.map(|at| at.to_rfc3339()), Some("2026-10-01T08:00:00+00:00".into()));
}

/// Pushes four images of `app`: a good one, one that merely looks leaky, one with a password, and a
/// bad one all over.
async fn plant(registry: &Registry) -> [String; 4] {
    let mut labelled = good();
    labelled["config"]["Labels"] = json!({
        "org.opencontainers.image.base.name": "docker.io/library/debian:12-slim", "team": "payments",
    });
    let safe = registry.image("app", "1.0.0", &labelled).await;
    let silent = json!({ "User": "app", "Env": ["TOKEN_TTL=300", "DB_PASSWORD_FILE=/run/secrets/db", "USE_PASSWORD=true"] });
    let silent = registry.image("app", "2.0.0", &config(&silent)).await;
    let password = json!({ "User": "app:app", "Env": ["DB_PASSWORD=vK3-qq81-Zlo9"], "ExposedPorts": { "5005/tcp": {} } });
    let password = registry.image("app", "3.0.0", &config(&password)).await;
    let mut leaky = config(&json!({ "User": "0:0", "Env": [format!("AWS_ACCESS_KEY_ID={}", cloud_key())] }));
    leaky["created"] = json!("2024-10-01T08:00:00Z");
    leaky["history"] = json!([
        { "created_by": "ADD alpine-minirootfs-3.12.0-x86_64.tar.gz / # buildkit" },
        { "created_by": format!("RUN |1 KEY={} /bin/sh -c make", cloud_key()) },
    ]);
    let leaky = registry.image("app", "4.0.0", &leaky).await;
    [safe, silent, password, leaky]
}

#[tokio::test]
async fn every_planted_verdict_is_what_the_controls_say() {
    use Verdict::{Absent, Fail, NotYet, Pass, Unknown};
    let registry = Registry::open().await;
    let [safe, silent, password, leaky] = plant(&registry).await;
    let found = collect(&registry.spec()).await.expect("reads");
    let of = |digest: &str| found.asset(&format!("app@{digest}"));
    planted(
        of(&safe),
        &[
            ("HST-04", Pass),
            ("ACC-07", Pass),
            ("DEP-11", Pass),
            ("DEP-04", Pass),
            ("DEP-05", Pass),
            ("DEP-07", Fail),
            ("DEP-03", NotYet),
            ("DEP-14", Pass),
            ("RES-06", Pass),
            ("OPS-05", Pass),
            ("OPS-07", Pass),
            ("API-12", Pass),
        ],
    );
    planted(
        of(&silent),
        &[("ACC-07", Pass), ("DEP-11", Pass), ("DEP-04", Unknown), ("RES-06", Fail), ("OPS-05", Fail)],
    );
    planted(of(&password), &[("HST-04", Pass), ("ACC-07", Fail), ("API-12", Fail)]);
    planted(
        of(&leaky),
        &[("HST-04", Fail), ("ACC-07", Fail), ("DEP-11", Fail), ("DEP-04", Fail), ("DEP-05", Fail)],
    );
    planted(
        found.asset("app"),
        &[
            ("ACC-01", Fail),
            ("API-01", Fail),
            ("API-04", Fail),
            ("OPS-07", Pass),
            ("BAS-05", Unknown),
            ("RES-06", NotYet),
            ("BAS-01", NotYet),
            ("DEP-02", NotYet),
            ("DEP-09", NotYet),
            ("DEP-08", Absent),
            ("OPS-05", Absent),
            ("OPS-01", NotYet),
        ],
    );
}

#[tokio::test]
async fn an_index_is_one_image_as_bad_as_its_worst_platform() {
    let registry = Registry::open().await;
    let amd64 = registry.image("multi", "amd64", &good()).await;
    let mut arm = config(&json!({ "User": "0" }));
    arm["architecture"] = json!("arm64");
    let arm64 = registry.image("multi", "arm64", &arm).await;
    let index = registry.index("multi", "1.0", &[(&amd64, "amd64"), (&arm64, "arm64")]).await;

    let found = collect(&registry.spec()).await.expect("reads");
    assert_eq!(found.gaps, []);
    let facts = found.image(&format!("multi@{index}"));
    assert_eq!(facts.architectures.known(), Some(&vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()]));
    assert_eq!(facts.image_tags, Fact::Known(vec!["1.0".to_owned()]));
    assert_eq!(verdict(found.asset(&format!("multi@{index}")), "HST-04"), Verdict::Fail);
    assert_eq!(verdict(found.asset(&format!("multi@{amd64}")), "HST-04"), Verdict::Pass);
    assert_eq!(verdict(found.asset(&format!("multi@{arm64}")), "HST-04"), Verdict::Fail);
}

#[tokio::test]
async fn what_is_no_image_is_no_asset_and_a_signature_counts_for_its_image() {
    let registry = Registry::open().await;
    let signed = registry.image("signed", "1", &good()).await;
    let unsigned = registry.image("signed", "2", &config(&json!({ "User": "7" }))).await;
    let oci_config = "application/vnd.oci.image.config.v1+json";
    let tag = format!("{}.sig", signed.replace(':', "-"));
    registry
        .artefact("signed", &tag, oci_config, &json!({}), "application/vnd.dev.cosign.simplesigning.v1+json")
        .await;
    let chart = "application/vnd.cncf.helm.config.v1+json";
    registry
        .artefact("charts", "1", chart, &json!({}), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
        .await;

    let found = collect(&registry.spec()).await.expect("reads");
    assert_eq!(found.gaps, []);
    assert_eq!(found.image(&format!("signed@{signed}")).signed, Fact::Known(true));
    assert_eq!(found.image(&format!("signed@{unsigned}")).signed, Fact::Known(false));
    assert_eq!(found.repository("charts").image_count, Fact::Known(0));
    assert_eq!(found.assets.len(), 4, "{:?}", found.ids());
}

#[tokio::test]
async fn a_tag_that_moves_between_two_runs_is_noticed() {
    let registry = Registry::open().await;
    let before = registry.image("moving", "1.2.0", &good()).await;
    registry.image("moving", "fixed", &good()).await;
    let first = collect(&registry.spec()).await.expect("reads");
    let mut first = first.asset("moving").clone();
    history::carry(None, day(0), &mut first, day(0));
    planted(&first, &[("BAS-05", Verdict::Unknown)]);

    let after = registry.image("moving", "1.2.0", &config(&json!({ "User": "0" }))).await;
    let second = collect(&registry.spec()).await.expect("reads");
    let mut second = second.asset("moving").clone();
    history::carry(Some(&first), day(0), &mut second, day(0));
    let parallax::model::Facts::Repository(facts) = &second.facts else { panic!("a repository") };
    let moves = facts.tag_moves.known().expect("moves");
    assert_eq!(moves.len(), 1);
    assert_eq!((moves[0].tag.as_str(), &moves[0].from, &moves[0].to), ("1.2.0", &before, &after));
    planted(&second, &[("BAS-05", Verdict::Fail)]);
}

#[tokio::test]
async fn an_open_registry_is_told_from_a_guarded_one() {
    let open = Registry::open().await;
    open.image("app", "1", &good()).await;
    let found = collect(&open.spec()).await.expect("reads");
    let facts = found.repository("app");
    assert_eq!((&facts.open_api, &facts.tls), (&Fact::Known(true), &Fact::Known(false)));
    planted(found.asset("app"), &[("ACC-01", Verdict::Fail), ("API-01", Verdict::Fail)]);
    assert_eq!(facts.access.known().map(|access| access.anonymous_pull), Some(true));

    let guarded = Registry::guarded().await;
    guarded.image("app", "1", &good()).await;
    let found = collect(&guarded.spec()).await.expect("reads");
    assert_eq!(found.gaps, []);
    let facts = found.repository("app");
    assert_eq!(facts.open_api, Fact::Known(false));
    planted(
        found.asset("app"),
        &[("ACC-01", Verdict::Pass), ("API-01", Verdict::Pass), ("API-04", Verdict::Fail)],
    );
    assert_eq!(facts.access.known().map(|access| access.anonymous_pull), Some(false));
}

#[tokio::test]
async fn a_wrong_password_and_none_are_said_to_be_just_that() {
    let registry = Registry::guarded().await;
    let mut spec = registry.spec();
    spec.credentials = login(WRONG_VARIABLE);
    let error = collect(&spec).await.expect_err("the password is wrong");
    assert!(matches!(&error, CollectError::Credentials { code, .. } if code == "UNAUTHORIZED"), "{error}");
    assert!(error.to_string().contains(&registry.address), "{error}");

    spec.credentials = RegistryCredentials::Anonymous;
    let error = collect(&spec).await.expect_err("there is none").to_string();
    assert!(error.contains("none given"), "{error}");

    spec.credentials = login("PARALLAX_NO_SUCH_VARIABLE");
    let error = collect(&spec).await.expect_err("the variable is not set").to_string();
    assert!(error.contains("PARALLAX_NO_SUCH_VARIABLE"), "{error}");
}

#[tokio::test]
async fn tls_towards_a_server_without_it_and_nobody_at_all_are_explained() {
    let registry = Registry::open().await;
    let mut spec = registry.spec();
    spec.plain_http = false;
    let error = collect(&spec).await.expect_err("there is no TLS");
    assert!(matches!(error, CollectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("--plain-http"), "{error}");

    spec.address = "127.0.0.1:1".into();
    let error = collect(&spec).await.expect_err("nobody is there");
    assert!(matches!(error, CollectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1") && error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn more_repositories_than_one_page_are_all_read_and_some_can_be_chosen() {
    let registry = Registry::open().await;
    for number in 0..103 {
        registry.image(&format!("many/r{number:03}"), "1", &good()).await;
    }
    let found = collect(&registry.spec()).await.expect("reads");
    assert_eq!(found.gaps, []);
    assert_eq!(found.assets.len(), 206);

    let mut spec = registry.spec();
    spec.repositories = vec!["many/r007".into(), "many/none".into()];
    let found = collect(&spec).await.expect("reads");
    assert_eq!(found.assets.len(), 2, "{:?}", found.ids());
    assert_eq!(found.codes(), ["NAME_UNKNOWN"]);

    spec.repositories = vec!["../../etc".into()];
    let error = collect(&spec).await.expect_err("no name").to_string();
    assert!(error.contains("../../etc"), "{error}");
}

#[tokio::test]
async fn the_sample_cloud_is_read_whole_and_the_same_twice() {
    let shape = parallax::demo::Shape { assets: 4_000, ..parallax::demo::Shape::default() };
    let cloud = parallax::demo::SampleCloud::start(shape).await.expect("starts");
    let spec = cloud.connections().into_iter().find_map(|(_, spec)| match spec {
        ConnectionSpec::Registry(spec) => Some(spec),
        _ => None,
    });
    let spec = spec.expect("the sample cloud has a registry");
    let before = cloud.requests();
    let started = std::time::Instant::now();
    let mut first = collect(&spec).await.expect("reads");
    println!(
        "{} assets, {} calls, {} ms",
        first.assets.len(),
        cloud.requests() - before,
        started.elapsed().as_millis()
    );
    assert!(first.assets.len() > 500, "{}", first.assets.len());
    assert_eq!(first.gaps, []);
    let mut second = collect(&spec).await.expect("reads");
    for found in [&mut first, &mut second] {
        found.assets.sort_by(|one, other| one.key.native_id.cmp(&other.key.native_id));
        assert!(found.assets.windows(2).all(|pair| pair[0].key != pair[1].key), "an asset came twice");
    }
    assert_eq!(first.assets, second.assets);
}
