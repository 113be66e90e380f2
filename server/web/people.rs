//! The tenant's people: who they are, what they may do, how others come in.

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{Answer, Fault, Frame, Visit, page, show};
use crate::auth::audit::Change;
use crate::auth::setup::{self, Purpose};
use crate::error::AppError;
use crate::model::Role;
use crate::store::Tx;
use crate::store::people::members::{self, Member};
use crate::store::people::sessions;

/// A member in the list.
pub struct Line {
    /// The person.
    pub id: Uuid,
    /// Their address.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// The role comes from a provider's groups.
    pub by_groups: bool,
    /// A second factor is asked.
    pub totp_on: bool,
    /// They last came in.
    pub last: String,
    /// The one who looks may change them.
    pub changeable: bool,
}

#[derive(Template)]
#[template(path = "pages/people.html")]
struct PeoplePage {
    frame: Frame,
    lines: Vec<Line>,
    roles: Vec<Role>,
}

#[derive(Template)]
#[template(path = "pages/link.html")]
struct LinkPage {
    frame: Frame,
    title: &'static str,
    email: String,
    link: String,
    lasts: &'static str,
}

fn own_role(visit: &Visit) -> Role {
    visit.actor.role.unwrap_or(Role::Viewer)
}

/// `GET /people`.
pub async fn show(visit: Visit) -> Answer {
    let (now, own) = ((visit.now)(), own_role(&visit));
    let mut tx = visit.begin().await?;
    let all = members::list(&mut tx).await?;
    drop(tx);
    let line = |one: Member| Line {
        id: one.person,
        email: one.email,
        name: one.name,
        role: one.role,
        by_groups: !one.granted_by.is_empty(),
        totp_on: one.totp_on,
        last: one.last_login.map_or_else(|| "never".into(), |at| show::ago(now, at)),
        changeable: own.may_grant(one.role),
    };
    let roles = Role::ALL.iter().copied().filter(|role| own.may_grant(*role)).collect();
    page(&PeoplePage { frame: visit.frame("people"), lines: all.into_iter().map(line).collect(), roles })
}

/// Somebody to come in.
#[derive(Debug, Deserialize)]
pub struct Invited {
    email: String,
    role: String,
}

fn role(text: &str) -> Result<Role, AppError> {
    text.parse().map_err(|problem| AppError::Invalid { field: "role".into(), problem })
}

fn may_grant(visit: &Visit, role: Role) -> Result<(), AppError> {
    if own_role(visit).may_grant(role) {
        return Ok(());
    }
    Err(AppError::Forbidden(format!("make or change somebody who is {}", role.label().to_lowercase())))
}

/// `POST /people`: the link to send, shown once.
pub async fn invite(visit: Visit, Form(sent): Form<Invited>) -> Answer {
    let role = role(&sent.role)?;
    may_grant(&visit, role)?;
    let (store, tenant, now) = (&visit.state.store, visit.actor.tenant, (visit.now)());
    let mut tx = visit.begin().await?;
    let email = setup::address(&sent.email)?;
    if members::list(&mut tx).await?.iter().any(|one| one.email == email) {
        return Err(AppError::Conflict(format!("{email} belongs here already: change the role below")).into());
    }
    drop(tx);
    let secret = setup::personal_link(store, Purpose::Invite, tenant, &sent.email, role, now).await?;
    let mut tx = visit.begin().await?;
    let after = Some(json!({ "role": role.code() }));
    let change = Change { action: "member.invited", subject: email.clone(), after, ..Change::default() };
    visit.record(&mut tx, change).await?;
    tx.commit().await?;
    let link = visit.state.house.link(&format!("/welcome/{}", secret.tell()));
    let (title, lasts) = ("Send this link", "seven days");
    page(&LinkPage { frame: visit.frame("people"), title, email, link, lasts })
}

async fn member(tx: &mut Tx, person: Uuid) -> Result<Member, Fault> {
    let all = members::list(tx).await?;
    Ok(all.into_iter().find(|one| one.person == person).ok_or(AppError::NotFound("this person"))?)
}

