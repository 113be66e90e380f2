//! The pages over a small estate: what they show, what they refuse, and what they never leak.

use std::net::SocketAddr;

use parallax::app::router;
use parallax::model::Gap;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;

use super::support::estate::{FORM_WORD, Planted, Scratch, function, image};

const SECRET_FUNCTION: &str = r#"{
    "identity": { "name": "ops", "admin": true, "admin_because": ["AdministratorAccess"] },
    "invoke_policy": { "unknown": "denied", "permission": "lambda:GetPolicy" },
    "environment": [{ "name": "DB_PASSWORD", "kind": "plain", "secret": { "rule": "password-like-name", "masked": "hun… (8 characters)" } }],
    "memory_mb": 1024, "tags": [{ "key": "<script>alert(1)</script>", "value": "x" }]
}"#;

/// The pages over an estate.
pub struct Site {
    pub scratch: Scratch,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Site {
    async fn over(scratch: Scratch) -> Self {
        let state = scratch.open_house();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router(state)).await });
        let client = reqwest::Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { scratch, address, client }
    }

    /// Over four assets and one refused call.
    pub async fn planted() -> (Self, uuid::Uuid) {
        let scratch = Scratch::new().await;
        let connection = scratch.connection("planted").await;
        let gap = Gap {
            facet: "resource policy".into(),
            call: "lambda:GetPolicy".into(),
            code: "AccessDeniedException".into(),
            message: "not allowed".into(),
            permission: Some("lambda:GetPolicy".into()),
            asset: None,
            hides_assets: false,
        };
        let assets = vec![
            function("payments", SECRET_FUNCTION),
            function("stillwater", r#"{ "identity": null, "memory_mb": 128 }"#),
            image("shop/api", r#"{ "user": "root" }"#),
            image("shop/web", r#"{ "user": "1000" }"#),
        ];
        scratch.run(connection, &Planted { assets, gaps: vec![gap] }).await;
        (Self::over(scratch).await, connection)
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer =
            self.client.get(format!("http://{}{path}", self.address)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    }

    /// A page that is there.
    pub async fn page(&self, path: &str) -> String {
        let (status, text) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        assert!(
            !text.contains("style=\"") && !text.contains("<script>"),
            "{path} has inline style or script"
        );
        text
    }

    /// The address that `label` links to on `text`.
    pub fn link(text: &str, label: &str) -> String {
        let end = text.find(&format!("\">{label}")).unwrap_or_else(|| panic!("no link {label}"));
        let start = text[..end].rfind("href=\"").expect("a link");
        text[start + 6..end].to_owned()
    }
}

#[tokio::test]
async fn an_empty_estate_says_what_to_do_next() {
    let site = Site::over(Scratch::new().await).await;
    assert!(site.page("/").await.contains("Connect a source"));
    assert!(site.page("/compare").await.contains("Nothing has been judged yet"));
    assert!(site.page("/inventory").await.contains("No assets yet"));
    assert!(site.page("/findings").await.contains("Nothing is open"));
    assert!(site.page("/connections").await.contains("parallax connection add"));
    assert_eq!(site.get("/healthz").await, (200, "ok\n".into()));
    site.scratch.end().await;
}

#[tokio::test]
async fn what_was_planted_is_found_on_every_page() {
    let (site, connection) = Site::planted().await;
    let compare = site.page("/compare?open=ACC,HST").await;
    let row = |code: &str| {
        let start =
            compare.find(&format!("href=\"/controls/{code}\"")).unwrap_or_else(|| panic!("no row {code}"));
        compare[start..].split("</tr>").next().expect("a row").to_owned()
    };
    assert!(row("ACC-02").contains("1 of 2"), "one of two identities administers: {}", row("ACC-02"));
    assert!(row("HST-04").contains("1 of 2"), "one of two images runs as root");
    assert!(row("HST-04").contains("provider"), "the provider carries it for functions");
    assert!(row("ACC-01").contains("2 unknown"), "a refused policy is unknown: {}", row("ACC-01"));

    let inventory = site.page("/inventory?q=PAY").await;
    assert!(inventory.contains("payments") && !inventory.contains("stillwater"));
    let asset = site.page(&Site::link(&inventory, "payments")).await;
    assert!(asset.contains("allow <code>lambda:GetPolicy</code>"), "an unknown fact names its permission");
    assert!(asset.contains("1,024 MB") && asset.contains("AdministratorAccess"));
    assert!(asset.contains("What the provider carries") && asset.contains("What if it moved to containers"));
    assert!(asset.contains("&#60;script&#62;") || asset.contains("&lt;script&gt;"), "a tag stays text");

    let findings = site.page("/findings?control=ACC-02").await;
    assert!(findings.contains("payments") && !findings.contains("stillwater"));
    let finding = site
        .page(&Site::link(findings.split("<tbody>").nth(1).expect("a table"), "<code>ACC-02</code>"))
        .await;
    assert!(
        finding.contains("Opened")
            && finding.contains("AdministratorAccess")
            && finding.contains("What to do")
    );

    let control = site.page("/controls/ACC-02").await;
    assert!(control.contains("1 of 2") && control.contains("Why it matters") && control.contains("payments"));
    let page = site.page(&format!("/connections/{connection}")).await;
    assert!(page.contains("Allow <code>lambda:GetPolicy</code>"));
    assert!(site.page("/").await.contains("What cannot be seen"));
    assert!(site.page("/controls").await.contains("HST-04"));
    site.scratch.end().await;
}

#[tokio::test]
async fn nonsense_is_refused_with_its_name_and_nothing_of_ours() {
    let (site, _) = Site::planted().await;
    for (path, status, says) in [
        ("/nothing", 404, "Not found"),
        ("/assets/00000000-0000-0000-0000-000000000000", 404, "This asset was not found"),
        ("/assets/x", 404, "was not found"),
        ("/controls/XXX-99", 404, "This control was not found"),
        ("/findings?severity=awful", 400, "Severity"),
        ("/findings?after=zzz", 400, "no place in this list"),
        ("/inventory?after=%21", 400, "no place in this list"),
        ("/inventory?kind=%27%20OR%201=1", 400, "Kind"),
        ("/inventory?connection=1", 400, "no id"),
        ("/static/000000000000/app.css", 404, "Not found"),
    ] {
        let (got, text) = site.get(path).await;
        assert_eq!(got, status, "{path}");
        assert!(text.contains(says), "{path} does not say {says}: {text}");
        assert!(text.contains("href=\"/inventory\""), "{path} leaves no way on");
    }
    let (status, text) = site.get("/inventory?q=%25_%5C%27%3B--").await;
    assert!(status == 200 && text.contains("No asset matches"), "wildcards and quotes are only text");
    site.scratch.end().await;
}

#[tokio::test]
async fn only_our_own_pages_start_a_run_and_two_clicks_start_one() {
    let (site, connection) = Site::planted().await;
    let address = format!("http://{}/connections/{connection}/runs", site.address);
    let send = |headers: HeaderMap, word: &str| {
        let body = format!("csrf={word}");
        let form = site.client.post(&address).header("content-type", "application/x-www-form-urlencoded");
        form.body(body).headers(headers).send()
    };
    let post = |headers: HeaderMap| send(headers, FORM_WORD);
    let from = |name: &'static str, value: &'static str| {
        HeaderMap::from_iter([(name.parse().expect("a name"), HeaderValue::from_static(value))])
    };
    for headers in
        [HeaderMap::new(), from("sec-fetch-site", "cross-site"), from("origin", "https://elsewhere.example")]
    {
        assert_eq!(post(headers).await.expect("an answer").status(), 403);
    }
    let stale = send(from("sec-fetch-site", "same-origin"), "another-word").await.expect("an answer");
    assert_eq!(stale.status(), 403);
    let first = post(from("sec-fetch-site", "same-origin")).await.expect("an answer");
    assert_eq!(first.status(), 303);
    let second = post(from("sec-fetch-site", "same-origin")).await.expect("an answer");
    let place = first.headers()["location"].to_str().expect("text").to_owned();
    assert_eq!(second.headers()["location"].to_str().ok(), Some(place.as_str()));
    let run = site.page(&place).await;
    assert!(
        run.contains("Waiting") && run.contains("http-equiv=\"refresh\"") && run.contains("data-progress")
    );
    assert!(!site.page(&format!("{place}/progress")).await.contains("data-ended"));

    let strange = site.client.get(format!("http://{}/", site.address)).header("host", "evil.example").send();
    assert_eq!(strange.await.expect("an answer").status(), 421);
    site.scratch.end().await;
}

#[tokio::test]
async fn lists_go_on_from_where_they_stopped_without_gap_or_repeat() {
    let scratch = Scratch::new().await;
    let connection = scratch.connection("many").await;
    let facts =
        r#"{ "identity": { "name": "ops", "admin": true, "admin_because": ["AdministratorAccess"] } }"#;
    let assets =
        (0..120).map(|number| function(&format!("f{:03}", number % 7 * 100 + number), facts)).collect();
    scratch.run(connection, &Planted { assets, gaps: Vec::new() }).await;
    let site = Site::over(scratch).await;
    for start in ["/inventory", "/findings?control=ACC-02"] {
        let (mut seen, mut next) = (Vec::new(), Some(start.to_owned()));
        while let Some(path) = next {
            let text = site.page(&path).await;
            let ids = text.split("<td><span class=\"dot serverless\"><a href=\"/assets/").chain(
                text.split("<th scope=\"row\"><span class=\"dot serverless\"><a href=\"/assets/").skip(1),
            );
            seen.extend(ids.filter(|rest| !rest.starts_with("<!doctype")).map(|rest| rest[..36].to_owned()));
            next = text.contains("rel=\"next\"").then(|| {
                Site::link(&text, "Next")
                    .replace("\" rel=\"next", "")
                    .replace("&#38;", "&")
                    .replace("&amp;", "&")
            });
        }
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((all, seen.len()), (120, 120), "{start}");
    }
    site.scratch.end().await;
}

#[tokio::test]
async fn every_answer_carries_the_guards_and_files_may_be_kept_for_ever() {
    let (site, _) = Site::planted().await;
    for path in ["/", "/nothing", "/healthz"] {
        let answer =
            site.client.get(format!("http://{}{path}", site.address)).send().await.expect("an answer");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    let style = Site::link(&site.page("/").await.replace("app.css\">", "app.css\">style"), "style");
    let answer = site.client.get(format!("http://{}{style}", site.address)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["cache-control"].to_str().expect("text").contains("immutable"));
    site.scratch.end().await;
}

#[tokio::test]
async fn without_its_database_it_says_so_and_keeps_its_secrets() {
    let (site, _) = Site::planted().await;
    let Site { scratch, address, client } = site;
    scratch.end().await;
    let answer = client.get(format!("http://{address}/compare")).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("text");
    assert!(status == 503 || status == 500, "{status}");
    assert!(!text.contains("it_") && !text.to_lowercase().contains("postgres"), "{text}");
    assert_eq!(client.get(format!("http://{address}/readyz")).send().await.expect("an answer").status(), 503);
}
