//! What was not read of a subscription is never clean: answers that are hollow, cut short, late,
//! too large or from elsewhere make facts unknown and gaps, and no asset is thought gone.

use parallax::collect::CollectError;
use parallax::model::{Asset, AzureSpec, ConnectionSpec, Facts, FunctionFacts, VariableKind, Verdict};

use crate::azure::{collect, pass, said, spec};
use crate::support::arm::{Arm, SECRET, SUBSCRIPTION, Trouble};

fn facts<'a>(assets: &'a [Asset], name: &str) -> &'a FunctionFacts {
    let asset = assets.iter().find(|asset| asset.name == name).unwrap_or_else(|| panic!("no {name}"));
    let Facts::Function(facts) = &asset.facts else { panic!("{name} is not a function") };
    facts
}

#[tokio::test]
async fn a_setting_without_a_value_hides_no_other() {
    let body = r#"{"properties":{"EMPTY":null,"COUNT":3,"DB_PASSWORD":"kX9-wuQ2pLr7vT"}}"#;
    let (assets, _) = pass(Trouble::Instead("/config/appsettings/list", body)).await;
    let settings = facts(&assets, "closed").environment.known().expect("they were read");
    assert_eq!(settings.len(), 3);
    assert!(settings.iter().any(|one| one.name == "EMPTY" && one.kind == VariableKind::Empty));
    assert_eq!(said(&assets, "closed", "ACC-07"), Verdict::Fail);
    assert!(!serde_json::to_string(&assets).expect("JSON").contains(SECRET), "a value was kept");
}

#[tokio::test]
async fn settings_left_out_of_the_answer_are_unknown() {
    for body in ["{}", r#"{"properties":null}"#, r#"{"properties":["x"]}"#] {
        let (assets, _) = pass(Trouble::Instead("/config/appsettings/list", body)).await;
        assert_eq!(said(&assets, "open", "ACC-07"), Verdict::Unknown, "{body}");
    }
}

#[tokio::test]
async fn a_list_without_rows_to_read_is_not_an_empty_one() {
    for body in ["{}", r#"{"value":null}"#, r#"{"value":"x"}"#, "[]"] {
        let (assets, gaps) = pass(Trouble::Instead("/roleassignments", body)).await;
        assert_eq!(said(&assets, "open", "ACC-02"), Verdict::Unknown, "{body}");
        assert!(gaps.iter().any(|gap| gap.call.contains("roleAssignments")), "{body}: {gaps:#?}");
    }
    let (assets, _) = pass(Trouble::Instead("/functions", "{}")).await;
    assert!(facts(&assets, "open").endpoints.known().is_none());
}

#[tokio::test]
async fn a_function_without_bindings_to_read_is_not_one_without_a_door() {
    let hollow = r#"{"value":[{"properties":{"name":"f","config":null}}]}"#;
    let (assets, _) = pass(Trouble::Instead("/functions", hollow)).await;
    assert!(facts(&assets, "closed").endpoints.known().is_none());
    assert!(facts(&assets, "closed").triggers.known().is_none());
    let open = r#"{"value":[null,{"properties":{"name":"f","config":null}},{"properties":{"name":"g","config":
        {"bindings":[{"type":"httpTrigger","authLevel":"anonymous"}]}}}]}"#;
    let (assets, _) = pass(Trouble::Instead("/functions", open)).await;
    assert_eq!(
        said(&assets, "closed", "API-01"),
        Verdict::Fail,
        "an open door is open whatever else is dark"
    );
}

#[tokio::test]
async fn a_graph_that_answers_nothing_readable_is_asked_otherwise() {
    for body in ["{}", r#"{"data":null}"#, r#"{"data":{"columns":[],"rows":[]}}"#] {
        let (assets, gaps) = pass(Trouble::Instead("/resources", body)).await;
        assert_eq!(assets.len(), 8, "{body}: the provider's own list serves");
        assert_eq!(gaps.len(), 1, "{body}: {gaps:#?}");
    }
}

#[tokio::test]
async fn pages_the_graph_refuses_leave_assets_stale_and_not_gone() {
    let (assets, gaps) = pass(Trouble::DenyLaterPages).await;
    assert!(assets.len() >= 4, "the first pages stand");
    assert!(gaps.iter().any(|gap| gap.hides_assets), "{gaps:#?}");
    let cut = r#"{"totalRecords":6,"count":0,"data":[],"resultTruncated":"true"}"#;
    let (_, gaps) = pass(Trouble::Instead("/resources", cut)).await;
    assert!(gaps.iter().any(|gap| gap.hides_assets), "more was said to be there: {gaps:#?}");
    let round = r#"{"totalRecords":6,"count":0,"data":[],"$skipToken":"again"}"#;
    let (_, gaps) = pass(Trouble::Instead("/resources", round)).await;
    assert!(gaps.iter().any(|gap| gap.hides_assets), "it never ends: {gaps:#?}");
}

