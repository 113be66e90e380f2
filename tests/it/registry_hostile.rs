//! The registry collector against servers that err, lie, stall or lead astray: each costs gaps and
//! never the run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parallax::collect::CollectError;
use parallax::model::Fact;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::fake_registry::{Asked, Reply, Script, index, serve, spec};
use crate::support::registry::{PASSWORD_VARIABLE, WRONG_VARIABLE, collect, login, sha256};

fn config() -> Value {
    json!({ "os": "linux", "architecture": "amd64", "config": { "User": "app" } })
}

/// A script with one good image beside whatever is odd.
fn with_good_image() -> Script {
    let mut script = Script::new();
    let image = script.image(&config());
    script.tag("good", Reply::json(&image));
    script
}

/// Reads the script and expects the good image, and gaps with these codes.
async fn costs(script: Script, codes: &[&str]) {
    let found = collect(&spec(&script.serve().await)).await.expect("the run goes on");
    assert_eq!(found.codes(), codes, "{:#?}", found.gaps);
    for gap in &found.gaps {
        let read = gap.asset.as_deref().is_some_and(|id| id.contains('@') && found.ids().contains(&id));
        assert_eq!(gap.hides_assets, !read, "{gap:?}");
    }
    let image = found.assets.iter().find(|asset| asset.name == "odd:good");
    assert!(image.is_some(), "the good image was lost: {:?}", found.ids());
    found.asset("odd");
}

#[tokio::test]
async fn an_index_that_points_to_itself_costs_one_gap() {
    let mut script = with_good_image();
    let named = format!("sha256:{}", "ab".repeat(32));
    let body = index(std::slice::from_ref(&named));
    script.tag("loop", Reply::json(&body));
    script.put(&format!("/v2/odd/manifests/{named}"), Reply::json(&body));
    costs(script, &["index-cycle"]).await;
}

#[tokio::test]
async fn an_index_too_deep_or_too_wide_costs_one_gap() {
    let mut script = with_good_image();
    let image = script.image(&config());
    let mut digest = script.manifest(&image);
    for _ in 0..4 {
        digest = script.manifest(&index(std::slice::from_ref(&digest)));
    }
    script.tag("deep", Reply::json(&index(std::slice::from_ref(&digest))));
    costs(script, &["bound"]).await;

    let mut script = with_good_image();
    let images: Vec<String> = (0..300)
        .map(|number| {
            let image = script.image(&json!({ "os": "linux", "architecture": format!("cpu{number}"), "config": { "User": "app" } }));
            script.manifest(&image)
        })
        .collect();
    script.tag("wide", Reply::json(&index(&images)));
    costs(script, &["bound"]).await;
}

#[tokio::test]
async fn a_body_that_is_cut_foreign_or_of_another_age_costs_one_gap() {
    let whole = json!({ "schemaVersion": 2, "manifests": [] }).to_string();
    let mut script = with_good_image();
    script.tag("cut", Reply::new(200, &whole.as_bytes()[..20]));
    script.tag("html", Reply::new(200, "<html>please log in</html>").header("content-type", "text/html"));
    script.tag("old", Reply::json(&json!({ "schemaVersion": 1, "fsLayers": [], "history": [] })));
    costs(script, &["unreadable-body", "unreadable-body", "schema-1"]).await;
}

#[tokio::test]
async fn a_body_that_is_not_what_its_digest_names_is_not_believed() {
    let mut script = with_good_image();
    let image = script.image(&json!({ "config": { "User": "trusted" } }));
    let claimed = format!("sha256:{}", "cd".repeat(32));
    script.tag("swapped", Reply::json(&image).header("docker-content-digest", claimed));
    let image = script.image(&json!({ "config": { "User": "honest" } }));
    let blob = image["config"]["digest"].as_str().expect("a digest").to_owned();
    script.put(&format!("/v2/odd/blobs/{blob}"), Reply::json(&json!({ "config": { "User": "other" } })));
    script.tag("switched", Reply::json(&image));
    costs(script, &["digest-mismatch", "digest-mismatch"]).await;
}

