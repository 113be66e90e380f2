//! Who may do what: roles, and the permissions they stand for.
//!
//! The one table of it. Routes name a permission; a person's role or a token's scopes grant it.

use super::kinds::closed_list;

closed_list! {
    /// What somebody may do within a tenant. Tokens carry these as scopes.
    pub enum Permission {
        /// Look at the estate: pages, assets, findings, scores, exports.
        Read = "read", "Read the estate";
        /// Start runs.
        Run = "run", "Start runs";
        /// Accept findings and controls for a time.
        Accept = "accept", "Accept findings";
        /// Open, change and close tickets.
        Ticket = "ticket", "Work on tickets";
        /// Add, change, test and remove connections.
        Connect = "connect", "Manage connections";
        /// Change the tenant's settings, webhooks, trackers, digests and rules.
        Configure = "configure", "Change settings";
        /// Invite and remove people, change roles and providers, see and revoke tokens.
        People = "people", "Manage people";
        /// Read the record of changes.
        Audit = "audit", "Read the audit log";
        /// Export and delete the whole tenant, make owners.
        Own = "own", "Own the tenant";
    }
}

closed_list! {
    /// What a member of a tenant is.
    pub enum Role {
        /// Everything.
        Owner = "owner", "Owner";
        /// Everything but the tenant itself.
        Admin = "admin", "Admin";
        /// Works with what is found.
        Analyst = "analyst", "Analyst";
        /// Looks.
        Viewer = "viewer", "Viewer";
    }
}

impl Role {
    /// What this role may do.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{Accept, Audit, Configure, Connect, Own, People, Read, Run, Ticket};
        match self {
            Self::Owner => &[Read, Run, Accept, Ticket, Connect, Configure, People, Audit, Own],
            Self::Admin => &[Read, Run, Accept, Ticket, Connect, Configure, People, Audit],
            Self::Analyst => &[Read, Run, Accept, Ticket],
            Self::Viewer => &[Read],
        }
    }

    /// Whether somebody of this role may make or unmake somebody of `other`: nobody above themselves.
    pub fn may_grant(self, other: Self) -> bool {
        self.permissions().contains(&Permission::People) && self <= other
    }
}

/// What a token for a ticket system may do.
pub const TICKETING: &[Permission] = &[Permission::Read, Permission::Ticket];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_all_that_the_next_one_may() {
        for pair in Role::ALL.windows(2) {
            let (more, less) = (pair[0].permissions(), pair[1].permissions());
            assert!(less.iter().all(|one| more.contains(one)) && more.len() > less.len(), "{pair:?}");
        }
        assert_eq!(Role::Owner.permissions(), Permission::ALL);
    }

    #[test]
    fn nobody_lifts_anybody_above_themselves() {
        assert!(Role::Owner.may_grant(Role::Owner) && Role::Admin.may_grant(Role::Admin));
        assert!(!Role::Admin.may_grant(Role::Owner) && !Role::Analyst.may_grant(Role::Viewer));
    }
}