#[tokio::test]
async fn a_list_that_turns_elsewhere_keeps_what_it_had_shown() {
    let stranger = Arm::start(Trouble::None).await;
    let arm = Arm::start(Trouble::ForeignSites(stranger.endpoint())).await;
    let (assets, gaps) = collect(&spec(&arm.endpoint(), SUBSCRIPTION)).await.expect("the rest is read");
    assert_eq!(assets.len(), 4, "two apps of the first page and two registries");
    assert!(gaps.iter().any(|gap| gap.code == "foreign-next-link" && gap.hides_assets), "{gaps:#?}");
    assert_eq!(stranger.asked(), 0);
}

#[tokio::test]
async fn an_id_that_is_an_address_takes_our_token_nowhere() {
    let stranger = Arm::start(Trouble::None).await;
    let arm = Arm::start(Trouble::ForeignIds(stranger.endpoint())).await;
    collect(&spec(&arm.endpoint(), SUBSCRIPTION)).await.expect("a run ends");
    assert_eq!(stranger.asked(), 0, "the token went to a stranger");
}

#[tokio::test]
async fn an_identity_not_wholly_known_is_not_harmless() {
    let (assets, _) = pass(Trouble::HiddenPrincipal).await;
    assert_eq!(said(&assets, "closed", "ACC-02"), Verdict::Unknown);
    assert_eq!(said(&assets, "open", "ACC-02"), Verdict::Fail);
    let (assets, _) = pass(Trouble::UndefinedRole).await;
    assert_eq!(said(&assets, "closed", "ACC-02"), Verdict::Unknown);
}

#[tokio::test]
async fn who_shares_an_identity_is_unknown_where_not_all_apps_were_seen() {
    let (assets, _) = pass(Trouble::DenyLaterPages).await;
    assert!(facts(&assets, "closed").shared_identity.known().is_none_or(Option::is_none));
    let cut = Arm::start(Trouble::HiddenPrincipal).await;
    let (assets, _) = collect(&spec(&cut.endpoint(), SUBSCRIPTION)).await.expect("read");
    let shared = facts(&assets, "closed").shared_identity.known().cloned().flatten().expect("known");
    assert_eq!(shared.users, 3);
}

#[tokio::test]
async fn html_and_too_much_are_gaps() {
    let (assets, gaps) = pass(Trouble::Instead("/config/web", "<html>sorry</html>")).await;
    assert_eq!((assets.len(), gaps.len(), gaps[0].code.as_str()), (8, 1, "html-body"), "{gaps:#?}");
    let (assets, gaps) = pass(Trouble::Huge).await;
    assert_eq!((assets.len(), gaps.len(), gaps[0].code.as_str()), (8, 1, "too-large"), "{gaps:#?}");
    assert_eq!(said(&assets, "open", "API-04"), Verdict::Fail, "the rest is still read");
}

#[tokio::test]
async fn a_service_that_is_slow_or_comes_back_is_waited_for() {
    let started = std::time::Instant::now();
    let (assets, gaps) = pass(Trouble::Slow).await;
    assert_eq!((assets.len(), gaps.len()), (8, 0), "{gaps:#?}");
    assert!(started.elapsed().as_secs_f64() < 3.0, "apps and calls go side by side");
    let (assets, gaps) = pass(Trouble::Away).await;
    assert_eq!((assets.len(), gaps.len()), (8, 0), "{gaps:#?}");
}

#[tokio::test]
async fn one_unknown_subscription_among_others_is_a_gap_that_names_it() {
    let other = "99999999-9999-9999-9999-999999999999";
    let arm = Arm::start(Trouble::None).await;
    for order in [[SUBSCRIPTION, other], [other, SUBSCRIPTION]] {
        let spec = ConnectionSpec::Azure(AzureSpec {
            subscriptions: order.map(str::to_owned).to_vec(),
            endpoint: Some(arm.endpoint()),
            sample: true,
            ..AzureSpec::default()
        });
        let (assets, gaps) = collect(&spec).await.expect("the other is read");
        assert_eq!(assets.len(), 8);
        assert!(gaps.iter().any(|gap| gap.hides_assets && gap.message.contains(other)), "{gaps:#?}");
        assert_eq!(said(&assets, "open", "ACC-02"), Verdict::Fail);
    }
}

#[tokio::test]
async fn a_token_goes_out_only_over_https() {
    let open = collect(&spec("http://management.example", SUBSCRIPTION)).await.expect_err("no TLS");
    assert!(matches!(open, CollectError::Invalid { .. }), "{open}");
    let away = collect(&spec("https://management.example", SUBSCRIPTION)).await.expect_err("not loopback");
    assert!(matches!(away, CollectError::Invalid { .. }), "{away}");
}
