//! `Microsoft.Web`: apps, their settings and functions, hosting plans.

use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::{Value, json};

use super::app::App;
use super::{Call, forbidden, not_found, ok, plan, same};

/// The size of its pages.
const PAGE: u64 = 50;

/// Answers one call on `rest`, the path after the provider's name.
pub fn answer(call: &Call<'_>, subscription: usize, group: Option<&str>, rest: &[&str]) -> Response<Body> {
    let lowered: Vec<String> = rest.iter().map(|part| part.to_ascii_lowercase()).collect();
    match lowered.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["sites"] => {
            let total = call.estate.apps(subscription);
            call.listed(total, PAGE, |index| {
                let app = App::new(call.estate, subscription, index);
                if group.is_none_or(|group| same(group, &app.group())) {
                    vec![app.site(false)]
                } else {
                    Vec::new()
                }
            })
        }
        ["serverfarms"] => call.listed(plan::COUNT, PAGE, |index| vec![plan::show(subscription, index)]),
        ["serverfarms", name] => match plan::find(name) {
            Some(index) => ok(&plan::show(subscription, index)),
            None => not_found(call.path),
        },
        ["sites", name, of_app @ ..] => match App::find(call.estate, subscription, name) {
            Some(app) if group.is_some_and(|group| same(group, &app.group())) => of(call, &app, of_app),
            _ => not_found(call.path),
        },
        _ => not_found(call.path),
    }
}

fn of(call: &Call<'_>, app: &App, rest: &[&str]) -> Response<Body> {
    match (call.method, rest) {
        (&Method::GET, []) => ok(&app.site(false)),
        (&Method::GET, ["config", "web"]) => ok(&app.config()),
        (&Method::GET, ["config"]) => ok(&json!({ "value": [app.config()] })),
        (&Method::POST, ["config", "appsettings", "list"]) if app.hides_settings() => {
            forbidden("Microsoft.Web/sites/config/list/action", &app.id())
        }
        (&Method::POST, ["config", "appsettings", "list"]) => ok(&json!({
            "id": format!("{}/config/appsettings", app.id()), "name": "appsettings",
            "type": "Microsoft.Web/sites/config", "properties": app.settings() })),
        (_, ["config", "authsettingsv2"] | ["config", "authsettingsv2", "list"]) => ok(&app.authentication()),
        (&Method::POST, ["host", "default", "listkeys"]) => {
            forbidden("Microsoft.Web/sites/host/listkeys/action", &app.id())
        }
        (&Method::GET, ["functions"]) => {
            let functions = app.functions();
            call.listed(functions.len() as u64, PAGE, |index| {
                functions.get(super::at(index)).cloned().into_iter().collect::<Vec<Value>>()
            })
        }
        (&Method::GET, ["slots"]) => ok(&json!({ "value": [] })),
        (&Method::GET, ["basicpublishingcredentialspolicies"]) => {
            ok(&json!({ "value": [policy(app, "ftp"), policy(app, "scm")] }))
        }
        (&Method::GET, ["basicpublishingcredentialspolicies", name @ ("ftp" | "scm")]) => {
            ok(&policy(app, name))
        }
        _ => not_found(call.path),
    }
}

fn policy(app: &App, name: &str) -> Value {
    let (ftp, scm) = app.basic_publishing();
    json!({ "id": format!("{}/basicPublishingCredentialsPolicies/{name}", app.id()), "name": name,
        "type": "Microsoft.Web/sites/basicPublishingCredentialsPolicies", "location": "West Europe",
        "properties": { "allow": if name == "ftp" { ftp } else { scm } } })
}
