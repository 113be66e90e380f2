//! What Resource Manager sends, as leniently as it sends it: every field may be missing, null or of
//! another type than the swagger says, and then it is simply not there.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A field that is there and makes sense, or nothing.
fn lenient<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = Box::<RawValue>::deserialize(deserializer)?;
    Ok(read(&text))
}

/// A row of a list, or the rest of a resource, if it makes sense.
pub fn read<T: DeserializeOwned>(text: &RawValue) -> Option<T> {
    serde_json::from_str(text.get()).ok()
}

macro_rules! wire {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $kind:ty,)* })*) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$field_meta])* #[serde(deserialize_with = "lenient")] pub $field: Option<$kind>,)*
        })*
    };
}

wire! {
    /// One page of a list.
    pub struct Page {
        /// Its rows.
        pub value: Vec<Box<RawValue>>,
        /// Where the next page is.
        pub next_link: String,
    }

    /// One page of a Resource Graph answer.
    pub struct GraphPage {
        /// Its rows.
        pub data: Vec<Box<RawValue>>,
        /// What to ask the next page with.
        #[serde(rename = "$skipToken")]
        pub skip_token: String,
        /// How many rows all pages have.
        pub total_records: i64,
        /// `true` where rows were left out.
        pub result_truncated: String,
    }

    /// What any resource has.
    pub struct Resource {
        /// Resource id.
        pub id: String,
        /// Name.
        pub name: String,
        /// Type: `microsoft.web/sites`.
        pub r#type: String,
        /// Kind: `functionapp,linux`.
        pub kind: String,
        /// Region, in any spelling.
        pub location: String,
        /// Tags.
        pub tags: BTreeMap<String, Value>,
        /// Managed identity.
        pub identity: ManagedIdentity,
        /// SKU.
        pub sku: Sku,
        /// The rest, by type, as it was written.
        pub properties: Box<RawValue>,
    }

    /// A managed identity.
    pub struct ManagedIdentity {
        /// The system-assigned principal.
        pub principal_id: String,
        /// User-assigned ones, by resource id.
        pub user_assigned_identities: BTreeMap<String, Value>,
    }

    /// A SKU.
    pub struct Sku {
        /// `Y1`, `Premium`.
        pub name: String,
        /// `Dynamic`.
        pub tier: String,
    }

    /// Properties of a site.
    pub struct Site {
        /// HTTPS only.
        pub https_only: bool,
        /// `Enabled`, `Disabled`.
        pub public_network_access: String,
        /// Subnet it is integrated with.
        pub virtual_network_subnet_id: String,
        /// Client certificates are asked for.
        pub client_cert_enabled: bool,
        /// `Required`, `Optional`.
        pub client_cert_mode: String,
        /// Paths without them, in one text.
        pub client_cert_exclusion_paths: String,
        /// Hosting plan.
        pub server_farm_id: String,
        /// Tier, in some answers.
        pub sku: String,
        /// Flex Consumption's own settings.
        pub function_app_config: FunctionAppConfig,
        /// Ways in from private networks.
        pub private_endpoint_connections: Vec<Value>,
        /// The App Service Environment it runs in.
        pub hosting_environment_profile: HostingEnvironment,
    }

    /// An App Service Environment.
    pub struct HostingEnvironment {
        /// Its resource id.
        pub id: String,
    }

    /// Settings of a Flex Consumption app.
    pub struct FunctionAppConfig {
        /// Scale and memory.
        pub scale_and_concurrency: ScaleAndConcurrency,
        /// Language.
        pub runtime: FlexRuntime,
    }

    /// Scale and memory of a Flex Consumption app.
    pub struct ScaleAndConcurrency {
        /// Most instances.
        pub maximum_instance_count: i64,
        /// Memory of each.
        #[serde(rename = "instanceMemoryMB")]
        pub instance_memory_mb: i64,
    }

    /// Language of a Flex Consumption app.
    pub struct FlexRuntime {
        /// `python`.
        pub name: String,
        /// `3.11`.
        pub version: String,
    }

    /// `config/web`.
    pub struct SiteConfig {
        /// `PYTHON|3.11`, `DOCKER|registry/image:tag`.
        pub linux_fx_version: String,
        /// `v8.0`.
        pub net_framework_version: String,
        /// `17`.
        pub java_version: String,
        /// `7.4`.
        pub power_shell_version: String,
        /// `1.2`.
        pub min_tls_version: String,
        /// `FtpsOnly`.
        pub ftps_state: String,
        /// A debugger may attach.
        pub remote_debugging_enabled: bool,
        /// Cross-origin rules.
        pub cors: CorsSettings,
        /// Address rules.
        pub ip_security_restrictions: Vec<AddressRule>,
        /// What happens to others.
        pub ip_security_restrictions_default_action: String,
        /// Address rules of the deployment site.
        pub scm_ip_security_restrictions: Vec<AddressRule>,
        /// What happens to others there.
        pub scm_ip_security_restrictions_default_action: String,
        /// The deployment site follows the main site's rules.
        pub scm_ip_security_restrictions_use_main: bool,
        /// `Disabled`.
        pub public_network_access: String,
        /// Most instances.
        pub function_app_scale_limit: i64,
    }

    /// Cross-origin rules.
    pub struct CorsSettings {
        /// Allowed origins.
        pub allowed_origins: Vec<String>,
        /// Credentials are allowed.
        pub support_credentials: bool,
    }

    /// An address rule.
    pub struct AddressRule {
        /// `Allow`, `Deny`.
        pub action: String,
        /// `Any`, `192.0.2.0/24`.
        pub ip_address: String,
        /// The lowest is looked at first.
        pub priority: i64,
        /// A subnet instead of an address.
        pub vnet_subnet_resource_id: String,
        /// A service tag instead of an address.
        pub tag: String,
    }

    /// Anything under `properties` that is a list of texts.
    pub struct Settings {
        /// By name; a value may be null, and hides no other.
        pub properties: BTreeMap<String, Value>,
    }

    /// `config/authsettingsV2`.
    pub struct Authentication {
        /// The settings.
        pub properties: AuthenticationSettings,
    }

    /// What is set of authentication.
    pub struct AuthenticationSettings {
        /// Switched on.
        pub platform: AuthenticationPlatform,
        /// What happens to strangers.
        pub global_validation: GlobalValidation,
    }

    /// Whether the platform authenticates.
    pub struct AuthenticationPlatform {
        /// Switched on.
        pub enabled: bool,
    }

    /// What happens to strangers.
    pub struct GlobalValidation {
        /// They must log in.
        pub require_authentication: bool,
        /// `AllowAnonymous`, `RedirectToLoginPage`.
        pub unauthenticated_client_action: String,
        /// Paths that strangers reach all the same.
        pub excluded_paths: Vec<String>,
    }

    /// `basicPublishingCredentialsPolicies/{ftp,scm}`.
    pub struct PublishingPolicy {
        /// `ftp` or `scm`.
        pub name: String,
        /// The policy.
        pub properties: Allow,
    }

    /// A switch.
    pub struct Allow {
        /// On.
        pub allow: bool,
    }

    /// A function of an app.
    pub struct Function {
        /// Its properties.
        pub properties: FunctionProperties,
    }

    /// Properties of a function.
    pub struct FunctionProperties {
        /// Its name.
        pub name: String,
        /// `function.json`.
        pub config: FunctionConfig,
        /// Switched off.
        pub is_disabled: bool,
    }

    /// `function.json`.
    pub struct FunctionConfig {
        /// What it is bound to.
        pub bindings: Vec<Binding>,
    }

    /// A binding.
    pub struct Binding {
        /// `httpTrigger`, `queueTrigger`.
        pub r#type: String,
        /// Name of the parameter.
        pub name: String,
        /// `anonymous`, `function`, `admin`.
        pub auth_level: String,
    }

    /// Properties of a hosting plan.
    pub struct PlanProperties {
        /// Most workers that Elastic Premium scales out to.
        pub maximum_elastic_worker_count: i64,
        /// Most workers of a plan of fixed size.
        pub maximum_number_of_workers: i64,
    }

    /// A role assignment.
    pub struct RoleAssignment {
        /// Its properties.
        pub properties: RoleAssignmentProperties,
    }

    /// Properties of a role assignment.
    pub struct RoleAssignmentProperties {
        /// To whom.
        pub principal_id: String,
        /// Which role.
        pub role_definition_id: String,
        /// Where.
        pub scope: String,
    }

    /// A role definition.
    pub struct RoleDefinition {
        /// Its id.
        pub id: String,
        /// Its properties.
        pub properties: RoleDefinitionProperties,
    }

    /// Properties of a role definition.
    pub struct RoleDefinitionProperties {
        /// Its name.
        pub role_name: String,
        /// What it allows.
        pub permissions: Vec<Permission>,
    }

    /// What a role allows.
    pub struct Permission {
        /// Actions; `*` stands for any text.
        pub actions: Vec<String>,
        /// Actions taken from those again.
        pub not_actions: Vec<String>,
    }
}

