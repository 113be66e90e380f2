//! Digests on a real SMTP server: read as a person reads them, once a period whatever happens.

use chrono::{DateTime, TimeDelta, Utc};
use parallax::jobs::{Post, send_due};
use parallax::model::{Gap, Role};
use parallax::store::digests;
use sqlx::Row;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::support::estate::{Planted, Scratch, function, image, now};
use super::support::people::{Browser, Town};
use super::support::post::Sink;

/// A schedule whose next moment is half a day away, so that it comes when a test says so only.
fn form() -> Vec<(&'static str, String)> {
    let at = (now() + TimeDelta::hours(12)).format("%H:%M").to_string();
    let fields = [("name", "morning"), ("every", ""), ("at", &at), ("zone", "UTC"), ("heartbeat", "1")];
    fields.map(|(name, value)| (name, value.to_owned())).to_vec()
}

fn borrowed<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

struct Desk {
    town: Town,
    admin: Browser,
    digest: String,
    sink: Sink,
    connection: Uuid,
}

fn in_six_minutes() -> DateTime<Utc> {
    now() + TimeDelta::minutes(6)
}

impl Desk {
    /// A digest of an empty estate, made on its page; it comes to these addresses.
    async fn with(addresses: &str) -> Self {
        let town = Town::over(Scratch::new().await).await;
        let connection = town.scratch.connection("production").await;
        town.scratch
            .run(
                connection,
                &Planted { assets: vec![image("shop/web", r#"{ "user": "1000" }"#)], gaps: Vec::new() },
            )
            .await;
        let admin = town.logged_in(town.scratch.tenant, "admin@example.org", Role::Admin).await;
        let digest = admin.submit("/digests", "/digests", &borrowed(&form())).await.location;
        assert!(digest.starts_with("/digests/"), "{digest}");
        let added = admin.submit(&digest, &format!("{digest}/recipients"), &[("addresses", addresses)]).await;
        assert_eq!(added.status, 303, "{}", added.text);
        Self { town, admin, digest, sink: Sink::start().await, connection }
    }

    /// Something happens that should be known.
    async fn alarm(&self) {
        let facts = r#"{ "identity": { "name": "ops", "admin": true }, "memory_mb": 128 }"#;
        let gap = Gap {
            facet: "resource policy".into(),
            call: "lambda:GetPolicy".into(),
            code: "AccessDeniedException".into(),
            message: "not allowed".into(),
            permission: Some("lambda:GetPolicy".into()),
            asset: None,
            hides_assets: false,
        };
        let assets = vec![function("größer <b>", facts), image("shop/web", r#"{ "user": "1000" }"#)];
        self.town.scratch.run(self.connection, &Planted { assets, gaps: vec![gap] }).await;
    }

    /// Its moment comes.
    async fn due(&self) {
        let mut behind = self.town.scratch.behind().await;
        let done = sqlx::query("UPDATE digests SET next_at = now() - interval '1 second'")
            .execute(&mut behind)
            .await;
        assert_eq!(done.expect("updated").rows_affected(), 1);
    }

    fn post(&self) -> Post {
        self.sink.post(&format!("http://{}", self.town.address))
    }

    async fn send(&self, post: Option<&Post>, clock: fn() -> DateTime<Utc>) -> usize {
        let stop = CancellationToken::new();
        send_due(&self.town.scratch.store, self.town.scratch.tenant, post, clock, &stop)
            .await
            .expect("the job ends")
    }

    /// States of all mails, with how many.
    async fn states(&self) -> Vec<(String, i64)> {
        let mut behind = self.town.scratch.behind().await;
        let rows = sqlx::query("SELECT state, count(*) AS n FROM digest_mails GROUP BY 1 ORDER BY 1")
            .fetch_all(&mut behind)
            .await;
        rows.expect("rows").iter().map(|row| (row.get("state"), row.get("n"))).collect()
    }

    async fn end(self) {
        self.town.scratch.end().await;
    }
}

/// When nothing of what happened now is still being written.
fn soon() -> DateTime<Utc> {
    now() + TimeDelta::minutes(3)
}

#[tokio::test]
async fn a_digest_reads_well_and_its_links_lead_where_they_say() {
    let desk = Desk::with("admin@example.org, list@example.com").await;
    desk.alarm().await;
    desk.due().await;
    assert_eq!(desk.send(Some(&desk.post()), soon).await, 2);
    let came = desk.sink.came();
    assert_eq!(
        came.iter().map(|one| one.to.as_str()).collect::<Vec<_>>(),
        ["admin@example.org", "list@example.com"]
    );
    let mail = &came[0];
    assert_eq!(mail.subject, "Parallax, default: 1 new critical finding, 1 connection not fully seen");
    for part in [
        "NEW AND BACK: 1 critical",
        "The identity can administer its account (ACC-02)",
        "größer <b>",
        "NOT FULLY SEEN: 1",
        "production: 1 gap",
        "WHAT STANDS",
        "Serverless: score",
    ] {
        assert!(mail.text.contains(part), "{part:?} is not in\n{}", mail.text);
    }
    assert!(mail.html.contains("größer &#60;b&#62;") && !mail.html.contains("größer <b>"), "{}", mail.html);
    assert!(mail.one_click && mail.leave.contains("/leave/") && came[1].leave != mail.leave);
    let base = format!("http://{}", desk.town.address);
    let links: Vec<&str> = mail.text.split_whitespace().filter(|word| word.starts_with(&base)).collect();
    assert!(links.len() >= 4, "{links:?}");
    for link in links {
        assert_eq!(desk.admin.get(link.trim_start_matches(&base)).await.status, 200, "{link}");
    }
    let page = desk.admin.get(&desk.digest).await.text;
    assert!(page.contains("list@example.com") && page.contains("sent"), "{page}");
    let preview =
        desk.admin.client.get(format!("{base}{}/preview", desk.digest)).send().await.expect("an answer");
    let policy = preview.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    desk.end().await;
}

#[tokio::test]
async fn one_click_leaves_the_list_and_a_look_does_not() {
    let desk = Desk::with("a@example.com, b@example.com").await;
    desk.due().await;
    assert_eq!(desk.send(Some(&desk.post()), now).await, 2);
    let leave = desk.sink.came()[0].leave.clone();
    let anybody = reqwest::Client::new();
    let look = anybody.get(&leave).send().await.expect("an answer");
    assert!(look.status() == 200 && look.text().await.expect("text").contains("would come to you no more"));
    let click = anybody
        .post(&leave)
        .body("List-Unsubscribe=One-Click")
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(click.send().await.expect("an answer").status(), 200);
    for wrong in [
        format!("{leave}x"),
        leave.replace("/leave/", "/leave/0"),
        format!("http://{}/leave/x", desk.town.address),
    ] {
        assert_eq!(anybody.post(&wrong).send().await.expect("an answer").status(), 404, "{wrong}");
    }
    desk.due().await;
    assert_eq!(desk.send(Some(&desk.post()), now).await, 1);
    assert!(desk.admin.get(&desk.digest).await.text.contains("left the list"));
    desk.end().await;
}

#[tokio::test]
async fn a_mail_goes_once_also_when_workers_meet_or_die() {
    let addresses: Vec<String> = (0..24).map(|number| format!("p{number}@example.com")).collect();
    let desk = Desk::with(&addresses.join(",")).await;
    desk.due().await;
    let post = desk.post();
    // One worker makes the mails, takes one, and dies.
    let mut tx = desk.town.scratch.store.begin(desk.town.scratch.tenant).await.expect("a transaction");
    assert_eq!(digests::fall_due(&mut tx, now()).await.expect("due"), 24);
    assert!(digests::take(&mut tx, now()).await.expect("taken").is_some());
    tx.commit().await.expect("commits");
    let sent: usize =
        futures::future::join_all((0..3).map(|_| desk.send(Some(&post), now))).await.into_iter().sum();
    assert_eq!((sent, desk.sink.came().len()), (23, 23), "the one that was taken waits");
    assert_eq!(desk.send(Some(&post), in_six_minutes).await, 1, "until its worker is believed dead");
    let mut ids: Vec<String> = desk.sink.came().into_iter().map(|one| one.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 24);
    assert_eq!(desk.send(Some(&post), in_six_minutes).await, 0);
    assert_eq!(desk.states().await, [("sent".to_owned(), 24)]);
    desk.end().await;
}

#[tokio::test]
async fn a_server_that_is_down_or_hesitates_gets_it_later_and_one_refusal_holds_up_nobody() {
    let mut desk = Desk::with("refused@example.com, later@example.com, ok@example.com").await;
    let post = desk.post();
    desk.sink.down().await;
    desk.due().await;
    assert_eq!(desk.send(Some(&post), now).await, 0);
    assert_eq!(desk.states().await, [("waiting".to_owned(), 3)]);
    assert!(desk.admin.get(&desk.digest).await.text.contains("waiting: "), "the page says why");
    desk.sink.up().await;
    std::fs::write(desk.sink.folder.join("later"), "").expect("a file");
    assert_eq!(desk.send(Some(&post), in_six_minutes).await, 1);
    assert_eq!(
        desk.states().await,
        [("refused".to_owned(), 1), ("sent".to_owned(), 1), ("waiting".to_owned(), 1)]
    );
    std::fs::remove_file(desk.sink.folder.join("later")).expect("it goes");
    assert_eq!(desk.send(Some(&post), || in_six_minutes() + TimeDelta::minutes(6)).await, 1);
    assert_eq!(desk.send(Some(&post), || in_six_minutes() + TimeDelta::hours(1)).await, 0);
    let page = desk.admin.get(&desk.digest).await.text;
    assert!(page.contains("refused by the mail server") && page.contains("no such mailbox"), "{page}");
    desk.due().await;
    assert_eq!(desk.send(None, now).await, 0, "without a mail server nothing goes, and nothing is lost");
    assert!(desk.admin.get(&desk.digest).await.text.contains("PARALLAX_SMTP_URL"));
    let before = desk.sink.came().len();
    assert!(desk.send(Some(&post), in_six_minutes).await > 0, "it goes once there is one again");
    assert!(desk.sink.came().len() > before);
    desk.end().await;
}

#[tokio::test]
async fn a_quiet_period_is_a_short_mail_or_none_and_those_who_left_the_tenant_get_none() {
    let desk = Desk::with("ok@example.com").await;
    desk.due().await;
    assert_eq!(desk.send(Some(&desk.post()), now).await, 1);
    assert!(desk.sink.came()[0].text.contains("Nothing new"));
    let quiet: Vec<_> = form().into_iter().filter(|(name, _)| *name != "heartbeat").collect();
    assert_eq!(desk.admin.submit(&desk.digest, &desk.digest, &borrowed(&quiet)).await.status, 303);
    desk.due().await;
    assert_eq!(desk.send(Some(&desk.post()), now).await, 0);
    assert_eq!(desk.states().await, [("quiet".to_owned(), 1), ("sent".to_owned(), 1)]);

    let bob = desk.town.member(desk.town.scratch.tenant, "bob@example.org", Role::Viewer).await;
    let add = format!("{}/recipients", desk.digest);
    assert_eq!(desk.admin.submit(&desk.digest, &add, &[("addresses", "bob@example.org")]).await.status, 303);
    let fields = [("person", bob.to_string())];
    let removed =
        desk.admin.submit("/people", "/people/remove", &[(fields[0].0, fields[0].1.as_str())]).await;
    assert_eq!(removed.status, 303, "{}", removed.text);
    desk.alarm().await;
    desk.due().await;
    assert_eq!(desk.send(Some(&desk.post()), now).await, 1, "the one outside, and nobody who left");
    assert!(desk.sink.came().iter().all(|one| one.to == "ok@example.com"));
    for (path, field, value) in
        [("recipients", "addresses", "no address"), ("recipients", "addresses", "a@b\r\nBcc: c@d")]
    {
        let page =
            desk.admin.submit(&desk.digest, &format!("{}/{path}", desk.digest), &[(field, value)]).await;
        assert_eq!(page.status, 400, "{value}");
    }
    let wrong = [("name", "x"), ("every", "month"), ("day", "31"), ("at", "08:00"), ("zone", "UTC")];
    assert_eq!(desk.admin.submit("/digests", "/digests", &wrong).await.status, 400);
    desk.end().await;
}
