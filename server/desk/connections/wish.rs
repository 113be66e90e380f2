//! A source as somebody wishes it reached, checked against what the operator lets anybody connect to.

use url::Url;

use super::{Refusal, invalid};
use crate::collect::{Password, aws, oci};
use crate::config::Reach;
use crate::model::{
    AwsCredentials, AwsSpec, AzureCredentials, AzureSpec, ConnectionSpec, RegistryCredentials, RegistrySpec,
};
use crate::outgoing::Guard;

/// Regions, subscriptions or repositories named at most.
const MOST: usize = 1_000;
/// Letters of a secret at most.
const MOST_SECRET: usize = 4_000;

/// What the operator lets people connect to.
#[derive(Debug, Clone)]
pub struct Terms {
    /// How near to us an address may lead.
    pub outgoing: Reach,
    /// Another endpoint for a cloud may be named.
    pub endpoints: bool,
    /// Azure may be reached with the identity of this server.
    pub own_identity: bool,
    /// Who this server is on AWS; none is asked of AWS.
    pub principal: Option<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { outgoing: Reach::Internet, endpoints: false, own_identity: false, principal: None }
    }
}

/// An AWS account.
#[derive(Debug, Clone, Default)]
pub struct AwsWish {
    /// The role to assume.
    pub role_arn: String,
    /// The regions to read; none is all.
    pub regions: Vec<String>,
    /// Another endpoint; empty is AWS's own.
    pub endpoint: String,
}

/// Azure subscriptions.
#[derive(Debug, Clone, Default)]
pub struct AzureWish {
    /// With the identity of this server, not with an app registration.
    pub own_identity: bool,
    /// Directory of the app registration.
    pub directory: String,
    /// The app registration.
    pub client: String,
    /// The subscriptions to read.
    pub subscriptions: Vec<String>,
    /// Another endpoint; empty is Azure's own.
    pub endpoint: String,
    /// Another place for tokens; empty is Azure's own.
    pub authority: String,
}

/// A registry.
#[derive(Debug, Clone, Default)]
pub struct RegistryWish {
    /// `host` or `host:port`.
    pub address: String,
    /// Without TLS.
    pub plain_http: bool,
    /// User; empty is nobody.
    pub username: String,
    /// The repositories to read; none is all.
    pub repositories: Vec<String>,
}

/// A source.
#[derive(Debug, Clone)]
pub enum Wish {
    /// An AWS account.
    Aws(AwsWish),
    /// Azure subscriptions.
    Azure(AzureWish),
    /// A registry.
    Registry(RegistryWish),
}

/// A secret as it was typed; nothing where nothing was.
pub fn secret(text: &str) -> Result<Option<Password>, Refusal> {
    if text.len() > MOST_SECRET || text.contains(['\0', '\n', '\r']) {
        return Err(invalid("secret", "it is no secret we could send: it is too long or has line breaks"));
    }
    Ok((!text.is_empty()).then(|| Password::new(text)))
}

/// A list as people write it: with commas, spaces or lines between.
pub fn list(text: &str) -> Vec<String> {
    let mut all: Vec<String> = text
        .split([',', ';', ' ', '\n', '\r', '\t'])
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect();
    let mut seen = std::collections::HashSet::new();
    all.retain(|one| seen.insert(one.clone()));
    all
}

fn bounded(field: &str, all: &[String]) -> Result<(), Refusal> {
    if all.len() > MOST || all.iter().any(|one| one.len() > 300 || one.contains('\0')) {
        return Err(invalid(field, format!("name at most {MOST}")));
    }
    Ok(())
}

impl Wish {
    /// The spec of it. `external_id` is ours, whatever was typed.
    pub fn spec(&self, external_id: &str, terms: &Terms) -> Result<ConnectionSpec, Refusal> {
        match self {
            Self::Aws(wish) => wish.spec(external_id, terms).map(ConnectionSpec::Aws),
            Self::Azure(wish) => wish.spec(terms).map(ConnectionSpec::Azure),
            Self::Registry(wish) => wish.spec(terms).map(ConnectionSpec::Registry),
        }
    }
}