mod registry;

pub use registry::*;

/// A value as text: nothing where it is null.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An error in either of the two envelopes.
pub fn error_code(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let code = value.pointer("/error/code").or_else(|| value.get("Code")).or_else(|| value.get("code"))?;
    Some(text(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nulls_and_strange_types_are_not_there() {
        let site: Site =
            serde_json::from_str(r#"{"httpsOnly":null,"publicNetworkAccess":7,"clientCertEnabled":true}"#)
                .expect("always readable");
        assert_eq!(
            (site.https_only, site.public_network_access, site.client_cert_enabled),
            (None, None, Some(true))
        );
    }

    #[test]
    fn both_envelopes_give_their_code() {
        assert_eq!(
            error_code(br#"{"error":{"code":"AuthorizationFailed"}}"#).as_deref(),
            Some("AuthorizationFailed")
        );
        assert_eq!(error_code(br#"{"Code":"NotFound","Message":"x"}"#).as_deref(), Some("NotFound"));
        assert_eq!(error_code(b"<html>"), None);
    }

    proptest! {
        #[test]
        fn any_object_reads_as_any_type(text in "\\{(\"(id|properties|value|tags|sku|identity|kind)\":(null|1|\"x\"|\\[\\]|\\{\\}|\\[null\\]),?){0,5}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert!(serde_json::from_value::<Resource>(value.clone()).is_ok());
                prop_assert!(serde_json::from_value::<Page>(value).is_ok());
            }
        }
    }
}