#[tokio::test]
async fn an_image_whose_configuration_is_away_is_unknown_and_not_clean() {
    let mut script = with_good_image();
    let image = script.image(&json!({ "gone": true }));
    let blob = image["config"]["digest"].as_str().expect("a digest").to_owned();
    script.put(&format!("/v2/odd/blobs/{blob}"), Reply::new(403, r#"{"errors":[{"code":"DENIED"}]}"#));
    script.tag("dark", Reply::json(&image));
    let found = collect(&spec(&script.serve().await)).await.expect("reads");
    assert_eq!(found.codes(), ["DENIED"]);
    assert_eq!(found.gaps[0].permission.as_deref(), Some("repository:odd:pull"));
    let facts = found.image(&format!("odd@{}", sha256(image.to_string().as_bytes())));
    assert!(facts.user.known().is_none() && facts.environment.known().is_none());
    assert_eq!(facts.image_tags, Fact::Known(vec!["dark".to_owned()]));
}

#[tokio::test]
async fn too_large_a_body_is_not_read_to_its_end() {
    let mut script = with_good_image();
    script.tag("fat", Reply::new(200, vec![b' '; 5 << 20]));
    let mut image = script.image(&json!({}));
    image["config"]["size"] = json!(9_i64 << 20);
    script.tag("heavy", Reply::json(&image));
    costs(script, &["too-large", "too-large"]).await;
}

#[tokio::test]
async fn nothing_is_fetched_from_where_a_registry_may_not_lead() {
    let mut script = with_good_image();
    let inward = "http://169.254.169.254/latest/meta-data/";
    script.tag("away", Reply::new(307, "").header("location", inward));
    script.tag("round", Reply::new(302, "").header("location", "/v2/odd/manifests/round"));
    costs(script, &["led-astray", "bound"]).await;

    let mut script = with_good_image();
    let page = Reply::json(&json!({ "repositories": ["odd"] }));
    script.put("/v2/_catalog?n=100", page.header("link", "<http://other.example/v2/_catalog>; rel=\"next\""));
    costs(script, &["led-astray"]).await;
}

#[tokio::test]
async fn a_login_is_not_for_where_a_registry_redirects_to() {
    let asked = Asked::default();
    let noting = asked.clone();
    let foreign = serve(Arc::new(move |path, headers| {
        noting.note(if headers.contains_key("authorization") { "a login" } else { path });
        let own = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let challenge = format!(r#"Bearer realm="http://{own}/token",service="foreign""#);
        Reply::new(401, "{}").header("www-authenticate", challenge)
    }))
    .await;
    let mut script = with_good_image();
    script.tag("away", Reply::new(307, "").header("location", format!("http://{foreign}/blob")));
    let registry = serve(Arc::new(move |path, headers| {
        if headers.contains_key("authorization") {
            return script.reply(path);
        }
        Reply::new(401, "{}").header("www-authenticate", "Basic realm=x")
    }))
    .await;
    let mut spec = spec(&registry);
    spec.credentials = login(PASSWORD_VARIABLE);
    let found = collect(&spec).await.expect("reads");
    assert_eq!((found.assets.len(), found.codes()), (2, vec!["HTTP 401"]));
    assert_eq!((asked.of("/blob"), asked.of("a login"), asked.of("/token?service=foreign")), (1, 0, 0));
}

#[tokio::test]
async fn a_catalogue_that_is_refused_is_a_gap_that_says_what_to_do() {
    let mut script = with_good_image();
    script.put("/v2/_catalog?n=100", Reply::new(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#));
    let address = script.serve().await;
    let found = collect(&spec(&address)).await.expect("nothing to read is no failure");
    assert!(found.assets.is_empty());
    assert_eq!(found.gaps.len(), 1);
    assert!(found.gaps[0].message.contains("name the repositories"), "{}", found.gaps[0].message);
    assert_eq!(found.gaps[0].permission.as_deref(), Some("registry:catalog:*"));
    let mut named = spec(&address);
    named.repositories = vec!["odd".into()];
    let found = collect(&named).await.expect("reads");
    assert_eq!((found.assets.len(), found.gaps.len()), (2, 0));
}

#[tokio::test]
async fn names_that_climb_are_reported_and_not_asked() {
    let mut script = with_good_image();
    script.put(
        "/v2/_catalog?n=100",
        Reply::json(&json!({ "repositories": ["odd", "../../admin", "odd?x=y"] })),
    );
    costs(script, &["unreadable-body"]).await;
}

#[tokio::test]
async fn of_too_many_tags_a_thousand_are_read_and_nothing_is_claimed_of_the_rest() {
    let mut script = Script::new();
    let image = script.image(&config());
    for number in 0..1_010 {
        script.tag(&format!("v{number:04}"), Reply::json(&image));
    }
    let found = collect(&spec(&script.serve().await)).await.expect("reads");
    assert_eq!(found.codes(), ["bound"]);
    let facts = found.repository("odd");
    assert_eq!(facts.image_tags.known().map(Vec::len), Some(1_000));
    assert!(facts.image_count.known().is_none());
    let image = found.image(&format!("odd@{}", sha256(image.to_string().as_bytes())));
    assert!(image.signed.known().is_none(), "a signature may be among the tags that were not read");
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_body_costs_one_gap() {
    let broken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = broken.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = broken.accept().await {
            let _ = caller.read(&mut [0; 1024]).await;
            let _ = caller.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"schema").await;
        }
    });
    let mut script = with_good_image();
    script.tag("torn", Reply::new(307, "").header("location", format!("http://{address}/")));
    costs(script, &["network"]).await;
}

#[tokio::test]
async fn throttling_is_waited_out_and_a_failing_call_tried_again() {
    let script = with_good_image();
    let asked = Asked::default();
    let counting = asked.clone();
    let address = serve(Arc::new(move |path, _| match (path, counting.note(path)) {
        ("/v2/odd/manifests/good", 1..=3) => Reply::new(429, "slow down").header("retry-after", "1"),
        ("/v2/odd/tags/list?n=1000", 1) => Reply::new(502, "<html>bad gateway</html>"),
        _ => script.reply(path),
    }))
    .await;
    let started = Instant::now();
    let found = collect(&spec(&address)).await.expect("reads");
    assert_eq!((found.assets.len(), found.gaps.len()), (2, 0), "{:?}", found.gaps);
    assert_eq!((asked.of("/v2/odd/manifests/good"), asked.of("/v2/odd/tags/list?n=1000")), (4, 2));
    assert!(started.elapsed() > Duration::from_secs(3), "it did not wait as it was asked to");
}

#[tokio::test]
async fn a_server_that_is_no_registry_is_named() {
    let address = serve(Arc::new(|_, _| Reply::new(404, "<html>nothing</html>"))).await;
    let error = collect(&spec(&address)).await.expect_err("no registry");
    assert!(matches!(error, CollectError::Invalid { .. }), "{error}");
    assert!(error.to_string().contains(&address) && error.to_string().contains("404"), "{error}");
}

/// A registry that takes tokens for one scope each, and the server that gives them to `ann`, and to
/// anybody for the public repository.
async fn with_tokens(asked: Asked) -> String {
    let mut script = with_good_image();
    let image = script.image(&config());
    script.put("/v2/_catalog?n=100", Reply::json(&json!({ "repositories": ["odd", "public"] })));
    script.put("/v2/public/tags/list?n=1000", Reply::json(&json!({ "tags": ["1"] })));
    script.put("/v2/public/manifests/1", Reply::json(&image));
    let blob = image["config"]["digest"].as_str().expect("a digest").to_owned();
    script.put(&format!("/v2/public/blobs/{blob}"), Reply::json(&config()));
    let right = "Basic YW5uOnBhcmFsbGF4";
    let giving = asked.clone();
    let tokens = serve(Arc::new(move |path, headers| {
        let url = url::Url::parse(&format!("http://x{path}")).expect("a url");
        let of =
            |key: &str| url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned());
        assert_eq!(of("service").as_deref(), Some("the-registry"));
        let scope = of("scope").unwrap_or_default();
        let login = headers.get("authorization").and_then(|value| value.to_str().ok());
        let number = giving.note(&format!("token {scope}"));
        match login {
            Some(login) if login != right => Reply::new(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#),
            None if scope != "repository:public:pull" => {
                Reply::new(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
            }
            _ => Reply::json(&json!({ "token": format!("{scope}/{number}"), "expires_in": 300 })),
        }
    }))
    .await;
    let challenge = format!(r#"Bearer realm="http://{tokens}/token",service="the-registry""#);
    serve(Arc::new(move |path, headers| {
        let refuse = || {
            Reply::new(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
                .header("www-authenticate", challenge.clone())
        };
        let token = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.strip_prefix("Bearer "));
        let Some((scope, number)) = token.and_then(|token| token.rsplit_once('/')) else { return refuse() };
        let name = path.trim_start_matches("/v2/").split('/').next().unwrap_or_default();
        let fits = path == "/v2/"
            || (path.contains("_catalog") && scope == "registry:catalog:*")
            || scope == format!("repository:{name}:pull");
        // The first token for `odd` has run out before its time.
        let stale = scope == "repository:odd:pull" && number == "1";
        if !fits || stale { refuse() } else { script.reply(path) }
    }))
    .await
}

#[tokio::test]
async fn tokens_are_fetched_once_a_scope_and_again_when_they_run_out() {
    let asked = Asked::default();
    let mut spec = spec(&with_tokens(asked.clone()).await);
    spec.credentials = login(PASSWORD_VARIABLE);
    let found = collect(&spec).await.expect("reads");
    assert_eq!(found.gaps, []);
    assert_eq!(found.assets.len(), 4, "{:?}", found.ids());
    let pull = |name: &str| found.repository(name).access.known().map(|access| access.anonymous_pull);
    assert_eq!((pull("odd"), pull("public")), (Some(false), Some(true)));
    assert_eq!(found.repository("odd").open_api, Fact::Known(false));
    assert_eq!(asked.of("token registry:catalog:*"), 1);
    assert_eq!(asked.of("token repository:public:pull"), 2, "ours and anybody's");
}

#[tokio::test]
async fn a_password_the_token_server_refuses_is_a_wrong_password() {
    let mut spec = spec(&with_tokens(Asked::default()).await);
    spec.credentials = login(WRONG_VARIABLE);
    let error = collect(&spec).await.expect_err("the password is wrong");
    assert!(matches!(error, CollectError::Credentials { .. }), "{error}");
}

#[tokio::test]
async fn without_a_login_only_what_is_public_is_read() {
    let mut spec = spec(&with_tokens(Asked::default()).await);
    let found = collect(&spec).await.expect("the catalogue is refused, which is a gap");
    assert_eq!((found.assets.len(), found.codes()), (0, vec!["UNAUTHORIZED"]));
    spec.repositories = vec!["public".into(), "odd".into()];
    let found = collect(&spec).await.expect("reads");
    assert_eq!(found.assets.len(), 2, "{:?}", found.ids());
    assert_eq!(found.codes(), ["UNAUTHORIZED"]);
    let access = found.repository("public").access.known().map(|access| access.anonymous_pull);
    assert_eq!(access, Some(true));
}
