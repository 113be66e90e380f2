//! The pages: server-rendered, each view an address, all of them working without JavaScript.
//!
//! One file a page: what it shows as a struct, the handler that fills it, the template of the same
//! name under `templates/pages`. Reads through `store::pages`. Every address has a rule that says
//! who may come (`doors`). No SQL, no rules of posture of its own.

mod account;
mod asset;
mod asset_facts;
mod audit;
mod compare;
mod connect;
mod connection;
mod connection_remove;
mod connection_settings;
mod connections;
mod control;
mod controls;
mod digest;
mod digests;
mod doors;
mod exception;
mod exception_new;
mod exceptions;
mod export;
mod fault;
mod files;
mod finding;
mod findings;
mod frame;
mod guard;
mod health;
mod house;
mod inventory;
mod leave;
mod login;
mod logout;
mod overview;
mod people;
mod picture;
mod prose;
mod provider;
mod provider_login;
mod providers;
mod reference;
mod request;
mod run;
mod second_factor;
mod show;
mod tenant;
mod ticket;
mod ticket_open;
mod ticket_policy;
mod tickets;
mod tokens;
mod tracker;
mod visit;
mod webhook;
mod webhooks;
mod welcome;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::model::Permission::{Accept, Audit, Configure, Connect, Own, People, Read, Run, Ticket};
use doors::{Doors, Need::May};
pub use doors::{Need, Rule};
use fault::Fault;
use frame::Frame;
pub use house::{Entrance, House, WebState};
use visit::Visit;

/// The way around: code, address, word.
const NAVIGATION: &[(&str, &str, &str)] = &[
    ("overview", "/", "Overview"),
    ("compare", "/compare", "Compare"),
    ("inventory", "/inventory", "Inventory"),
    ("findings", "/findings", "Findings"),
    ("tickets", "/tickets", "Tickets"),
    ("exceptions", "/exceptions", "Exceptions"),
    ("controls", "/controls", "Controls"),
    ("connections", "/connections", "Connections"),
];

/// The way around for those who run the house: code, address, word, and the permission it takes.
const SETTINGS: &[(&str, &str, &str, &str)] = &[
    ("people", "/people", "People", "people"),
    ("providers", "/providers", "Providers", "people"),
    ("tokens", "/tokens", "Tokens", "people"),
    ("tenant", "/tenant", "Tenant", "configure"),
    ("digests", "/digests", "Digests", "configure"),
    ("integrations", "/integrations", "Integrations", "configure"),
    ("audit", "/audit", "Audit log", "audit"),
];

/// What a handler gives back.
type Answer = Result<Response, Fault>;

/// A page, rendered.
fn page(template: &impl askama::Template) -> Answer {
    Ok(Html(template.render()?).into_response())
}

/// Every address with its rule.
fn doors() -> Doors {
    exceptions_doors(connections_doors(webhook_doors(tickets_doors(settings_doors(Doors::new())))))
        .get(May(Read), "/", get(overview::show))
        .get(May(Read), "/compare", get(compare::show))
        .get(May(Read), "/inventory", get(inventory::show))
        .get(May(Read), "/assets/{id}", get(asset::show))
        .get(May(Read), "/findings", get(findings::show))
        .get(May(Read), "/findings/export", get(export::show))
        .get(May(Read), "/findings/{id}", get(finding::show))
        .get(May(Read), "/controls", get(controls::show))
        .get(May(Read), "/controls/{code}", get(control::show))
        .get(May(Read), "/runs/{id}", get(run::show))
        .get(May(Read), "/runs/{id}/progress", get(run::progress))
        .get(Need::Nobody, "/login", get(login::show))
        .post(Need::Nobody, "/login", post(login::enter))
        .get(Need::Nobody, "/login/code", get(login::ask_code))
        .post(Need::Nobody, "/login/code", post(login::take_code))
        .post(Need::Nobody, "/login/where", post(provider_login::find))
        .get(Need::Nobody, "/login/at/{id}", get(provider_login::leave))
        .get(Need::Nobody, "/login/back/{id}", get(provider_login::back))
        // Whoever is half-way in or belongs nowhere wants out, too: it looks at the form itself.
        .post(Need::Nobody, "/logout", post(logout::leave))
        .get(Need::Nobody, "/leave/{link}", get(leave::ask))
        .post(Need::Nobody, "/leave/{link}", post(leave::leave))
        .get(Need::Nobody, "/welcome/{secret}", get(welcome::show))
        .post(Need::Nobody, "/welcome/{secret}", post(welcome::accept))
        .get(Need::Person, "/account", get(account::show))
        .post(Need::Person, "/account/name", post(account::rename))
        .post(Need::Person, "/account/password", post(account::change_password))
        .post(Need::Person, "/account/tenant", post(account::switch))
        .post(Need::Person, "/account/sessions", post(account::end_session))
        .get(Need::Person, "/account/second-factor", get(second_factor::show))
        .post(Need::Person, "/account/second-factor", post(second_factor::confirm))
        .post(Need::Person, "/account/second-factor/codes", post(second_factor::renew))
        .post(Need::Person, "/account/second-factor/off", post(second_factor::switch_off))
        .get(Need::Nobody, "/healthz", get(health::alive))
        .get(Need::Nobody, "/readyz", get(health::ready))
        .get(Need::Nobody, "/static/{hash}/{name}", get(files::show))
}

