//! Somebody's own account: name, password, second factor, sessions, tenants.

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use uuid::Uuid;

use super::login::come_in;
use super::provider_login::{depart, onward};
use super::{Answer, Frame, Visit, page, show};
use crate::auth::audit::Change;
use crate::auth::session::{self, Beginning, Visitor};
use crate::auth::{AuthError, Means, login, password, throttle};
use crate::error::AppError;
use crate::model::TenantId;
use crate::store::people::members::Membership;
use crate::store::people::{self, Person, members, providers, sessions};

/// A session in the list.
pub struct SessionLine {
    /// Its id.
    pub id: Uuid,
    /// This very one.
    pub present: bool,
    /// With which program, in a word or two.
    pub agent: String,
    /// From where.
    pub address: String,
    /// How they logged in.
    pub method: String,
    /// Begun.
    pub begun: String,
    /// Last used.
    pub used: String,
}

#[derive(Template)]
#[template(path = "pages/account.html")]
struct AccountPage {
    frame: Frame,
    name: String,
    email: String,
    has_password: bool,
    came_at: Option<String>,
    totp_on: bool,
    recovery_left: i64,
    tenants: Vec<Membership>,
    tenant: TenantId,
    sessions: Vec<SessionLine>,
    idle: String,
    longest: String,
}

/// The person asking: nobody in a house without log-in.
pub fn oneself(visit: &Visit) -> Result<Uuid, AppError> {
    visit.actor.person.ok_or(AppError::NotFound("an account"))
}

/// The provider they came in at, if it was one. They see the sessions begun there and no others.
fn at_provider(visit: &Visit) -> Option<Uuid> {
    match visit.actor.means {
        Means::Session { provider, .. } => provider,
        _ => None,
    }
}

/// Whether they came in with their password. Who came from a provider is who that one says, and may not
/// thereby change how the account opens otherwise.
pub fn came_by_password(visit: &Visit) -> Result<(), AppError> {
    match &visit.actor.means {
        Means::Session { provider: Some(_), method, .. } => Err(AppError::Conflict(format!(
            "you logged in at {method}; log in with your password to change how it opens your account"
        ))),
        _ => Ok(()),
    }
}

async fn person(visit: &Visit) -> Result<Person, super::Fault> {
    let mut gate = visit.state.store.gate().await?;
    Ok(people::by_id(&mut gate, oneself(visit)?).await?.ok_or(AppError::NotFound("this person"))?)
}

/// `GET /account`.
pub async fn show(visit: Visit) -> Answer {
    let now = (visit.now)();
    let person = person(&visit).await?;
    let mut gate = visit.state.store.gate().await?;
    let tenants = members::of_person(&mut gate, person.id).await?;
    let recovery_left = people::recovery_left(&mut gate, person.id).await?;
    let all = sessions::of_person(&mut gate, person.id, at_provider(&visit), now).await?;
    drop(gate);
    let line = |one: sessions::Line| SessionLine {
        id: one.id,
        present: matches!(&visit.actor.means, Means::Session { id, .. } if *id == one.id),
        agent: program(&one.agent),
        address: one.address,
        method: one.method,
        begun: show::ago(now, one.created_at),
        used: show::ago(now, one.seen_at),
    };
    page(&AccountPage {
        frame: visit.frame("account"),
        name: person.name,
        email: person.email,
        has_password: person.password_hash.is_some(),
        came_at: match &visit.actor.means {
            Means::Session { method, .. } => at_provider(&visit).map(|_| method.clone()),
            _ => None,
        },
        totp_on: person.totp_on,
        recovery_left,
        tenants,
        tenant: visit.actor.tenant,
        sessions: all.into_iter().map(line).collect(),
        idle: show::span(session::IDLE),
        longest: show::span(session::ABSOLUTE),
    })
}

/// `Firefox on Linux` out of a program's own long name.
fn program(agent: &str) -> String {
    let first = |names: &[&'static str]| names.iter().find(|name| agent.contains(**name)).copied();
    let browser = first(&["Edg", "Firefox", "Chrome", "Safari", "curl"]).unwrap_or("another program");
    let browser = if browser == "Edg" { "Edge" } else { browser };
    match first(&["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"]) {
        Some(system) => format!("{browser} on {system}"),
        None => browser.to_owned(),
    }
}

/// A new name.
#[derive(Debug, Deserialize)]
pub struct Named {
    name: String,
}

/// `POST /account/name`.
pub async fn rename(visit: Visit, Form(sent): Form<Named>) -> Answer {
    let name = sent.name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(
            AppError::Invalid { field: "name".into(), problem: "write 1 to 200 characters".into() }.into()
        );
    }
    let (person, store) = (person(&visit).await?, &visit.state.store);
    let mut gate = store.gate().await?;
    people::rename(&mut gate, person.id, name).await?;
    gate.commit().await?;
    // What somebody signs with is on record wherever they sign.
    let visitor = Visitor { address: visit.actor.address.clone(), ..Visitor::default() };
    let change = format!("{} to {name}", person.name);
    login::noted(store, &person, "person.renamed", &change, &visitor, (visit.now)()).await?;
    Ok(Redirect::to("/account").into_response())
}

