//! Who can reach an asset: resource policies, endpoints, network, cross-origin rules.

use serde::{Deserialize, Serialize};

/// One statement of a resource policy that lets somebody in, after its conditions are weighed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grant {
    /// Statement id, or its position.
    pub statement: String,
    /// Who: `*`, an account id, a service.
    pub principal: String,
    /// What: `lambda:InvokeFunction`.
    pub actions: Vec<String>,
}

/// A resource policy, boiled down to whom it lets in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourcePolicy {
    /// Grants to everyone that no condition narrows to known callers.
    pub public: Vec<Grant>,
    /// Grants to other accounts.
    pub accounts: Vec<Grant>,
    /// Grants to a service without a source account or ARN: the confused deputy.
    pub open_services: Vec<Grant>,
}

/// How callers of an endpoint prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointAuth {
    /// They do not.
    #[default]
    None,
    /// A shared key in the request (Azure `function` or `admin` level).
    Key,
    /// The cloud's own signed requests.
    Iam,
}

/// One way in over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoint {
    /// Function URL qualifier or trigger name.
    pub name: String,
    /// How callers prove who they are.
    pub auth: EndpointAuth,
}

/// Cross-origin rules in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Allowed origins; `*` is any.
    pub origins: Vec<String>,
    /// Whether browsers may send credentials.
    pub credentials: bool,
}

/// Network access from the internet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PublicNetwork {
    /// The public address answers at all.
    pub enabled: bool,
    /// Address rules deny by default or list who may come.
    pub restricted: bool,
}
