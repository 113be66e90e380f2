//! Coming in: the first owner's link, passwords, codes, sessions, and who may do what.

use chrono::{DateTime, TimeDelta, Utc};
use parallax::auth::{Actor, token};
use parallax::model::{Permission, Role};
use parallax::store::people::{members, sessions};
use parallax::web::{Need, rules};

use super::support::estate::now;
use super::support::people::{Browser, PASSWORD, Town};

#[tokio::test]
async fn the_first_link_makes_an_owner_once() {
    let town = Town::new().await;
    let dead = town.first_link().await.expect("nobody is here yet");
    let link = town.first_link().await.expect("still nobody");
    let path = format!("/welcome/{}", link.tell());
    let browser = town.browser();
    assert_eq!(
        browser.get(&format!("/welcome/{}", dead.tell())).await.status,
        404,
        "the newest link alone works"
    );
    let weak = [("email", "Ann@Example.org"), ("name", "Ann"), ("password", "short")];
    let refused = browser.submit(&path, &path, &weak).await;
    assert!(refused.status == 422 && refused.text.contains("at least 12 characters"), "{}", refused.text);
    let good = [("email", "Ann@Example.org"), ("name", "Ann"), ("password", PASSWORD)];
    assert_eq!(browser.submit(&path, &path, &good).await.status, 303);
    let home = browser.get("/").await;
    assert!(home.status == 200 && home.text.contains("Ann") && home.text.contains("Owner"));
    assert_eq!(browser.get(&path).await.status, 404, "a link works once");
    assert!(town.first_link().await.is_none(), "somebody is here now");
    assert_eq!(town.browser().log_in("ann@example.org", PASSWORD).await.location, "/");
    town.scratch.end().await;
}

#[tokio::test]
async fn a_stranger_learns_nothing_and_may_not_go_on_guessing() {
    let town = Town::new().await;
    town.member(town.scratch.tenant, "ann@example.org", Role::Viewer).await;
    let browser = town.browser();
    let wrong = browser.log_in("ann@example.org", "not her password").await;
    let nobody = browser.log_in("eve@example.org", "not her password").await;
    assert_eq!((wrong.status, nobody.status), (401, 401));
    let bare = |page: &str, email: &str| page.replace(email, "…");
    assert_eq!(bare(&wrong.text, "ann@example.org"), bare(&nobody.text, "eve@example.org"));
    for _ in 0..9 {
        browser.log_in("ann@example.org", "guess").await;
    }
    let page = browser.log_in("ann@example.org", PASSWORD).await;
    assert_eq!(page.status, 429, "also the right one has to wait now");
    assert_eq!(town.browser().log_in("ann@example.org", PASSWORD).await.status, 429, "from everywhere");
    let forged =
        browser.send("/login", &[("csrf", "x"), ("email", "ann@example.org"), ("password", PASSWORD)]).await;
    assert_eq!(forged.status, 403, "a form for nobody is bound to its browser");
    town.scratch.end().await;
}

fn code(page: &str, at: DateTime<Utc>) -> String {
    let typed =
        page.split("Or type it: <code>").nth(1).and_then(|rest| rest.split('<').next()).expect("a secret");
    let secret = base32(typed);
    let app = totp_rs::Builder::new().with_secret(secret).with_account_name("ann").build().expect("an app");
    app.generate(u64::try_from(at.timestamp()).expect("after 1970")).to_string()
}

fn base32(typed: &str) -> Vec<u8> {
    let bits: Vec<u8> = typed
        .bytes()
        .filter(|byte| *byte != b' ')
        .flat_map(|byte| {
            let value = if byte.is_ascii_uppercase() { byte - b'A' } else { byte - b'2' + 26 };
            (0..5).rev().map(move |bit| value >> bit & 1)
        })
        .collect();
    bits.chunks_exact(8).map(|eight| eight.iter().fold(0, |sum, bit| sum * 2 + bit)).collect()
}

#[tokio::test]
async fn a_second_factor_is_asked_and_each_code_taken_once() {
    let town = Town::new().await;
    let ann = town.logged_in(town.scratch.tenant, "ann@example.org", Role::Analyst).await;
    let page = ann.get("/account/second-factor").await;
    assert!(page.text.contains("<svg") && !page.text.contains("style=\""));
    let path = "/account/second-factor";
    assert_eq!(ann.submit(path, path, &[("code", "000000")]).await.status, 422);
    let right = code(&page.text, now());
    let on = ann.submit(path, path, &[("code", &right)]).await;
    assert!(on.status == 200 && on.text.contains("Recovery codes"));
    let recovery = on.text.split("<li><code>").nth(1).expect("a code")[..11].to_owned();

    let again = town.browser();
    let half = again.log_in("ann@example.org", PASSWORD).await;
    assert!(half.location.starts_with("/login/code"), "{half:?}");
    assert_eq!(again.get("/").await.location, "/login/code", "half-way is not in");
    let ask = "/login/code";
    assert_eq!(again.submit(ask, ask, &[("code", &right)]).await.status, 401, "the code was taken before");
    assert_eq!(again.submit(ask, ask, &[("code", "AAAAA-BBBBB")]).await.status, 401);
    assert_eq!(again.submit(ask, ask, &[("code", &recovery.to_lowercase())]).await.location, "/");
    assert_eq!(again.get("/").await.status, 200);

    let another = on.text.split("<li><code>").nth(2).expect("a code")[..11].to_owned();
    let renewed = again.submit("/account", "/account/second-factor/codes", &[("code", &another)]).await;
    assert!(renewed.status == 200 && !renewed.text.contains(&recovery), "{}", renewed.text);
    let stale = on.text.split("<li><code>").nth(3).expect("a code")[..11].to_owned();
    let refused = again.submit("/account", "/account/second-factor/codes", &[("code", &stale)]).await;
    assert_eq!(refused.status, 400, "codes of before work no more");

    let third = town.browser();
    third.log_in("ann@example.org", PASSWORD).await;
    assert_eq!(
        third.submit(ask, ask, &[("code", &recovery)]).await.status,
        401,
        "a recovery code works once"
    );
    town.scratch.end().await;
}

