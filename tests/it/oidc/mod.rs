//! Logging in at a provider: at a certified one the whole way, and at one that lies.

mod lies;
mod takeover;

use parallax::model::Role;
use parallax::store::people::{self, members};
use parallax::store::tenants;
use serde_json::{Value, json};
use sqlx::Executor;

use super::support::estate::now;
use super::support::people::{Browser, PASSWORD, Page, Town};
use super::support::provider::{CLIENT_SECRET, Certified, Setting, add, add_as};

const ROLES: &str = "security = admin\nreaders = viewer";

fn person(email: &str, groups: &[&str]) -> Value {
    json!({ "email": email, "email_verified": true, "name": "Ann of Acme", "groups": groups })
}

async fn record(town: &Town) -> String {
    let mut behind = town.scratch.behind().await;
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT action, actor_name, subject FROM audit ORDER BY at, id")
            .fetch_all(&mut behind)
            .await
            .expect("the record");
    rows.iter()
        .fold(String::new(), |text, (action, who, subject)| format!("{text}{action} {who} {subject}\n"))
}

#[tokio::test]
async fn groups_decide_at_each_log_in_who_somebody_is() {
    let (town, provider) = (Town::new().await, Certified::start().await);
    let (owner, id) = town.with_provider(&provider, ROLES).await;
    let checked = owner.submit(&format!("/providers/{id}"), &format!("/providers/{id}/check"), &[]).await;
    assert!(checked.status == 200 && !checked.text.contains(">wrong<"), "{}", checked.text);
    assert!(
        checked.text.contains("1 that sign") && checked.text.contains("/session/end"),
        "{}",
        checked.text
    );
    assert!(!checked.text.contains(CLIENT_SECRET));
    let door = town.browser().get("/login").await;
    assert!(door.text.contains("Log in with Acme") && !door.text.contains("work-email"));

    // Everything beside the subject comes from userinfo, then from the token itself.
    for (thin, groups, admin) in [(true, &["security", "x"][..], true), (false, &["readers"], false)] {
        provider.set(json!({ "thin": thin, "accounts": { "ann": person("Ann@example.org", groups) } })).await;
        let (ann, page) = town.come_by(&provider, &id, "ann").await;
        assert_eq!((page.status, &*page.location), (303, "/findings"), "{}", page.text);
        assert_eq!(ann.get("/people").await.status, if admin { 200 } else { 403 }, "{groups:?}");
        let account = ann.get("/account").await.text;
        assert!(account.contains("You logged in at Acme") && account.contains("Ann of Acme"), "{account}");
        assert_eq!(ann.get("/account/second-factor").await.status, 409);
    }
    provider.set(json!({ "accounts": { "ann": person("ann@example.org", &["others"]) } })).await;
    let (_, page) = town.come_by(&provider, &id, "ann").await;
    assert!(page.status == 403 && page.text.contains("none of your groups"), "{}", page.text);
    assert!(!owner.get("/people").await.text.contains("ann@example.org"), "what groups gave, they took");
    let told = record(&town).await;
    for line in [
        "provider.added owner@example.org Acme",
        "member.added Acme ann@example.org",
        "login.succeeded ann@example.org Acme",
        "member.role_changed Acme ann@example.org",
        "member.removed Acme ann@example.org",
        "login.refused ann@example.org Acme: Acme knows you",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    assert!(!told.contains(CLIENT_SECRET));
    town.scratch.end().await;
}

/// Begins a log-in and comes back from the provider, up to the address that leads back to us.
async fn half_way(town: &Town, provider: &Certified, id: &str) -> (Browser, String) {
    let browser = town.browser();
    let begun = browser.get(&format!("/login/at/{id}?next=https://evil.example")).await;
    let back = provider.log_in(&browser, &begun.location, "ann").await;
    (browser, format!("{}?{}", back.path(), back.query().expect("a code")))
}

#[tokio::test]
async fn a_log_in_comes_back_once_in_its_own_browser_in_time() {
    let (town, provider) = (Town::new().await, Certified::start().await);
    let (owner, id) = town.with_provider(&provider, ROLES).await;
    provider.set(json!({ "accounts": { "ann": person("ann@example.org", &["readers"]) } })).await;
    let stale = |page: &Page| page.status == 400 && page.text.contains("took too long");

    let (browser, back) = half_way(&town, &provider, &id).await;
    let stranger = town.browser().get(&back).await;
    assert!(stale(&stranger), "another browser: {}", stranger.text);
    assert!(stale(&browser.get(&back).await), "and nobody has a second try");

    let (browser, back) = half_way(&town, &provider, &id).await;
    let came = browser.get(&back).await;
    assert_eq!((came.status, &*came.location), (303, "/"), "nobody is led outside: {}", came.text);
    assert!(stale(&browser.get(&back).await), "a code is turned in once");

    let (browser, back) = half_way(&town, &provider, &id).await;
    let mut behind = town.scratch.behind().await;
    behind
        .execute("UPDATE login_flows SET expires_at = now() - interval '1 second'")
        .await
        .expect("time passes");
    assert!(stale(&browser.get(&back).await), "too late");

    let setting = Setting { name: "Other", issuer: "https://login.example.net", domains: "", roles: ROLES };
    let other = add(&owner, &setting).await;
    let (browser, back) = half_way(&town, &provider, &id).await;
    assert!(stale(&browser.get(&back.replace(&id, &other)).await), "an answer of one provider for another");

    for (change, told) in [
        ("&iss=", "&was="),
        ("&iss=", "&iss=https%3A%2F%2Fevil.example&was="),
        ("code=", "code=x"),
        ("code=", "error=access_denied&was="),
    ] {
        let (browser, back) = half_way(&town, &provider, &id).await;
        assert!(back.contains(change), "{back}");
        let page = browser.get(&back.replace(change, told)).await;
        assert_eq!(page.status, 403, "{told}: {}", page.text);
        assert!(page.text.contains("With a password"), "there is another way in");
    }
    assert_eq!(town.browser().get(&format!("/login/back/{id}?state=guessed&code=x")).await.status, 400);
    let told = record(&town).await;
    for cause in
        ["another issuer, https://evil.example", "names no issuer", "refused the code", "access_denied"]
    {
        assert!(told.contains(cause), "{cause} is not in\n{told}");
    }
    town.scratch.end().await;
}

#[tokio::test]
async fn no_account_is_taken_over_by_an_address() {
    let (town, provider) = (Town::new().await, Certified::start().await);
    let (_, id) = town.with_provider(&provider, ROLES).await;
    let here = town.scratch.tenant;
    let bob = town.member(here, "bob@example.org", Role::Analyst).await;
    town.member(here, "eve@example.net", Role::Viewer).await;
    let cid = town.member(here, "cid@example.org", Role::Viewer).await;
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    tenants::create(&mut gate, "elsewhere", cid, now()).await.expect("a tenant");
    gate.commit().await.expect("commits");
    let unverified = json!({ "email": "bob@example.org", "email_verified": false, "groups": ["security"] });
    provider
        .set(json!({ "accounts": {
            "bob?": unverified, "bob": person("bob@example.org", &["security"]),
            "eve": person("eve@example.net", &["security"]), "cid": person("cid@example.org", &["security"]),
            "owner": person("owner@example.org", &["security"]), "none": { "groups": ["security"] },
        } }))
        .await;
    for (account, told) in [
        ("bob?", "has not verified"),
        ("eve", "does not speak for the domain"),
        ("cid", "opens other organisations"),
        ("owner", "more than Acme may give"),
        ("none", "no mail address"),
    ] {
        let (browser, page) = town.come_by(&provider, &id, account).await;
        assert!(page.status == 403 && page.text.contains(told), "{account}: {} {}", page.status, page.text);
        assert_eq!(browser.get("/").await.status, 303, "{account} is out");
    }
    let (_, page) = town.come_by(&provider, &id, "bob").await;
    assert_eq!(page.location, "/findings", "{}", page.text);
    let mut tx = town.scratch.store.begin(here).await.expect("a transaction");
    let standing = members::standing(&mut tx, bob).await.expect("reads");
    assert_eq!(standing, Some((Role::Analyst, String::new())), "what a person gave is not touched");
    drop(tx);
    // From now on they are who the provider's own id says, whatever their address becomes.
    provider.set(json!({ "accounts": { "bob": person("new@example.net", &[]) } })).await;
    assert_eq!(town.come_by(&provider, &id, "bob").await.1.location, "/findings");
    town.scratch.end().await;
}

#[tokio::test]
async fn a_session_begun_at_a_provider_opens_its_tenant_alone() {
    let (town, provider) = (Town::new().await, Certified::start().await);
    let (_, id) = town.with_provider(&provider, ROLES).await;
    provider.set(json!({ "accounts": { "ann": person("ann@example.org", &["security"]) } })).await;
    let (ann, _) = town.come_by(&provider, &id, "ann").await;
    let mut gate = town.scratch.store.gate().await.expect("a gate");
    let person = people::by_email(&mut gate, "ann@example.org").await.expect("reads").expect("there").id;
    let elsewhere = tenants::create(&mut gate, "elsewhere", person, now()).await.expect("a tenant");
    gate.commit().await.expect("commits");
    let wanted = elsewhere.to_string();
    let tried = [("tenant", wanted.as_str())];
    let page = ann.submit("/account", "/account/tenant", &tried).await;
    assert!(page.status == 409 && page.text.contains("password"), "{} {}", page.status, page.text);
    assert_eq!(ann.submit("/account", "/account/password", &[("new", PASSWORD)]).await.status, 409);

    // Where the other tenant has a provider, it is asked.
    let owner = town.logged_in(elsewhere, "boss@example.com", Role::Owner).await;
    let issuer = provider.issuer();
    let setting = Setting { name: "Twin", issuer: &issuer, domains: "example.com", roles: ROLES };
    add(&owner, &setting).await;
    let page = ann.submit("/account", "/account/tenant", &tried).await;
    assert!(
        page.status == 200 && page.text.contains("On to Twin") && page.text.contains(&issuer),
        "{}",
        page.text
    );
    // Two tenants with providers: neither is named to strangers, and a domain leads to its own.
    let door = town.browser();
    let text = door.get("/login").await.text;
    assert!(text.contains("work-email") && !text.contains("Acme") && !text.contains("Twin"));
    let led = door.submit("/login", "/login/where", &[("email", "anybody@Example.com")]).await;
    assert!(led.status == 200 && led.text.contains("On to Twin"), "{}", led.text);
    assert!(led.text.contains("login_hint=anybody%40example.com"), "{}", led.text);
    let known = door.submit("/login", "/login/where", &[("email", "owner@example.net")]).await;
    assert!(known.status == 422 && known.text.contains("No provider"), "{}", known.text);
    let taken = Setting { name: "Squat", issuer: &issuer, domains: "example.org", roles: ROLES };
    let page = owner.get("/providers").await;
    let refused = add_as(&owner, &page, &uuid::Uuid::now_v7().to_string(), &taken).await;
    assert!(refused.status == 400 && refused.text.contains("leads to another"), "{}", refused.text);
    town.scratch.end().await;
}

#[tokio::test]
async fn nobody_lets_a_provider_give_more_than_they_may() {
    let town = Town::new().await;
    let owner = town.logged_in(town.scratch.tenant, "owner@example.org", Role::Owner).await;
    let admin = town.logged_in(town.scratch.tenant, "admin@example.org", Role::Admin).await;
    let setting = |name, roles| Setting { name, issuer: "https://login.example.org", domains: "", roles };
    let page = admin.get("/providers").await;
    let id = uuid::Uuid::now_v7().to_string();
    assert_eq!(add_as(&admin, &page, &id, &setting("Up", "us = owner")).await.status, 403);
    for (roles, issuer) in
        [("", "https://x.example"), ("us = viewer", "http://x.example"), ("us", "https://x.example")]
    {
        let wrong = Setting { name: "Bad", issuer, domains: "", roles };
        assert_eq!(add_as(&admin, &page, &id, &wrong).await.status, 400, "{roles} {issuer}");
    }
    let id = add(&owner, &setting("Top", "us = owner")).await;
    let path = format!("/providers/{id}");
    let fields = [
        ("name", "Top"),
        ("issuer", "https://evil.example"),
        ("client_id", "x"),
        ("groups_claim", "groups"),
        ("roles", "us = viewer"),
    ];
    assert_eq!(admin.submit("/providers", &path, &fields).await.status, 403);
    for deed in ["secret", "remove"] {
        assert_eq!(admin.submit("/providers", &format!("{path}/{deed}"), &[]).await.status, 403, "{deed}");
    }
    assert!(!admin.get(&path).await.text.contains("Remove it"));
    assert_eq!(owner.submit(&path, &path, &fields).await.status, 303);
    assert_eq!(admin.submit(&path, &format!("{path}/secret"), &[("client_secret", "new")]).await.status, 303);
    assert_eq!(admin.submit(&path, &format!("{path}/remove"), &[]).await.status, 303);
    assert_eq!(owner.get(&path).await.status, 404);
    let told = record(&town).await;
    for action in ["provider.added", "provider.changed", "provider.secret_changed", "provider.removed"] {
        assert!(told.contains(action), "{action} is not in\n{told}");
    }
    town.scratch.end().await;
}

#[tokio::test]
async fn keys_turn_and_a_provider_that_is_away_keeps_nobody_out_for_good() {
    let (town, mut provider) = (Town::new().await, Certified::start().await);
    let (owner, id) = town.with_provider(&provider, ROLES).await;
    provider.set(json!({ "accounts": { "ann": person("ann@example.org", &["readers"]) } })).await;
    assert_eq!(town.come_by(&provider, &id, "ann").await.1.status, 303);
    provider.set(json!({ "rotate": true })).await;
    assert_eq!(town.come_by(&provider, &id, "ann").await.1.status, 303, "the keys of now are asked for");

    let (ann, _) = town.come_by(&provider, &id, "ann").await;
    let word = ann.get("/account").await.word();
    let left = ann.send("/logout", &[("csrf", &word)]).await;
    assert!(left.status == 200 && left.text.contains("/session/end?"), "{}", left.text);
    assert!(left.text.contains("id_token_hint=") && left.text.contains("post_logout_redirect_uri="));
    assert_eq!(ann.get("/").await.status, 303, "logged out here");
    let out = left.text.split("class=\"button\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let out = out.expect("a link").replace("&#38;", "&").replace("&amp;", "&");
    let asked = ann.client.get(&out).send().await.expect("an answer").text().await.expect("text");
    let secret =
        asked.split("name=\"xsrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let confirm = ann.client.post(format!("{}/session/end/confirm", provider.issuer()));
    let body = format!("xsrf={secret}&logout=yes");
    let confirm = confirm.header("content-type", "application/x-www-form-urlencoded").body(body).send().await;
    let confirm = confirm.expect("an answer");
    let to = confirm.headers()["location"].to_str().expect("text");
    assert!(to.starts_with(&format!("http://{}/login", town.address)), "{to}");

    provider.stop().await;
    let back = town.browser();
    // What it said of itself is kept for a while, so the browser is still sent; it is asked anew by Check.
    assert_eq!(back.get(&format!("/login/at/{id}")).await.status, 303);
    let checked = owner.submit(&format!("/providers/{id}"), &format!("/providers/{id}/check"), &[]).await;
    assert!(checked.text.contains(">wrong<"), "{}", checked.text);
    let issuer = provider.issuer();
    let setting = Setting { name: "Away", issuer: &issuer, domains: "", roles: ROLES };
    let fresh = Town::new().await;
    let other = fresh.logged_in(fresh.scratch.tenant, "owner@example.org", Role::Owner).await;
    let away = add(&other, &setting).await;
    let page = fresh.browser().get(&format!("/login/at/{away}")).await;
    assert!(page.status == 503 && page.text.contains("Away does not answer"), "{}", page.text);
    assert!(page.text.contains("With a password"));
    assert_eq!(fresh.browser().log_in("owner@example.org", PASSWORD).await.location, "/");
    town.scratch.end().await;
    fresh.scratch.end().await;
}