/// What is read, and how.
fn connections_doors(doors: Doors) -> Doors {
    doors
        .get(May(Read), "/connections", get(connections::show))
        .get(May(Read), "/connections/{id}", get(connection::look))
        .get(May(Read), "/connections/{id}/runs", get(connection::back))
        .post(May(Run), "/connections/{id}/runs", post(connection::run_now))
        .get(May(Connect), "/connections/new", get(connect::choose))
        .get(May(Connect), "/connections/new/aws", get(connect::aws::show))
        .post(May(Connect), "/connections/new/aws", post(connect::aws::take))
        .get(May(Connect), "/connections/new/aws/template", get(connect::aws::template))
        .get(May(Connect), "/connections/new/organisation", get(connect::organisation::show))
        .post(May(Connect), "/connections/new/organisation", post(connect::organisation::take))
        .get(May(Connect), "/connections/new/organisation/template", get(connect::organisation::template))
        .get(May(Connect), "/connections/new/azure", get(connect::azure::show))
        .post(May(Connect), "/connections/new/azure", post(connect::azure::take))
        .get(May(Connect), "/connections/new/registry", get(connect::registry::show))
        .post(May(Connect), "/connections/new/registry", post(connect::registry::take))
        .get(May(Connect), "/connections/{id}/source", get(connect::edit))
        .get(May(Connect), "/connections/{id}/source/aws", get(connect::aws::edit))
        .post(May(Connect), "/connections/{id}/source/aws", post(connect::aws::change))
        .get(May(Connect), "/connections/{id}/source/azure", get(connect::azure::edit))
        .post(May(Connect), "/connections/{id}/source/azure", post(connect::azure::change))
        .get(May(Connect), "/connections/{id}/source/registry", get(connect::registry::edit))
        .post(May(Connect), "/connections/{id}/source/registry", post(connect::registry::change))
        .post(May(Connect), "/connections/{id}/test", post(connect::test))
        .get(May(Connect), "/connections/{id}/settings", get(connection_settings::show))
        .post(May(Connect), "/connections/{id}/settings", post(connection_settings::change))
        .post(May(Connect), "/connections/{id}/pause", post(connection_settings::pause))
        .get(May(Connect), "/connections/{id}/remove", get(connection_remove::ask))
        .post(May(Connect), "/connections/{id}/remove", post(connection_remove::remove))
}

/// Work on tickets.
fn tickets_doors(doors: Doors) -> Doors {
    doors
        .get(May(Read), "/tickets", get(tickets::show))
        .post(May(Ticket), "/tickets", post(ticket_open::open))
        .post(May(Ticket), "/tickets/preview", post(ticket_open::preview))
        .get(May(Configure), "/tickets/policy", get(ticket_policy::show))
        .post(May(Configure), "/tickets/policy/days", post(ticket_policy::days))
        .post(May(Configure), "/tickets/policy/rules", post(ticket_policy::add))
        .post(May(Configure), "/tickets/policy/rules/remove", post(ticket_policy::remove))
        .get(May(Read), "/tickets/{id}", get(ticket::show))
        .post(May(Ticket), "/tickets/{id}/state", post(ticket::step))
        .post(May(Ticket), "/tickets/{id}/assignee", post(ticket::assign))
        .post(May(Ticket), "/tickets/{id}/due", post(ticket::due))
        .post(May(Ticket), "/tickets/{id}/comments", post(ticket::comment))
        .post(May(Ticket), "/tickets/{id}/references", post(ticket::refer))
        .post(May(Ticket), "/tickets/{id}/trackers", post(ticket::send))
}

