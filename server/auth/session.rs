//! Sessions: begun at log-in with a new cookie, found by its hash, ended by time or by hand.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::token::{self, Secret};
use super::{Actor, AuthError, Means};
use crate::model::{Role, TenantId};
use crate::store::people::{Person, members, sessions};
use crate::store::{Gate, Store, StoreError};

/// A session that is not used so long has ended.
pub const IDLE: TimeDelta = TimeDelta::hours(8);
/// No session lasts longer.
pub const ABSOLUTE: TimeDelta = TimeDelta::days(7);
/// The second factor must come within this.
const HALF_WAY: TimeDelta = TimeDelta::minutes(10);
/// Use is noted at most so often.
const NOTE: TimeDelta = TimeDelta::minutes(1);

/// From where and with what a request came.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// The network address.
    pub address: String,
    /// The program's own name, cut short.
    pub agent: String,
}

/// Somebody with a cookie.
#[derive(Debug, Clone)]
pub enum Standing {
    /// All the way in.
    In(Box<Actor>),
    /// The second factor is still to come.
    HalfWay(Box<sessions::Session>),
    /// In, but belonging nowhere.
    Nowhere(Box<sessions::Session>),
}

/// How a new session begins.
#[derive(Debug, Clone, Default)]
pub struct Beginning {
    /// How they came in: `password`, or a provider's name.
    pub method: String,
    /// The tenant to look at first; none takes the first they belong to.
    pub tenant: Option<TenantId>,
    /// The second factor is still to come.
    pub waits_for_totp: bool,
    /// The provider they came in at: the session sees its tenant and no other.
    pub provider: Option<Uuid>,
    /// The provider's token, sealed.
    pub id_token: Option<Vec<u8>>,
}

/// Begins a session with a new cookie, whatever cookie there was before.
pub async fn begin(
    gate: &mut Gate,
    person: &Person,
    beginning: Beginning,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<Secret, AuthError> {
    let (secret, csrf) = fresh();
    let places = members::of_person(gate, person.id).await?;
    let wished = beginning.tenant.filter(|wish| places.iter().any(|place| place.tenant == *wish));
    let first = places.first().map(|place| place.tenant);
    let new = sessions::NewSession {
        secret_hash: secret.hash(),
        person: person.id,
        tenant: wished.or_else(|| first.filter(|_| beginning.provider.is_none())),
        waits_for_totp: beginning.waits_for_totp,
        csrf,
        expires_at: now + if beginning.waits_for_totp { HALF_WAY } else { ABSOLUTE },
        address: visitor.address.clone(),
        agent: visitor.agent.clone(),
        method: beginning.method,
        provider: beginning.provider,
        id_token: beginning.id_token,
    };
    sessions::begin(gate, &new, now).await?;
    Ok(secret)
}

fn fresh() -> (Secret, String) {
    let mut random = rand::rng();
    (Secret::fresh(&mut random), token::csrf(&mut random))
}

/// Who holds this cookie.
pub async fn of_cookie(
    store: &Store,
    cookie: &str,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<Option<Standing>, StoreError> {
    let mut gate = store.gate().await?;
    let found = sessions::find(&mut gate, &Secret::sent(cookie).hash(), now, now - IDLE).await?;
    let Some(session) = found else { return Ok(None) };
    if now - session.seen_at > NOTE {
        sessions::touch(&mut gate, session.id, now).await?;
        gate.commit().await?;
    }
    if session.waits_for_totp {
        return Ok(Some(Standing::HalfWay(Box::new(session))));
    }
    Ok(Some(match session.place.clone() {
        Some((tenant, name, role)) => Standing::In(Box::new(actor(session, tenant, name, role, visitor))),
        None => Standing::Nowhere(Box::new(session)),
    }))
}

fn actor(
    session: sessions::Session,
    tenant: TenantId,
    tenant_name: String,
    role: Role,
    visitor: &Visitor,
) -> Actor {
    Actor {
        tenant,
        tenant_name,
        person: Some(session.person),
        email: session.email,
        name: session.name,
        role: Some(role),
        may: role.permissions().to_vec(),
        means: Means::Session { id: session.id, method: session.method, provider: session.provider },
        csrf: session.csrf,
        may_switch: session.may_switch,
        address: visitor.address.clone(),
    }
}
