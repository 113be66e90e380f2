//! A whole organisation, by the role in its management account.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Server, between, draft};
use crate::support::aws::{ACCOUNT, Deed, front, moto};
use crate::support::estate::Scratch;
use crate::support::people::Page;

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

#[tokio::test]
async fn the_accounts_of_an_organisation_are_listed_chosen_and_connected_alike() {
    let (scratch, moto) = (Scratch::new().await, moto().await);
    moto.fill(2, 1).await.expect("an account");
    let server = Server::start(&scratch).await;
    let browser = &server.browser;
    let place = browser.get("/connections/new/organisation").await.location;
    let page = browser.get(&place).await;
    let external_id = between(&page, "<dt>External id</dt><dd><code>", "<").to_owned();
    let sealed = draft(&page);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/parallax-reader");
    let form = [
        ("draft", sealed.as_str()),
        ("every", "6"),
        ("unit", "hours"),
        ("role_arn", arn.as_str()),
        ("regions", "eu-west-1"),
    ];
    let ask_at = async |endpoint: &str, more: &[(&str, &str)]| -> Page {
        let at = [("endpoint", endpoint)];
        let form: Vec<_> = form.iter().chain(&at).chain(more).copied().collect();
        browser.submit(&place, "/connections/new/organisation", &form).await
    };
    let send = async |more: &[(&str, &str)]| ask_at(&moto.address, more).await;
    // moto lists no account where AWS says that there is no organisation.
    for (code, words) in [
        ("AWSOrganizationsNotInUseException", "belongs to no organisation"),
        ("AccessDeniedException", "may not list accounts"),
    ] {
        let refuse = move |_: &str, _: &str, target: &str| {
            if target.ends_with(".ListAccounts") { Deed::Refuse(400, code) } else { Deed::Pass }
        };
        let refused = ask_at(&front(&moto.address, Arc::new(refuse)).await, &[("do", "list")]).await;
        assert!(refused.status == 400 && refused.text.contains(words), "{code}: {}", refused.text);
    }
    let none = send(&[("do", "list")]).await;
    assert!(none.text.contains("has no account in use"), "{}", none.text);

    ask(&moto.address, "CreateOrganization", json!({ "FeatureSet": "ALL" })).await;
    for name in ["payments", "shop", "retired"] {
        let wanted = json!({ "AccountName": name, "Email": format!("{name}@example.org") });
        ask(&moto.address, "CreateAccount", wanted).await;
    }
    let all = ask(&moto.address, "ListAccounts", json!({})).await;
    let id = |name: &str| -> String {
        let mut accounts = all["Accounts"].as_array().expect("accounts").iter();
        let found = accounts.find(|one| one["Name"] == name).expect("the account");
        found["Id"].as_str().expect("a number").to_owned()
    };
    ask(&moto.address, "CloseAccount", json!({ "AccountId": id("retired") })).await;

    let listed = send(&[("do", "list")]).await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    for account in [ACCOUNT, &id("payments"), &id("shop")] {
        assert!(listed.text.contains(account), "{account} is not listed: {}", listed.text);
    }
    assert!(!listed.text.contains("retired"), "an account that is closed is not offered");

    let shop = format!("{} shop", id("shop"));
    let bad = send(&[("do", "save"), ("account", "12 x")]).await;
    assert!(bad.status == 400 && bad.text.contains("is no account number"), "{}", bad.text);
    let chosen = [("do", "save"), ("account", &*format!("{ACCOUNT} master")), ("account", &shop)];
    assert_eq!(send(&chosen).await.status, 303);
    let connections = browser.get("/connections").await.text;
    assert!(connections.contains("master") && connections.contains("shop"), "{connections}");
    assert!(!connections.contains("payments"), "only what was chosen");
    for _ in 0..300 {
        if browser.get("/inventory").await.text.contains("function-1") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(browser.get("/inventory").await.text.contains("function-1"), "the account's role is assumed");
    let link = connections.split("href=\"").find_map(|rest| {
        let (link, words) = rest.split_once('"')?;
        (link.starts_with("/connections/") && words.starts_with(">shop")).then(|| link.to_owned())
    });
    let link = link.expect("a link to the connection");
    assert!(browser.get(&link).await.text.contains(&external_id), "one external id for all");
    let source = browser.get(&format!("{link}/source/aws")).await.text;
    assert!(source.contains(&format!("arn:aws:iam::{}:role/parallax-reader", id("shop"))), "{source}");

    let again = send(&[("do", "list")]).await;
    assert!(again.text.contains("connected already"), "{}", again.text);
    scratch.end().await;
}
