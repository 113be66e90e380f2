//! Making, pausing and refusing webhooks, by the API and on their page.

use chrono::TimeDelta;
use parallax::config::Reach;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::support::estate::now;
use super::super::support::receiver::Say;
use super::{Desk, later};

#[tokio::test]
async fn a_webhook_pauses_itself_by_hand_and_never_leads_inwards() {
    let desk = Desk::new().await;
    let (id, _) = desk.webhook(json!({ "filter": { "control": "ACC-02" } })).await;
    let path = format!("/api/v1/webhooks/{id}");
    desk.run(1, &[]).await;
    assert_eq!(
        desk.guarded(Reach::Internet, now).send_due(&CancellationToken::new()).await.expect("ends"),
        1
    );
    assert!(desk.receiver.came().is_empty(), "the operator does not let it lead to this machine");
    let fault = desk.deliveries(&id).await[0]["fault"].clone();
    assert!(fault.as_str().is_some_and(|text| text.contains("may not be asked from here")), "{fault}");
    desk.receiver.plan([Say::status(410)]);
    desk.send(|| later(TimeDelta::minutes(1))).await;
    let webhook = desk.caller.get(&path).await.json();
    assert!(webhook["paused_why"].as_str().is_some_and(|why| why.contains("410")), "{webhook}");
    let page = desk.admin.get(&format!("/integrations/webhooks/{id}")).await.text;
    assert!(page.contains("It was paused because") && page.contains("Tell it again"));
    assert_eq!(desk.caller.call("POST", &format!("{path}/test"), &[], None).await.status, 409);
    desk.run(2, &[]).await;
    assert_eq!(desk.deliveries(&id).await.len(), 1, "a paused one gathers nothing");
    desk.send_all(|| later(TimeDelta::days(1))).await;
    assert_eq!(desk.receiver.took().len(), 1, "and is told nothing");
    desk.caller.call("PATCH", &path, &[], Some(&json!({ "paused": false }))).await;
    desk.send_all(now).await;
    assert_eq!(desk.receiver.took().len(), 1, "what was held back goes out");

    desk.receiver.plan((0..40).map(|_| Say::status(500)));
    desk.run(3, &[]).await;
    desk.send_all(now).await;
    desk.run(4, &[]).await;
    desk.send_all(|| later(TimeDelta::days(4))).await;
    let webhook = desk.caller.get(&path).await.json();
    assert_eq!(webhook["paused_why"], "nothing arrived for three days");
    let log = desk.caller.get("/api/v1/audit?limit=100").await.items();
    let paused: Vec<_> = log.iter().filter(|row| row["action"] == "webhook.paused").collect();
    assert_eq!(paused.len(), 2, "{paused:?}");
    assert!(log.iter().all(|row| !row.to_string().contains("t0ken-in-the-path")), "no address is on record");
    desk.end().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_named() {
    let desk = Desk::new().await;
    let (id, _) = desk.webhook(json!({})).await;
    let path = format!("/api/v1/webhooks/{id}");
    for wrong in [
        json!({ "url": "http://169.254.169.254/latest" }),
        json!({ "url": "ftp://example.org" }),
        json!({ "url": "https://ann:pw@example.org/" }),
        json!({ "url": "x" }),
        json!({ "events": [] }),
        json!({ "events": ["webhook.test"] }),
        json!({ "filter": { "control": "NO-99" } }),
        json!({ "filter": { "connection": Uuid::nil() } }),
        json!({ "name": " " }),
    ] {
        let reply = desk.caller.call("PATCH", &path, &[], Some(&wrong)).await;
        assert_eq!(reply.status, 400, "{wrong}: {reply:?}");
        assert!(reply.json()["field"].is_string(), "{reply:?}");
    }
    desk.end().await;
}

#[tokio::test]
async fn an_admin_makes_a_webhook_on_its_page_and_sees_what_became_of_a_test() {
    let desk = Desk::new().await;
    let url = desk.receiver.url();
    let form = [("name", "chat"), ("url", url.as_str()), ("form", "slack"), ("event", "finding.opened")];
    let made = desk.admin.submit("/integrations", "/integrations/webhooks", &form).await;
    assert!(
        made.status == 200 && made.text.contains("chat") && !made.text.contains("whsec_"),
        "{}",
        made.text
    );
    let signed = [("name", "siem"), ("url", url.as_str()), ("form", "json"), ("event", "run.failed")];
    let made = desk.admin.submit("/integrations", "/integrations/webhooks", &signed).await;
    assert!(made.text.contains("whsec_") && !made.text.contains("t0ken-in-the-path"), "{}", made.text);
    let list = desk.admin.get("/integrations").await.text;
    assert!(list.contains("chat") && list.contains("siem") && !list.contains("whsec_"));
    let at = list.find("/integrations/webhooks/").expect("a link");
    let path = list[at..].split('"').next().expect("a link").to_owned();
    assert_eq!(desk.admin.submit(&path, &format!("{path}/test"), &[]).await.status, 303);
    assert!(desk.admin.get(&path).await.text.contains("Waiting"));
    desk.send_all(now).await;
    let came = desk.receiver.took();
    assert_eq!(came[0].json()["blocks"][0]["text"]["text"], "A test from Parallax: messages arrive");
    let page = desk.admin.get(&path).await.text;
    assert!(page.contains("Arrived") && page.contains("204"), "{page}");
    let again = [("name", "siem"), ("url", url.as_str()), ("event", "run.failed")];
    assert_eq!(desk.admin.submit("/integrations", "/integrations/webhooks", &again).await.status, 409);
    assert_eq!(desk.admin.submit(&path, &format!("{path}/remove"), &[]).await.location, "/integrations");
    assert_eq!(desk.admin.get(&path).await.status, 404);
    desk.end().await;
}
