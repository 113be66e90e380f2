//! Azure subscriptions: an app registration, what it sees, and what of it is read.

use parallax::config::Reach;
use parallax::model::Role;

use super::draft;
use crate::connections::work;
use crate::support::arm::{APP_SECRET, Arm, DIRECTORY, SUBSCRIPTION, Trouble};
use crate::support::people::Town;

const CLIENT: &str = "aaaaaaaa-0000-4000-8000-000000000001";

#[tokio::test]
async fn subscriptions_are_found_chosen_and_read() {
    let arm = Arm::start(Trouble::None).await;
    let (town, place) = (Town::new().await, "/connections/new/azure");
    let admin = town.logged_in(town.scratch.tenant, "admin@example.org", Role::Admin).await;
    let endpoint = arm.endpoint();
    let base = [
        ("name", "Azure"),
        ("every", "6"),
        ("unit", "hours"),
        ("directory", DIRECTORY),
        ("client", CLIENT),
        ("endpoint", &*endpoint),
        ("authority", &*endpoint),
    ];
    let send = async |more: &[(&str, &str)]| {
        let mut fields = base.to_vec();
        fields.extend_from_slice(more);
        admin.submit(place, place, &fields).await
    };
    let first = draft(&admin.get(place).await);
    let wrong = send(&[("draft", &first), ("do", "find"), ("secret", "not-it-at-all")]).await;
    assert!(wrong.status == 400 && wrong.text.contains("client secret is wrong"), "{}", wrong.text);
    let found = send(&[("draft", &first), ("do", "find"), ("secret", APP_SECRET)]).await;
    assert!(found.status == 200 && found.text.contains(SUBSCRIPTION), "{}", found.text);
    // Two pages of subscriptions, and a group to narrow them to.
    assert!(found.text.contains("Sandbox") && found.text.contains("Platform group"), "{}", found.text);
    assert!(!found.text.contains("Closed"), "a disabled one is nothing to read");
    let sealed = draft(&found);
    let narrowed = send(&[("draft", &sealed), ("do", "find"), ("group", "platform")]).await;
    assert!(narrowed.text.contains(SUBSCRIPTION) && !narrowed.text.contains("Sandbox"), "{}", narrowed.text);
    let none = send(&[("draft", &sealed), ("do", "save")]).await;
    assert!(none.status == 400 && none.text.contains("choose at least one"));
    let chosen = [("draft", &*sealed), ("subscription", SUBSCRIPTION)];
    let tested = send(&[chosen[0], chosen[1], ("do", "test")]).await;
    assert!(
        tested.text.contains("Everything works") && tested.text.contains("config/list/action"),
        "{}",
        tested.text
    );
    let made = send(&[chosen[0], chosen[1], ("do", "save")]).await;
    assert_eq!(made.status, 303, "{}", made.text);
    work(&town.scratch.store, Reach::Loopback).await;
    let page = admin.get(&made.location).await.text;
    assert!(page.contains(">Done") && page.contains("kept since"), "{page}");
    town.scratch.end().await;
}

#[tokio::test]
async fn a_test_names_the_role_that_is_missing() {
    let arm = Arm::start(Trouble::DenySettings).await;
    let (town, place) = (Town::new().await, "/connections/new/azure");
    let admin = town.logged_in(town.scratch.tenant, "admin@example.org", Role::Admin).await;
    let (endpoint, sealed) = (arm.endpoint(), draft(&admin.get(place).await));
    let fields = [
        ("draft", &*sealed),
        ("do", "test"),
        ("directory", DIRECTORY),
        ("client", CLIENT),
        ("secret", APP_SECRET),
        ("subscriptions", SUBSCRIPTION),
        ("endpoint", &*endpoint),
        ("authority", &*endpoint),
    ];
    let page = admin.submit(place, place, &fields).await;
    assert!(page.text.contains("one permission is missing"), "{}", page.text);
    assert!(page.text.contains("Missing: <code>Microsoft.Web/sites/config/list/action"), "{}", page.text);
    let own = [
        ("draft", &*sealed),
        ("do", "save"),
        ("name", "x"),
        ("every", "6"),
        ("unit", "hours"),
        ("identity", "own"),
        ("subscriptions", SUBSCRIPTION),
    ];
    let page = admin.submit(place, place, &own).await;
    assert!(
        page.status == 400 && page.text.contains("PARALLAX_OWN_IDENTITY"),
        "the server's own identity is nobody's"
    );
    town.scratch.end().await;
}