/// Another endpoint than the cloud's own, where the operator lets people name one.
fn endpoint(field: &str, text: &str, terms: &Terms) -> Result<Option<String>, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if !terms.endpoints {
        return Err(invalid(field, "the operator of this server lets nobody name one (PARALLAX_ENDPOINTS)"));
    }
    let url = Url::parse(text).map_err(|_| invalid(field, "write an address that begins with https://"))?;
    Guard::new(terms.outgoing).check(&url).map_err(|no| invalid(field, near(&no.to_string())))?;
    if url.scheme() != "https" && terms.outgoing != Reach::Loopback {
        return Err(invalid(field, "credentials go out only over https"));
    }
    Ok(Some(text.to_owned()))
}

fn near(no: &str) -> String {
    format!("{no} (PARALLAX_OUTGOING)")
}

impl AwsWish {
    fn spec(&self, external_id: &str, terms: &Terms) -> Result<AwsSpec, Refusal> {
        let role_arn = self.role_arn.trim();
        if !aws::is_role(role_arn) {
            let problem = "write the ARN of a role, such as arn:aws:iam::111122223333:role/parallax-reader";
            return Err(invalid("role_arn", problem));
        }
        bounded("regions", &self.regions)?;
        if let Some(strange) = self.regions.iter().find(|one| !aws::is_region(one)) {
            return Err(invalid("regions", format!("{strange:?} is no region, such as eu-west-1")));
        }
        let credentials = AwsCredentials::AssumeRole {
            role_arn: role_arn.to_owned(),
            external_id: Some(external_id.to_owned()),
        };
        let endpoint = endpoint("endpoint", &self.endpoint, terms)?;
        Ok(AwsSpec { regions: self.regions.clone(), credentials, endpoint })
    }
}

impl AzureWish {
    fn spec(&self, terms: &Terms) -> Result<AzureSpec, Refusal> {
        bounded("subscriptions", &self.subscriptions)?;
        let uuid = |text: &str| uuid::Uuid::parse_str(text).map(|id| id.to_string());
        let mut subscriptions = Vec::new();
        for one in &self.subscriptions {
            let problem = || invalid("subscriptions", format!("{one:?} is no subscription id"));
            subscriptions.push(uuid(one).map_err(|_| problem())?);
        }
        let credentials = if self.own_identity {
            if !terms.own_identity {
                let problem =
                    "the operator of this server lends its identity to nobody (PARALLAX_OWN_IDENTITY)";
                return Err(invalid("identity", problem));
            }
            AzureCredentials::Environment
        } else {
            let problem = "it looks like 00000000-0000-0000-0000-000000000000";
            let directory = uuid(self.directory.trim()).map_err(|_| invalid("directory", problem))?;
            let client = uuid(self.client.trim()).map_err(|_| invalid("client", problem))?;
            AzureCredentials::App { directory, client }
        };
        Ok(AzureSpec {
            subscriptions,
            credentials,
            endpoint: endpoint("endpoint", &self.endpoint, terms)?,
            authority: endpoint("authority", &self.authority, terms)?,
            ..AzureSpec::default()
        })
    }
}

impl RegistryWish {
    fn spec(&self, terms: &Terms) -> Result<RegistrySpec, Refusal> {
        bounded("repositories", &self.repositories)?;
        let username = self.username.trim();
        if username.len() > 300 || username.chars().any(char::is_control) || username.contains(':') {
            return Err(invalid("username", "it is no user name"));
        }
        if self.plain_http && terms.outgoing == Reach::Internet {
            let problem = "only registries on networks of your own are read without TLS, where the operator allows it (PARALLAX_OUTGOING)";
            return Err(invalid("plain_http", problem));
        }
        let credentials = if username.is_empty() {
            RegistryCredentials::Anonymous
        } else {
            RegistryCredentials::Sealed { username: username.to_owned() }
        };
        let spec = RegistrySpec {
            address: self.address.trim().to_owned(),
            plain_http: self.plain_http,
            credentials,
            repositories: self.repositories.clone(),
        };
        oci::check(&spec, &Guard::new(terms.outgoing)).map_err(|fault| {
            let (field, problem) = match fault {
                crate::collect::CollectError::Invalid { what, problem } if what.starts_with("repository") => {
                    ("repositories", format!("{what}: {problem}"))
                }
                crate::collect::CollectError::Invalid { problem, .. } => ("address", problem),
                other => ("address", other.to_string()),
            };
            invalid(field, problem)
        })?;
        Ok(spec)
    }
}