/// A new password.
#[derive(Debug, Deserialize)]
pub struct Password {
    #[serde(default)]
    present: String,
    new: String,
}

/// `POST /account/password`: every session ends, this one is begun anew.
pub async fn change_password(visit: Visit, jar: CookieJar, Form(sent): Form<Password>) -> Answer {
    let (person, now) = (person(&visit).await?, (visit.now)());
    let store = &visit.state.store;
    throttle::attempt(store, &format!("password:{}", person.email), &visit.actor.address, now).await?;
    let known = person.password_hash.as_deref();
    if known.is_none() {
        came_by_password(&visit)?;
    }
    if known.is_some() && !password::verify(&sent.present, known).await? {
        let problem = "this is not your present password".to_owned();
        return Err(AppError::Invalid { field: "present password".into(), problem }.into());
    }
    password::acceptable(&sent.new, &person.email)?;
    let hash = password::hash(&sent.new, rand::random()).await?;
    let mut gate = store.gate().await?;
    people::set_password(&mut gate, person.id, &hash).await?;
    let cookie = anew(&visit, &mut gate, &person).await?;
    gate.commit().await?;
    let mut tx = visit.begin().await?;
    let change = Change { action: "person.password_changed", subject: person.email, ..Change::default() };
    visit.record(&mut tx, change).await?;
    tx.commit().await?;
    Ok(come_in(&visit.state, jar, &cookie, "/account"))
}

/// Begins the present session anew, with another cookie.
pub async fn anew(
    visit: &Visit,
    gate: &mut crate::store::Gate,
    person: &Person,
) -> Result<crate::auth::Secret, AuthError> {
    let (method, provider) = match &visit.actor.means {
        Means::Session { method, provider, .. } => (method.clone(), *provider),
        _ => (String::new(), None),
    };
    let visitor = Visitor { address: visit.actor.address.clone(), agent: String::new() };
    let beginning = Beginning { method, provider, tenant: Some(visit.actor.tenant), ..Beginning::default() };
    session::begin(gate, person, beginning, &visitor, (visit.now)()).await
}

/// Another tenant.
#[derive(Debug, Deserialize)]
pub struct Switch {
    tenant: Uuid,
}

/// `POST /account/tenant`. Who came from a provider goes on to one of the other tenant.
pub async fn switch(visit: Visit, jar: CookieJar, Form(sent): Form<Switch>) -> Answer {
    let Means::Session { id, provider, .. } = visit.actor.means else {
        return Err(AppError::NotFound("this session").into());
    };
    let wanted = TenantId(sent.tenant);
    let mut gate = visit.state.store.gate().await?;
    if let Some(provider) = provider.filter(|_| wanted != visit.actor.tenant) {
        let places = members::of_person(&mut gate, oneself(&visit)?).await?;
        let place = places.into_iter().find(|place| place.tenant == wanted);
        let name = place.ok_or(AppError::NotFound("this tenant"))?.name;
        let Some(other) = providers::of_tenant(&mut gate, wanted, provider).await? else {
            return Err(AppError::Conflict(format!("log in with your password to look at {name}")).into());
        };
        drop(gate);
        let (jar, url) = depart(&visit.state, jar, &other, "/", &visit.actor.email).await?;
        let url = url.map_err(|fault| AppError::Conflict(fault.to_string()))?;
        return Ok((jar, onward(&url, &other)?).into_response());
    }
    if !sessions::switch(&mut gate, id, wanted).await? {
        return Err(AppError::NotFound("this tenant").into());
    }
    gate.commit().await?;
    Ok(Redirect::to("/").into_response())
}

/// Which session to end; none ends all others.
#[derive(Debug, Deserialize)]
pub struct Ended {
    id: Option<Uuid>,
}

/// `POST /account/sessions`.
pub async fn end_session(visit: Visit, Form(sent): Form<Ended>) -> Answer {
    let person = oneself(&visit)?;
    let mut gate = visit.state.store.gate().await?;
    match (sent.id, &visit.actor.means) {
        (Some(id), _) => {
            let all = sessions::of_person(&mut gate, person, at_provider(&visit), (visit.now)()).await?;
            if all.iter().any(|one| one.id == id) {
                sessions::end(&mut gate, person, id).await?;
            }
        }
        (None, Means::Session { id, provider, .. }) => {
            sessions::end_others(&mut gate, person, *provider, *id).await?;
        }
        (None, _) => {}
    }
    gate.commit().await?;
    let mut tx = visit.begin().await?;
    let change = Change { action: "session.ended", subject: visit.actor.email.clone(), ..Change::default() };
    visit.record(&mut tx, change).await?;
    tx.commit().await?;
    Ok(Redirect::to("/account").into_response())
}
