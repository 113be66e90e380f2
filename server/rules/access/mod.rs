//! Access control and blast radius: what each side may reach, and who may reach it.

use super::{Context, control, known, listed};
use crate::model::{Grant, Outcome};

mod admin_identity;
mod broad_rights;
mod confused_deputy;
mod dormant;
mod escalation;
mod no_customer_key;
mod no_identity;
mod no_private_network;
mod open_deployment_site;
mod public_access;
mod publishing_password;
mod secret_in_environment;
mod shared_identity;
mod shared_login;
mod unknown_account;

pub use admin_identity::ADMIN_IDENTITY;
pub use broad_rights::BROAD_RIGHTS;
pub use confused_deputy::CONFUSED_DEPUTY;
pub use dormant::DORMANT;
pub use escalation::ESCALATION;
pub use no_customer_key::NO_CUSTOMER_KEY;
pub use no_identity::NO_IDENTITY;
pub use no_private_network::NO_PRIVATE_NETWORK;
pub use open_deployment_site::OPEN_DEPLOYMENT_SITE;
pub use public_access::PUBLIC_ACCESS;
pub use publishing_password::PUBLISHING_PASSWORD;
pub use secret_in_environment::SECRET_IN_ENVIRONMENT;
pub use shared_identity::SHARED_IDENTITY;
pub use shared_login::SHARED_LOGIN;
pub use unknown_account::UNKNOWN_ACCOUNT;

/// The account a policy's principal belongs to: the id itself, or the one in its ARN.
fn account_of(principal: &str) -> &str {
    if principal.starts_with("arn:") { principal.split(':').nth(4).unwrap_or(principal) } else { principal }
}

/// A failure for what `grants` let in, with at most a few of them as evidence.
fn let_in(reason: &'static str, fact: &'static str, grants: &[&Grant]) -> Outcome {
    let told = grants
        .iter()
        .map(|grant| format!("{}: {} may {}", grant.statement, grant.principal, listed(&grant.actions, 4)));
    let told: Vec<_> = told.collect();
    Outcome::fail(reason).because(fact, listed(&told, 4))
}