/// Who is told of what changes.
fn webhook_doors(doors: Doors) -> Doors {
    doors
        .get(May(Configure), "/integrations", get(webhooks::show))
        .get(May(Configure), "/integrations/trackers/new", get(tracker::ask))
        .post(May(Configure), "/integrations/trackers", post(tracker::make))
        .get(May(Configure), "/integrations/trackers/{id}", get(tracker::show))
        .post(May(Configure), "/integrations/trackers/{id}", post(tracker::change))
        .post(May(Configure), "/integrations/trackers/{id}/check", post(tracker::check))
        .post(May(Configure), "/integrations/trackers/{id}/pause", post(tracker::pause))
        .post(May(Configure), "/integrations/trackers/{id}/remove", post(tracker::remove))
        .post(May(Configure), "/integrations/webhooks", post(webhooks::make))
        .get(May(Configure), "/integrations/webhooks/{id}", get(webhook::show))
        .post(May(Configure), "/integrations/webhooks/{id}", post(webhook::change))
        .post(May(Configure), "/integrations/webhooks/{id}/test", post(webhook::test))
        .post(May(Configure), "/integrations/webhooks/{id}/pause", post(webhook::pause))
        .post(May(Configure), "/integrations/webhooks/{id}/rotate", post(webhook::rotate))
        .post(May(Configure), "/integrations/webhooks/{id}/replay", post(webhook::replay))
        .post(May(Configure), "/integrations/webhooks/{id}/remove", post(webhook::remove))
}

/// What is accepted.
fn exceptions_doors(doors: Doors) -> Doors {
    doors
        .get(May(Read), "/exceptions", get(exceptions::show))
        .post(May(Accept), "/exceptions", post(exception_new::make))
        .get(May(Accept), "/exceptions/new", get(exception_new::show))
        .post(May(Accept), "/exceptions/preview", post(exception_new::preview))
        .post(May(Configure), "/exceptions/policy", post(exceptions::decide))
        .get(May(Read), "/exceptions/{id}", get(exception::show))
        .post(May(Accept), "/exceptions/{id}", post(exception::change))
        .get(May(Read), "/exceptions/{id}/progress", get(exception::progress))
        .post(May(Accept), "/exceptions/{id}/revoke", post(exception::revoke))
}

/// Running the house.
fn settings_doors(doors: Doors) -> Doors {
    doors
        .get(May(Configure), "/digests", get(digests::show))
        .post(May(Configure), "/digests", post(digests::make))
        .get(May(Configure), "/digests/{id}", get(digest::show))
        .post(May(Configure), "/digests/{id}", post(digest::change))
        .get(May(Configure), "/digests/{id}/preview", get(digest::preview))
        .post(May(Configure), "/digests/{id}/recipients", post(digest::add))
        .post(May(Configure), "/digests/{id}/recipients/remove", post(digest::take_off))
        .post(May(Configure), "/digests/{id}/pause", post(digest::pause))
        .post(May(Configure), "/digests/{id}/remove", post(digest::remove))
        .get(May(People), "/people", get(people::show))
        .post(May(People), "/people", post(people::invite))
        .post(May(People), "/people/role", post(people::change_role))
        .post(May(People), "/people/remove", post(people::remove))
        .post(May(People), "/people/sessions", post(people::end_sessions))
        .post(May(People), "/people/reset", post(people::reset))
        .get(May(People), "/providers", get(providers::show))
        .post(May(People), "/providers", post(providers::add))
        .get(May(People), "/providers/{id}", get(provider::show))
        .post(May(People), "/providers/{id}", post(provider::change))
        .post(May(People), "/providers/{id}/check", post(provider::check))
        .post(May(People), "/providers/{id}/secret", post(provider::rotate))
        .post(May(People), "/providers/{id}/remove", post(provider::remove))
        .get(Need::Person, "/api/docs", get(reference::show))
        .get(May(People), "/tokens", get(tokens::show))
        .post(May(People), "/tokens", post(tokens::make))
        .post(May(People), "/tokens/revoke", post(tokens::revoke))
        .get(May(Audit), "/audit", get(audit::show))
        .get(May(Audit), "/audit.ndjson", get(audit::file))
        .get(May(Configure), "/tenant", get(tenant::show))
        .post(May(Configure), "/tenant", post(tenant::decide))
        .post(May(Own), "/tenant/new", post(tenant::create))
        .get(May(Own), "/tenant/export", get(tenant::export))
        .post(May(Own), "/tenant/delete", post(tenant::delete))
}

/// Who may do what, address by address.
pub fn rules() -> Vec<Rule> {
    doors().rules().to_vec()
}

/// Every page and what they need, and beside them what has doors of its own and the same walls.
pub fn router(state: WebState, beside: Router) -> Router {
    doors()
        .open(&state)
        .fallback(fault::no_such_page)
        .method_not_allowed_fallback(fault::not_that_way)
        .with_state(state.clone())
        .merge(beside)
        .layer(CatchPanicLayer::custom(fault::panicked))
        .layer(from_fn_with_state(state.clone(), guard::same_origin))
        .layer(from_fn(guard::bounded))
        .layer(from_fn_with_state(state.clone(), guard::headers))
        .layer(from_fn_with_state(state, request::around))
}
