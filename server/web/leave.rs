//! Leaving a digest's list by the link in each mail, without logging in: a page that asks, and the
//! one click of mail programs (RFC 8058).

use askama::Template;
use axum::extract::{Path, State};
use uuid::Uuid;

use super::{Answer, Frame, WebState, page};
use crate::auth::token;
use crate::error::AppError;
use crate::model::TenantId;
use crate::store::{digests, tenants};

#[derive(Template)]
#[template(path = "pages/leave.html")]
struct LeavePage {
    frame: Frame,
    name: String,
    tenant: String,
    done: bool,
}

/// Does it where `leaves`; tells the same of a wrong link as of one of another house.
async fn answer(state: &WebState, link: &str, leaves: bool) -> Answer {
    let parts: Vec<&str> = link.splitn(3, '.').collect();
    let [tenant, recipient, word] = parts.as_slice() else {
        return Err(AppError::NotFound("this link").into());
    };
    let (Ok(tenant), Ok(recipient)) = (tenant.parse::<Uuid>(), recipient.parse::<Uuid>()) else {
        return Err(AppError::NotFound("this link").into());
    };
    let mut tx = state.store.begin(TenantId(tenant)).await?;
    let found =
        digests::leaving_word(&mut tx, recipient).await?.filter(|(known, _)| token::same(known, word));
    let Some((_, name)) = found else { return Err(AppError::NotFound("this link").into()) };
    if leaves {
        digests::leave(&mut tx, recipient, (state.now)()).await?;
    }
    let tenant = tenants::name(&mut tx).await?;
    tx.commit().await?;
    page(&LeavePage { frame: Frame::outside(), name, tenant, done: leaves })
}

/// `GET /leave/{link}`: changes nothing, for mail programs look at links.
pub async fn ask(State(state): State<WebState>, Path(link): Path<String>) -> Answer {
    answer(&state, &link, false).await
}

/// `POST /leave/{link}`.
pub async fn leave(State(state): State<WebState>, Path(link): Path<String>) -> Answer {
    answer(&state, &link, true).await
}
