//! What surrounds a page: the way around, and who is looking.

use crate::auth::Actor;
use crate::model::Permission;

/// Around one page.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Where in the navigation the page stands; empty for none.
    pub here: &'static str,
    /// Who is looking; none outside.
    pub who: Option<Who>,
    /// What forms carry.
    pub csrf: String,
}

/// Who is looking.
#[derive(Debug, Clone)]
pub struct Who {
    /// What they are called.
    pub name: String,
    /// The tenant they look at.
    pub tenant: String,
    /// What they are in it.
    pub role: &'static str,
    /// They logged in, and can log out.
    pub logged_in: bool,
    may: Vec<Permission>,
}

impl Frame {
    /// Around a page that somebody looks at.
    pub fn of(here: &'static str, actor: &Actor) -> Self {
        let who = Who {
            name: actor.name.clone(),
            tenant: actor.tenant_name.clone(),
            role: actor.role.map_or("token", crate::model::Role::label),
            logged_in: actor.person.is_some(),
            may: actor.may.clone(),
        };
        Self { here, who: Some(who), csrf: actor.csrf.clone() }
    }

    /// Around a page that nobody known looks at.
    pub fn outside() -> Self {
        Self { here: "", who: None, csrf: String::new() }
    }

    /// Whether the one who looks may do this: pages leave out what would be refused.
    pub fn may(&self, code: &str) -> bool {
        self.who.as_ref().is_some_and(|who| who.may.iter().any(|one| one.code() == code))
    }
}
