//! The Azure collector: recorded and official answers through the wire structs, and a server that
//! pages, throttles, refuses and lies as Resource Manager may.

use std::path::{Path, PathBuf};

use parallax::analysis::secrets::FingerprintKey;
use parallax::collect::azure::wire;
use parallax::collect::{self, CollectError, Collector, Event, RunBuilder};
use parallax::model::{Asset, AzureSpec, ConnectionSpec, Facts, Gap, Settings, Verdict};
use parallax::rules::{self, Context};
use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::support::arm::{Arm, SECRET, SUBSCRIPTION, Trouble};

fn recorded(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "openapi") {
            found.extend(recorded(&path));
        } else if path.extension().is_some_and(|end| end == "json") {
            found.push(path);
        }
    }
    found
}

/// Reads a body as every list and resource we know, and counts rows in and out.
fn goes_through(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).expect("a file");
    let file: Value =
        serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let body = &file["body"];
    let rows = body["value"].as_array().or_else(|| body["data"].as_array());
    let sent = to_raw_value(body).expect("JSON");
    let page: wire::Page = wire::read(&sent).unwrap_or_default();
    let graph: wire::GraphPage = wire::read(&sent).unwrap_or_default();
    let read = page.value.or(graph.data).unwrap_or_default();
    assert_eq!(read.len(), rows.map_or(0, Vec::len), "{}: a page was lost", path.display());
    for text in read.iter().chain(body.is_object().then_some(&sent)) {
        let row: Value = serde_json::from_str(text.get()).expect("JSON");
        let one: wire::Resource = wire::read(text).unwrap_or_else(|| panic!("{}: {row}", path.display()));
        assert_eq!(one.id.as_deref(), row["id"].as_str(), "{}", path.display());
        assert_eq!(one.name.as_deref(), row["name"].as_str(), "{}", path.display());
        let (Some(rest), Some(properties)) = (one.properties, row["properties"].as_object()) else {
            continue;
        };
        let said = |name: &str| properties.get(name).unwrap_or(&Value::Null);
        let site: wire::Site = wire::read(&rest).expect("lenient");
        assert_eq!(site.https_only, said("httpsOnly").as_bool(), "{}", path.display());
        let registry: wire::Registry = wire::read(&rest).expect("lenient");
        assert_eq!(registry.admin_user_enabled, said("adminUserEnabled").as_bool(), "{}", path.display());
        let config: wire::SiteConfig = wire::read(&rest).expect("lenient");
        assert_eq!(config.min_tls_version.as_deref(), said("minTlsVersion").as_str(), "{}", path.display());
    }
    read.len()
}