#[tokio::test]
async fn sessions_turn_end_and_are_ended() {
    let town = Town::new().await;
    let ann = town.logged_in(town.scratch.tenant, "ann@example.org", Role::Viewer).await;
    let other = town.browser();
    other.log_in("ann@example.org", PASSWORD).await;
    assert!(other.get("/account").await.text.contains("this one"));
    let changed = [("present", PASSWORD), ("new", "another horse battery staple")];
    assert_eq!(ann.submit("/account", "/account/password", &changed).await.location, "/account");
    assert_eq!(other.get("/").await.location, "/login?next=%2F", "a new password ends all other sessions");
    assert_eq!(ann.get("/").await.status, 200);
    let word = ann.get("/account").await.word();
    assert_eq!(ann.send("/logout", &[("csrf", &word)]).await.location, "/login");
    assert_eq!(
        ann.get("/findings?severity=high").await.location,
        "/login?next=%2Ffindings%3Fseverity%3Dhigh"
    );

    let bob = town.logged_in(town.scratch.tenant, "bob@example.org", Role::Viewer).await;
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    let late = now() + TimeDelta::hours(9);
    sessions::sweep(&mut gate, late, late - parallax::auth::session::IDLE).await.expect("swept");
    gate.commit().await.expect("commits");
    assert_eq!(bob.get("/").await.status, 303, "a session that slept too long has ended");
    town.scratch.end().await;
}

#[tokio::test]
async fn whoever_belongs_nowhere_gets_out_again() {
    let town = Town::new().await;
    let person = town.member(town.scratch.tenant, "ann@example.org", Role::Viewer).await;
    let mut tx = town.scratch.store.begin(town.scratch.tenant).await.expect("a transaction");
    members::remove(&mut tx, person).await.expect("removed");
    tx.commit().await.expect("commits");
    let ann = town.browser();
    assert_eq!(ann.log_in("ann@example.org", PASSWORD).await.location, "/");
    let page = ann.get("/").await;
    assert!(page.status == 403 && page.text.contains("No access yet"), "{}", page.text);
    assert_eq!(ann.send("/logout", &[("csrf", "forged")]).await.status, 403);
    assert_eq!(ann.send("/logout", &[("csrf", &page.word())]).await.location, "/login");
    assert_eq!(ann.get("/").await.location, "/login?next=%2F");
    town.scratch.end().await;
}

/// Every address, asked by everybody: what each may do is what the rule says and nothing else.
#[tokio::test]
async fn every_door_lets_in_whom_its_rule_names() {
    let town = Town::new().await;
    let mut people: Vec<(Option<Role>, Browser)> = vec![(None, town.browser())];
    for role in Role::ALL {
        let email = format!("{role}@example.org");
        people.push((Some(*role), town.logged_in(town.scratch.tenant, &email, *role).await));
    }
    let all = rules();
    assert!(all.len() > 25);
    for rule in &all {
        // Leaving ends the session all others are tried with; entrance.rs tries it above.
        if rule.path == "/logout" {
            continue;
        }
        let path =
            rule.path.replace("{id}", "0192f0c1-0000-7000-8000-00000000dead").replace("{code}", "ACC-01");
        let path = path.replace("{secret}", "none").replace("{hash}", "0").replace("{name}", "x");
        for (role, browser) in &people {
            let page = if rule.method == "GET" {
                browser.get(&path).await
            } else {
                browser.send(&path, &[("csrf", "forged")]).await
            };
            let said =
                format!("{} {} by {role:?}: {} {}", rule.method, rule.path, page.status, page.location);
            let allowed = match (rule.need, role) {
                (Need::Nobody, _) | (Need::Person, Some(_)) => true,
                (_, None) => false,
                (Need::May(what), Some(role)) => role.permissions().contains(&what),
            };
            assert!(page.status < 500, "{said}");
            match (allowed, rule.method == "GET") {
                (true, true) => assert!(
                    page.status != 401 && page.status != 403 && !page.location.starts_with("/login?"),
                    "{said}"
                ),
                // Its word is the secret in the address, and this is none.
                (true, false) if rule.path.starts_with("/leave/") => assert_eq!(page.status, 404, "{said}"),
                // A change by somebody who may is stopped by the form's word alone.
                (true, false) => {
                    assert!(page.text.contains("out of date") || page.location == "/login", "{said}");
                }
                (false, true) if role.is_none() => assert!(page.location.starts_with("/login"), "{said}"),
                (false, false) if role.is_none() => assert_eq!(page.status, 401, "{said}"),
                (false, _) => assert!(page.status == 403 && page.text.contains("Not yours to do"), "{said}"),
            }
        }
    }
    town.scratch.end().await;
}

#[test]
fn words_are_compared_without_telling_where_they_differ() {
    assert!(token::same("a", "a") && !token::same("a", "b"));
    let house = Actor::of_the_house(parallax::store::tenants::DEFAULT, "w");
    assert!(Permission::ALL.iter().all(|one| house.may(*one)));
}
