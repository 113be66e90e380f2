//! A small Resource Manager: six apps and two registries with planted settings, in pages of two,
//! and whatever trouble a test asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Response, StatusCode, Uri};
use serde_json::{Value, json};

/// The one subscription.
pub const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
/// A value that nothing may keep.
pub const SECRET: &str = "kX9-wuQ2pLr7vT";
/// The directory of the app registration, and the secret of it that is right.
pub const DIRECTORY: &str = "dddddddd-0000-4000-8000-000000000001";
pub const APP_SECRET: &str = "wQ8~right-client-secret";
const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Every fifth request comes too fast.
    Throttle,
    /// App settings are refused.
    DenySettings,
    /// App configurations are torn.
    Truncate,
    /// The list of plans says that its next page is on another host.
    ForeignPage(String),
    /// Resource Graph is refused.
    DenyGraph,
    /// No token is good.
    WrongToken,
    /// Resource Graph refuses every page but the first.
    DenyLaterPages,
    /// Answers to paths that end so are this body, with status 200.
    Instead(&'static str, &'static str),
    /// App configurations are larger than anybody should read.
    Huge,
    /// Each app setting and configuration comes after a pause.
    Slow,
    /// The first requests meet a service that is away.
    Away,
    /// The closed apps have an identity whose principal the answer leaves out.
    HiddenPrincipal,
    /// The closed apps hold a role, on the subscription, that no definition describes.
    UndefinedRole,
    /// Resource Graph is refused, and the list that serves in its stead turns to another host.
    ForeignSites(String),
    /// The ids of apps are addresses on another host.
    ForeignIds(String),
}

impl Trouble {
    fn hides_principals(&self) -> bool {
        *self == Self::HiddenPrincipal
    }
}

/// The server.
pub struct Arm {
    address: std::net::SocketAddr,
    count: Arc<AtomicU64>,
}