#[test]
fn every_recorded_answer_goes_through_the_wire() {
    let own = recorded(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/azure"));
    assert!(own.len() >= 20, "the fixtures are part of the repository");
    let rows: usize = own.iter().map(|path| goes_through(path)).sum();
    println!("{} recorded answers of the repository, {rows} rows", own.len());
    let beside = recorded(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/azure"));
    let rows: usize = beside.iter().map(|path| goes_through(path)).sum();
    println!("{} recorded answers beside the repository, {rows} rows", beside.len());
}

#[test]
fn functions_roles_and_settings_are_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/azure");
    let body = |name: &str| -> Value {
        let text = std::fs::read_to_string(folder.join(name)).expect("a fixture");
        serde_json::from_str::<Value>(&text).expect("JSON")["body"].clone()
    };
    let function = body("net-get-Web-sites-one-functions-200-3.json")["value"][0].clone();
    let read: wire::Function = serde_json::from_value(function).expect("lenient");
    let bindings = read.properties.and_then(|one| one.config).and_then(|one| one.bindings).expect("bindings");
    assert!(
        bindings.iter().any(|one| one.r#type.as_deref().is_some_and(|kind| kind.ends_with("Trigger"))),
        "{bindings:?}"
    );
    let assigned = body("c7n-get-Authorization-roleAssignments-200-1.json");
    for row in assigned["value"].as_array().expect("rows") {
        let read: wire::RoleAssignment = serde_json::from_value(row.clone()).expect("lenient");
        let properties = read.properties.expect("properties");
        assert!(properties.principal_id.is_some() && properties.role_definition_id.is_some(), "{row}");
    }
    let settings = body("net-post-Web-sites-one-config-appsettings-list-200-5.json");
    let read: wire::Settings = serde_json::from_value(settings.clone()).expect("lenient");
    assert_eq!(
        read.properties.map(|all| all.len()),
        settings["properties"].as_object().map(serde_json::Map::len)
    );
    for name in ["modelled-403-AuthorizationFailed.json", "modelled-404-web-NotFound.json"] {
        assert!(wire::error_code(body(name).to_string().as_bytes()).is_some(), "{name}");
    }
}

/// A subscription at an endpoint of this machine.
pub fn spec(endpoint: &str, subscription: &str) -> ConnectionSpec {
    ConnectionSpec::Azure(AzureSpec {
        subscriptions: vec![subscription.to_owned()],
        endpoint: Some(endpoint.to_owned()),
        sample: true,
        ..AzureSpec::default()
    })
}

/// One pass.
pub async fn collect(spec: &ConnectionSpec) -> Result<(Vec<Asset>, Vec<Gap>), CollectError> {
    let source = collect::open(spec, FingerprintKey::new([7; 32])).await?;
    let (run, mut events) = RunBuilder::channel(64);
    let reading = async move { source.collect(&run).await };
    let taking = async {
        let (mut assets, mut gaps) = (Vec::new(), Vec::new());
        while let Some(event) = events.recv().await {
            match event {
                Event::Asset(asset, _) => assets.push(*asset),
                Event::Gap(gap) => gaps.push(gap),
                Event::Progress(_) | Event::Ask(_) | Event::Seen(_) => {}
            }
        }
        (assets, gaps)
    };
    let (read, found) = tokio::join!(reading, taking);
    read.map(|()| found)
}

/// One pass over the small Resource Manager in `trouble`.
pub async fn pass(trouble: Trouble) -> (Vec<Asset>, Vec<Gap>) {
    let arm = Arm::start(trouble).await;
    collect(&spec(&arm.endpoint(), SUBSCRIPTION)).await.expect("a run always ends with assets and gaps")
}

/// What a control says of an asset.
pub fn said(assets: &[Asset], name: &str, control: &str) -> Verdict {
    let asset = assets.iter().find(|asset| asset.name == name).unwrap_or_else(|| panic!("no {name}"));
    let now = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_780);
    let settings = Settings::default();
    let control = rules::find(control).expect("a control");
    control.judge(&Context::fresh(asset, &settings, now)).verdict
}

#[tokio::test]
async fn planted_verdicts_are_found_across_all_pages() {
    let (assets, gaps) = pass(Trouble::None).await;
    assert_eq!(assets.len(), 8, "six apps over three pages and two registries; gaps {gaps:#?}");
    assert!(gaps.is_empty(), "{gaps:#?}");
    for (name, control, verdict) in [
        ("open", "API-01", Verdict::Fail),
        ("open", "API-04", Verdict::Fail),
        ("open", "API-03", Verdict::Fail),
        ("open", "API-05", Verdict::Fail),
        ("open", "ACC-01", Verdict::Fail),
        ("open", "ACC-02", Verdict::Fail),
        ("open", "ACC-07", Verdict::Fail),
        ("open", "ACC-13", Verdict::Fail),
        ("open", "API-12", Verdict::Fail),
        ("closed", "API-01", Verdict::Pass),
        ("closed", "API-04", Verdict::Pass),
        ("closed", "API-03", Verdict::Pass),
        ("closed", "API-05", Verdict::Pass),
        ("closed", "ACC-01", Verdict::Pass),
        ("closed", "ACC-02", Verdict::Pass),
        ("closed", "ACC-07", Verdict::Pass),
        ("closed", "ACC-13", Verdict::Pass),
        ("closed", "API-12", Verdict::Pass),
        ("looseregistry", "ACC-12", Verdict::Fail),
        ("looseregistry", "ACC-01", Verdict::Fail),
        ("tightregistry", "ACC-12", Verdict::Pass),
        ("tightregistry", "ACC-01", Verdict::Pass),
    ] {
        assert_eq!(said(&assets, name, control), verdict, "{name} {control}");
    }
    let text = serde_json::to_string(&assets).expect("assets are JSON");
    assert!(!text.contains(SECRET), "a value was kept");
    assert!(assets.iter().all(|asset| asset.key.region == "westeurope"), "regions have one spelling");
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let (assets, gaps) = pass(Trouble::Throttle).await;
    assert_eq!((assets.len(), gaps.len()), (8, 0), "{gaps:#?}");
}

#[tokio::test]
async fn one_refused_call_is_one_gap_and_its_facts_are_unknown() {
    let (assets, gaps) = pass(Trouble::DenySettings).await;
    assert_eq!(assets.len(), 8);
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
    assert_eq!(gaps[0].permission.as_deref(), Some("Microsoft.Web/sites/config/list/action"));
    assert_eq!(said(&assets, "open", "ACC-07"), Verdict::Unknown);
    assert_eq!(said(&assets, "open", "API-04"), Verdict::Fail, "the rest is still read");
}

#[tokio::test]
async fn a_torn_answer_is_a_gap_and_never_a_value() {
    let (assets, gaps) = pass(Trouble::Truncate).await;
    assert_eq!(assets.len(), 8);
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
    for asset in &assets {
        let Facts::Function(facts) = &asset.facts else { continue };
        assert!(facts.min_tls.known().is_none());
    }
}

#[tokio::test]
async fn a_next_page_on_another_host_is_refused_and_never_asked() {
    let stranger = Arm::start(Trouble::None).await;
    let arm = Arm::start(Trouble::ForeignPage(stranger.endpoint())).await;
    let (assets, gaps) = collect(&spec(&arm.endpoint(), SUBSCRIPTION)).await.expect("the rest is read");
    assert_eq!(assets.len(), 8);
    assert!(gaps.iter().any(|gap| gap.code == "foreign-next-link"), "{gaps:#?}");
    assert_eq!(stranger.asked(), 0, "the token went to a stranger");
}

#[tokio::test]
async fn where_the_graph_is_refused_the_list_serves() {
    let (assets, gaps) = pass(Trouble::DenyGraph).await;
    assert_eq!(assets.len(), 8, "{gaps:#?}");
    assert!(gaps.iter().all(|gap| !gap.hides_assets), "{gaps:#?}");
}

#[tokio::test]
async fn what_cannot_be_read_at_all_is_named() {
    let closed = collect(&spec("http://127.0.0.1:1", SUBSCRIPTION)).await.expect_err("nothing listens");
    assert!(
        matches!(&closed, CollectError::Unreachable { what, .. } if what.contains("127.0.0.1:1")),
        "{closed}"
    );
    let arm = Arm::start(Trouble::WrongToken).await;
    let refused = collect(&spec(&arm.endpoint(), SUBSCRIPTION)).await.expect_err("the token is wrong");
    assert!(matches!(refused, CollectError::Credentials { .. }), "{refused}");
    let arm = Arm::start(Trouble::None).await;
    let other = "99999999-9999-9999-9999-999999999999";
    let unknown = collect(&spec(&arm.endpoint(), other)).await.expect_err("no such subscription");
    assert!(matches!(&unknown, CollectError::Invalid { what, .. } if what.contains(other)), "{unknown}");
    let typo = collect(&spec(&arm.endpoint(), "not-a-guid")).await.expect_err("not an id");
    assert!(typo.to_string().contains("not-a-guid"), "{typo}");
}