/// A tenant without an owner belongs to nobody. Owners whom a provider made do not count: it may take
/// that back, or be away.
async fn leaves_an_owner(tx: &mut Tx, member: &Member, becomes: Option<Role>) -> Result<(), Fault> {
    let by_hand = member.role == Role::Owner && member.granted_by.is_empty();
    if by_hand && becomes != Some(Role::Owner) && members::owners(tx).await? < 2 {
        let problem = "this is the last owner: make somebody else an owner first";
        return Err(AppError::Conflict(problem.into()).into());
    }
    Ok(())
}

/// Somebody and what to do with them.
#[derive(Debug, Deserialize)]
pub struct Changed {
    person: Uuid,
    #[serde(default)]
    role: String,
}

/// `POST /people/role`.
pub async fn change_role(visit: Visit, Form(sent): Form<Changed>) -> Answer {
    let new = role(&sent.role)?;
    let mut tx = visit.begin().await?;
    let member = member(&mut tx, sent.person).await?;
    may_grant(&visit, member.role)?;
    may_grant(&visit, new)?;
    leaves_an_owner(&mut tx, &member, Some(new)).await?;
    members::set(&mut tx, member.person, new, "", (visit.now)()).await?;
    if new < member.role {
        // More than a provider let them in for: whether it may, their next log-in there decides.
        sessions::end_at_providers(&mut tx, member.person).await?;
    }
    let change = Change {
        action: "member.role_changed",
        subject: member.email,
        before: Some(json!({ "role": member.role.code() })),
        after: Some(json!({ "role": new.code() })),
    };
    visit.record(&mut tx, change).await?;
    tx.commit().await?;
    Ok(Redirect::to("/people").into_response())
}

/// `POST /people/remove`: the membership and their sessions here end at once.
pub async fn remove(visit: Visit, Form(sent): Form<Changed>) -> Answer {
    let mut tx = visit.begin().await?;
    let member = member(&mut tx, sent.person).await?;
    may_grant(&visit, member.role)?;
    leaves_an_owner(&mut tx, &member, None).await?;
    members::remove(&mut tx, member.person).await?;
    let before = Some(json!({ "role": member.role.code() }));
    let change = Change { action: "member.removed", subject: member.email, before, after: None };
    visit.record(&mut tx, change).await?;
    tx.commit().await?;
    Ok(Redirect::to("/people").into_response())
}

/// `POST /people/sessions`: ends a member's sessions here.
pub async fn end_sessions(visit: Visit, Form(sent): Form<Changed>) -> Answer {
    let mut tx = visit.begin().await?;
    let member = member(&mut tx, sent.person).await?;
    may_grant(&visit, member.role)?;
    sessions::end_here(&mut tx, member.person).await?;
    let change = Change { action: "member.sessions_ended", subject: member.email, ..Change::default() };
    visit.record(&mut tx, change).await?;
    tx.commit().await?;
    Ok(Redirect::to("/people").into_response())
}

/// `POST /people/reset`: a link to choose a new password, shown once. Only for somebody who belongs
/// to this tenant alone: their password opens every tenant they belong to.
pub async fn reset(visit: Visit, Form(sent): Form<Changed>) -> Answer {
    let mut tx = visit.begin().await?;
    let member = member(&mut tx, sent.person).await?;
    may_grant(&visit, member.role)?;
    let mut gate = visit.state.store.gate().await?;
    if members::of_person(&mut gate, member.person).await?.len() > 1 {
        let problem = "this person belongs to another tenant too: only they can change their password";
        return Err(AppError::Conflict(problem.into()).into());
    }
    drop(gate);
    let change =
        Change { action: "member.reset_link_made", subject: member.email.clone(), ..Change::default() };
    visit.record(&mut tx, change).await?;
    tx.commit().await?;
    let (store, tenant, now) = (&visit.state.store, visit.actor.tenant, (visit.now)());
    let secret = setup::personal_link(store, Purpose::Reset, tenant, &member.email, member.role, now).await?;
    let link = visit.state.house.link(&format!("/welcome/{}", secret.tell()));
    let (title, lasts) = ("Send this link", "one hour");
    page(&LinkPage { frame: visit.frame("people"), title, email: member.email, link, lasts })
}