impl Arm {
    /// Starts it on a free port of this machine.
    pub async fn start(trouble: Trouble) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let count = Arc::new(AtomicU64::new(0));
        let state = (trouble, Arc::clone(&count), format!("http://{address}"));
        let router = axum::Router::new().fallback(answer).with_state(Arc::new(state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, count }
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests came.
    pub fn asked(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

type Shared = Arc<(Trouble, Arc<AtomicU64>, String)>;

async fn answer(State(state): State<Shared>, method: Method, uri: Uri, body: Bytes) -> Response<Body> {
    let (trouble, count, own) = &*state;
    let number = count.fetch_add(1, Ordering::Relaxed);
    let path = uri.path().to_lowercase();
    if *trouble == Trouble::Slow && path.contains("/config/") {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    if let Some(spoilt) = spoil(trouble, number, &path) {
        return spoilt;
    }
    if path.contains("resourcegraph") {
        return graph(trouble, &body);
    }
    if path.ends_with("/oauth2/v2.0/token") {
        return token(&path, &body);
    }
    if let Some(rows) = directory(&path) {
        return paged(&rows, own, uri.path(), uri.query().unwrap_or(""));
    }
    if !path.contains(SUBSCRIPTION) {
        return error(404, "SubscriptionNotFound");
    }
    let mut rows = match path.rsplit('/').next().unwrap_or("") {
        "sites" => (0..6).map(|number| site(trouble, number)).collect(),
        "registries" => (0..2).map(registry).collect(),
        "serverfarms" => vec![plan()],
        "roleassignments" => assignments(trouble),
        "roledefinitions" | "replications" => Vec::new(),
        "functions" => vec![function(&path)],
        "basicpublishingcredentialspolicies" => {
            let policy = |name: &str| json!({ "name": name, "properties": { "allow": is_open(&path) } });
            vec![policy("ftp"), policy("scm")]
        }
        _ => return respond(200, one(&method, uri.path(), &path).to_string()),
    };
    match trouble {
        Trouble::ForeignPage(other) if path.ends_with("/serverfarms") => turn(&rows, other, &path),
        Trouble::ForeignSites(other) if path.ends_with("/sites") => turn(&rows.split_off(4), other, &path),
        _ => paged(&rows, own, uri.path(), uri.query().unwrap_or("")),
    }
}

/// A token for the right secret.
fn token(path: &str, body: &[u8]) -> Response<Body> {
    let sent = url::form_urlencoded::parse(body).find(|(name, _)| name == "client_secret");
    if path.contains(DIRECTORY) && sent.is_some_and(|(_, secret)| secret == APP_SECRET) {
        return respond(
            200,
            json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "given" }).to_string(),
        );
    }
    let refusal = json!({ "error": "invalid_client", "error_codes": [7_000_215], "error_description": "AADSTS7000215: no" });
    respond(401, refusal.to_string())
}

/// Subscriptions and management groups.
fn directory(path: &str) -> Option<Vec<Value>> {
    let subscription = |id: &str, name: &str, state: &str| json!({ "subscriptionId": id, "displayName": name, "state": state });
    match path {
        "/subscriptions" => Some(vec![
            subscription(SUBSCRIPTION, "Production", "Enabled"),
            subscription("22222222-2222-3333-4444-555555555555", "Closed", "Disabled"),
            subscription("33333333-2222-3333-4444-555555555555", "Sandbox", "Enabled"),
        ]),
        "/providers/microsoft.management/managementgroups" => Some(vec![json!({ "name": "platform",
            "type": "Microsoft.Management/managementGroups", "properties": { "displayName": "Platform group" } })]),
        "/providers/microsoft.management/managementgroups/platform/descendants" => Some(vec![
            json!({ "name": "inner", "type": "Microsoft.Management/managementGroups", "properties": { "displayName": "Inner" } }),
            json!({ "name": SUBSCRIPTION, "type": "Microsoft.Management/managementGroups/subscriptions", "properties": { "displayName": "Production" } }),
        ]),
        _ => None,
    }
}

/// What goes wrong before an answer is thought of.
fn spoil(trouble: &Trouble, number: u64, path: &str) -> Option<Response<Body>> {
    let settings = path.ends_with("/config/appsettings/list");
    match trouble {
        Trouble::WrongToken => Some(error(401, "InvalidAuthenticationToken")),
        Trouble::Throttle if number % 5 == 4 => {
            let mut response = error(429, "TooManyRequests");
            response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("1"));
            Some(response)
        }
        Trouble::Away if number < 3 => Some(respond(503, "<html>away</html>".into())),
        Trouble::DenySettings if settings => Some(error(403, "AuthorizationFailed")),
        Trouble::Truncate if path.ends_with("/config/web") => {
            Some(respond(200, r#"{"properties":{"minTls"#.into()))
        }
        Trouble::Huge if path.ends_with("/config/web") => {
            Some(respond(200, format!(r#"{{"properties":{{"minTlsVersion":"{}"}}}}"#, "1".repeat(9 << 20))))
        }
        Trouble::DenyGraph | Trouble::ForeignSites(_) if path.contains("resourcegraph") => {
            Some(error(403, "AuthorizationFailed"))
        }
        Trouble::Instead(end, body) if path.ends_with(end) => Some(respond(200, (*body).to_owned())),
        _ => None,
    }
}

/// A page that says the next one is on another host.
fn turn(rows: &[Value], other: &str, path: &str) -> Response<Body> {
    respond(200, json!({ "value": rows, "nextLink": format!("{other}{path}?page=2") }).to_string())
}

/// Two rows a page, with the address of the next.
fn paged(rows: &[Value], own: &str, path: &str, query: &str) -> Response<Body> {
    let start = query.split("at=").nth(1).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let end = (start + 2).min(rows.len());
    let mut page = json!({ "value": &rows[start.min(end)..end] });
    if end < rows.len() {
        let version = query.split('&').find(|part| part.starts_with("api-version=")).unwrap_or("");
        page["nextLink"] = format!("{own}{path}?{version}&at={end}").into();
    }
    respond(200, page.to_string())
}

fn graph(trouble: &Trouble, body: &[u8]) -> Response<Body> {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let sites = asked["query"].as_str().unwrap_or("").contains("microsoft.web/sites");
    let rows: Vec<Value> = match asked["subscriptions"][0].as_str() {
        Some(SUBSCRIPTION) if sites => (0..6).map(|number| site(trouble, number)).collect(),
        Some(SUBSCRIPTION) => (0..2).map(registry).collect(),
        // As the service does: of a subscription one cannot see there is simply nothing.
        _ => Vec::new(),
    };
    let start = asked["options"]["$skipToken"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0_usize);
    if start > 0 && *trouble == Trouble::DenyLaterPages {
        return error(403, "AuthorizationFailed");
    }
    let end = (start + 2).min(rows.len());
    let mut page = json!({ "totalRecords": rows.len(), "count": end - start, "data": &rows[start..end], "facets": [], "resultTruncated": "false" });
    if end < rows.len() {
        page["$skipToken"] = end.to_string().into();
    }
    respond(200, page.to_string())
}

/// Even ones are open in every way, odd ones closed.
fn site(trouble: &Trouble, number: usize) -> Value {
    let open = number.is_multiple_of(2);
    let name = match number {
        0 => "open".to_owned(),
        1 => "closed".to_owned(),
        other => format!("app{other}"),
    };
    let path =
        format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Web/sites/{name}");
    let id = match trouble {
        Trouble::ForeignIds(other) => format!("{other}{path}"),
        _ => path,
    };
    let identity = if trouble.hides_principals() && !open {
        json!({ "type": "UserAssigned", "userAssignedIdentities": { "/subscriptions/x/id/shared": null } })
    } else {
        json!({ "type": "SystemAssigned", "principalId": if open { "p-open" } else { "p-closed" } })
    };
    let farm =
        format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Web/serverfarms/plan");
    json!({ "id": id, "name": name, "type": "microsoft.web/sites", "kind": "functionapp,linux",
        "location": if open { "West Europe" } else { "westeurope" }, "tags": null,
        "identity": identity,
        "properties": { "httpsOnly": !open, "publicNetworkAccess": if open { Value::Null } else { "Disabled".into() },
            "serverFarmId": farm, "clientCertEnabled": false, "siteConfig": null } })
}

fn is_open(path: &str) -> bool {
    ["/open/", "/app2/", "/app4/"].iter().any(|name| path.contains(name))
}

/// What is asked of one app.
fn one(method: &Method, id: &str, path: &str) -> Value {
    let open = is_open(path);
    let properties = if path.ends_with("/config/web") {
        json!({ "linuxFxVersion": "PYTHON|3.12", "minTlsVersion": if open { "1.0" } else { "1.2" },
            "ftpsState": if open { "AllAllowed" } else { "Disabled" }, "remoteDebuggingEnabled": open,
            "cors": { "allowedOrigins": [if open { "*" } else { "https://example.com" }], "supportCredentials": false },
            "ipSecurityRestrictions": null, "functionAppScaleLimit": 0 })
    } else if path.ends_with("/config/appsettings/list") && method == Method::POST {
        let password = if open {
            SECRET.to_owned()
        } else {
            "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/db)".to_owned()
        };
        json!({ "DB_PASSWORD": password, "FUNCTIONS_EXTENSION_VERSION": "~4", "FUNCTIONS_WORKER_RUNTIME": "python" })
    } else if path.contains("/config/authsettingsv2") {
        json!({ "platform": { "enabled": false } })
    } else {
        json!({})
    };
    json!({ "id": id, "properties": properties })
}

fn function(path: &str) -> Value {
    let level = if is_open(path) { "anonymous" } else { "function" };
    json!({ "properties": { "name": "orders", "isDisabled": null,
        "config": { "bindings": [{ "type": "httpTrigger", "direction": "in", "name": "req", "authLevel": level }] } } })
}

fn plan() -> Value {
    json!({ "id": format!("/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/Microsoft.Web/serverfarms/plan"),
        "name": "plan", "location": "West Europe", "sku": { "name": "Y1", "tier": "Dynamic" }, "properties": { "maximumElasticWorkerCount": 1 } })
}

fn assignments(trouble: &Trouble) -> Vec<Value> {
    let mut all = vec![assignment("p-open", OWNER)];
    if *trouble == Trouble::UndefinedRole {
        all.push(assignment("p-closed", "00000000-aaaa-bbbb-cccc-dddddddddddd"));
    }
    all
}

fn assignment(principal: &str, role: &str) -> Value {
    json!({ "properties": { "principalId": principal, "scope": format!("/subscriptions/{SUBSCRIPTION}"),
        "roleDefinitionId": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}") } })
}

fn registry(number: usize) -> Value {
    let open = number == 0;
    let name = if open { "looseregistry" } else { "tightregistry" };
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/{name}"
    );
    json!({ "id": id, "name": name, "type": "Microsoft.ContainerRegistry/registries", "location": "westeurope",
        "sku": { "name": "Premium", "tier": "Premium" },
        "properties": { "adminUserEnabled": open, "anonymousPullEnabled": open,
            "publicNetworkAccess": if open { "Enabled" } else { "Disabled" }, "networkRuleSet": null,
            "policies": { "quarantinePolicy": { "status": "disabled" } }, "encryption": { "status": "disabled" } } })
}

fn respond(status: u16, body: String) -> Response<Body> {
    let status = StatusCode::from_u16(status).expect("a status");
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .expect("a response")
}

fn error(status: u16, code: &str) -> Response<Body> {
    respond(status, json!({ "error": { "code": code, "message": "no" } }).to_string())
}
