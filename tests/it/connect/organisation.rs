//! A whole organisation, by the role in its management account.

use std::sync::Arc;

use serde_json::{Value, json};

use super::aws::listening;
use super::{Server, between, draft};
use crate::support::aws::{ACCOUNT, Deed, front, moto};
use crate::support::estate::Scratch;
use crate::support::people::{Browser, Page};

/// What the organisation's owner asks of AWS; moto reads the scope and no signature.
async fn ask(endpoint: &str, call: &str, body: Value) -> Value {
    let signed = "AWS4-HMAC-SHA256 Credential=sample/20260101/us-east-1/organizations/aws4_request, SignedHeaders=host, Signature=0";
    let request = reqwest::Client::new().post(endpoint).header("authorization", signed);
    let request = request.header("content-type", "application/x-amz-json-1.1");
    let request = request.header("x-amz-target", format!("AWSOrganizationsV20161128.{call}"));
    let answer = request.body(body.to_string()).send().await.expect("moto answers");
    assert!(answer.status().is_success(), "{call}: {}", answer.status());
    serde_json::from_str(&answer.text().await.expect("text")).unwrap_or_default()
}

/// The form that lists accounts and connects them.
struct Form<'a> {
    browser: &'a Browser,
    place: String,
    draft: String,
    external_id: String,
}

impl<'a> Form<'a> {
    async fn open(browser: &'a Browser) -> Self {
        let place = browser.get("/connections/new/organisation").await.location;
        let page = browser.get(&place).await;
        let external_id = between(&page, "<dt>External id</dt><dd><code>", "<").to_owned();
        Self { browser, place, draft: draft(&page), external_id }
    }

    async fn send(&self, endpoint: &str, more: &[(&str, &str)]) -> Page {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/parallax-reader");
        let mut fields = vec![
            ("draft", self.draft.as_str()),
            ("every", "6"),
            ("unit", "hours"),
            ("role_arn", &arn),
            ("regions", "eu-west-1"),
            ("endpoint", endpoint),
        ];
        fields.extend_from_slice(more);
        self.browser.submit(&self.place, "/connections/new/organisation", &fields).await
    }
}

/// An organisation of these accounts beside the one that manages it; their numbers.
async fn organise<const N: usize>(endpoint: &str, names: [&str; N]) -> [String; N] {
    ask(endpoint, "CreateOrganization", json!({ "FeatureSet": "ALL" })).await;
    for name in names {
        let wanted = json!({ "AccountName": name, "Email": format!("{name}@example.org") });
        ask(endpoint, "CreateAccount", wanted).await;
    }
    let all = ask(endpoint, "ListAccounts", json!({})).await;
    names.map(|name| {
        let mut accounts = all["Accounts"].as_array().expect("accounts").iter();
        let found = accounts.find(|one| one["Name"] == name).expect("the account");
        found["Id"].as_str().expect("a number").to_owned()
    })
}

#[tokio::test]
async fn an_account_that_lists_no_others_is_told_why() {
    let (scratch, moto) = (Scratch::new().await, moto().await);
    let server = Server::start(&scratch).await;
    let form = Form::open(&server.browser).await;
    // moto lists no account where AWS says that there is no organisation.
    for (code, words) in [
        ("AWSOrganizationsNotInUseException", "belongs to no organisation"),
        ("AccessDeniedException", "may not list accounts"),
    ] {
        let refuse = move |_: &str, _: &str, target: &str| {
            if target.ends_with(".ListAccounts") { Deed::Refuse(400, code) } else { Deed::Pass }
        };
        let refused = form.send(&front(&moto.address, Arc::new(refuse)).await, &[("do", "list")]).await;
        assert!(refused.status == 400 && refused.text.contains(words), "{code}: {}", refused.text);
    }
    let none = form.send(&moto.address, &[("do", "list")]).await;
    assert!(none.text.contains("has no account in use"), "{}", none.text);
    scratch.end().await;
}

#[tokio::test]
async fn the_accounts_of_an_organisation_are_listed_chosen_and_connected_alike() {
    let (scratch, moto) = (Scratch::new().await, moto().await);
    moto.fill(2, 1).await.expect("an account");
    let server = Server::start(&scratch).await;
    let (browser, form) = (&server.browser, Form::open(&server.browser).await);
    let [payments, shop, retired] = organise(&moto.address, ["payments", "shop", "retired"]).await;
    ask(&moto.address, "CloseAccount", json!({ "AccountId": retired })).await;

    let listed = form.send(&moto.address, &[("do", "list")]).await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    for account in [ACCOUNT, &payments, &shop] {
        assert!(listed.text.contains(account), "{account} is not listed: {}", listed.text);
    }
    assert!(!listed.text.contains("retired"), "an account that is closed is not offered");
    let bad = form.send(&moto.address, &[("do", "save"), ("account", "12 x")]).await;
    assert!(bad.status == 400 && bad.text.contains("is no account number"), "{}", bad.text);
    let (endpoint, said) = listening(&moto.address).await;
    let (master, chosen) = (format!("{ACCOUNT} master"), format!("{shop} shop"));
    let save = [("do", "save"), ("account", master.as_str()), ("account", &chosen)];
    assert_eq!(form.send(&endpoint, &save).await.status, 303);

    let connections = browser.get("/connections").await.text;
    assert!(connections.contains("master") && connections.contains("shop"), "{connections}");
    assert!(!connections.contains("payments"), "only what was chosen");
    let link = connections.split("href=\"").find_map(|rest| {
        let (link, words) = rest.split_once('"')?;
        (link.starts_with("/connections/") && words.starts_with(">shop")).then(|| link.to_owned())
    });
    let link = link.expect("a link to the connection");
    assert!(browser.get(&link).await.text.contains(&form.external_id), "one external id for all");
    let source = browser.get(&format!("{link}/source/aws")).await.text;
    assert!(source.contains(&format!("arn:aws:iam::{shop}:role/parallax-reader")), "{source}");
    let again = form.send(&moto.address, &[("do", "list")]).await;
    assert!(again.text.contains("connected already"), "{}", again.text);
    // Each account by its own role, with the one word we made.
    let assumed = |account: &str| {
        let role = format!("RoleArn=arn%3Aaws%3Aiam%3A%3A{account}%3Arole%2Fparallax-reader");
        let word = format!("ExternalId={}", form.external_id);
        said.lock().expect("a list").iter().any(|body| body.contains(&role) && body.contains(&word))
    };
    for _ in 0..300 {
        if assumed(ACCOUNT) && assumed(&shop) && browser.get("/inventory").await.text.contains("function-1") {
            scratch.end().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("not every role was assumed within a minute: {:?}", said.lock().expect("a list"));
}
