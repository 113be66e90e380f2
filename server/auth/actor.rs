//! Who does something: a person in a session, a token, or the one user of a house without log-in.

use uuid::Uuid;

use crate::model::{Permission, Role, TenantId};

/// How somebody comes to be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// Logged in.
    Session {
        /// The session's public id.
        id: Uuid,
        /// How they logged in: `password`, or a provider's name.
        method: String,
        /// At which provider, where it was one.
        provider: Option<Uuid>,
    },
    /// A token of the API.
    Token {
        /// The token's id.
        id: Uuid,
    },
    /// Nobody logs in to this house: it answers on loopback alone.
    House,
}

/// Somebody, in one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Whose estate.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// The person; none for a token or a house without log-in.
    pub person: Option<Uuid>,
    /// Their address; empty where there is no person.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// What they are here; none for a token.
    pub role: Option<Role>,
    /// What they may do.
    pub may: Vec<Permission>,
    /// How they came.
    pub means: Means,
    /// What their forms carry; empty for a token, which sends none.
    pub csrf: String,
    /// They belong to more than one tenant.
    pub may_switch: bool,
    /// From where.
    pub address: String,
}

impl Actor {
    /// Whether they may do this.
    pub fn may(&self, what: Permission) -> bool {
        self.may.contains(&what)
    }

    /// How the record names them.
    pub fn reference(&self) -> String {
        match (&self.means, self.person) {
            (Means::Token { id }, _) => format!("token:{id}"),
            (_, Some(person)) => format!("person:{person}"),
            _ => "house".to_owned(),
        }
    }

    /// The one user of a house without log-in.
    pub fn of_the_house(tenant: TenantId, csrf: &str) -> Self {
        Self {
            tenant,
            tenant_name: "default".into(),
            person: None,
            email: String::new(),
            name: "local".into(),
            role: Some(Role::Owner),
            may: Role::Owner.permissions().to_vec(),
            means: Means::House,
            csrf: csrf.to_owned(),
            may_switch: false,
            address: "127.0.0.1".into(),
        }
    }
}
