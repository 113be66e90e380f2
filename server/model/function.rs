//! Facts of a function: an AWS Lambda function or an Azure function app.
//!
//! One fact a call where possible, so that a denied call makes exactly its own facts unknown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Cors, EndOfLife, Endpoint, Identity, PublicNetwork, ResourcePolicy, SharedIdentity, Tag, Variable,
    fact::facts,
};

/// A managed language runtime.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// As the source spells it: `python3.9`, `DOTNET-ISOLATED|8.0`.
    pub label: String,
    /// When it stops being fixed: by the provider if it has said so, by the publisher otherwise.
    pub end_of_life: EndOfLife,
}

/// The form in which code is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageKind {
    /// An archive the platform unpacks.
    #[default]
    Zip,
    /// A container image.
    Image,
    /// An archive fetched from an address at start.
    Url,
}

/// Where the code comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Package {
    /// Its form.
    pub kind: PackageKind,
    /// Image reference, or host name of the archive's address (never its query, which may sign it).
    pub reference: Option<String>,
    /// Digest of the image that runs.
    pub digest: Option<String>,
    /// The archive's host belongs to the app's own account.
    pub own_host: bool,
}

/// A published layer or extension the function loads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Layer {
    /// Its full ARN with version.
    pub id: String,
    /// Publishing account.
    pub account: String,
    /// The publisher is the function's own account.
    pub own: bool,
}

/// Something that starts the function.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trigger {
    /// `sqs`, `httpTrigger`, `s3.amazonaws.com`.
    pub kind: String,
    /// Its source: an ARN, a function and binding name.
    pub source: String,
    /// The version or alias it calls; none is the unpublished latest.
    pub qualifier: Option<String>,
    /// When we first saw it; set from our own history.
    pub first_seen: Option<DateTime<Utc>>,
}

/// Parts of kinds of triggers that hand work over without waiting for it.
const ASYNCHRONOUS: &[&str] =
    &["s3", "sns", "events", "eventbridge", "scheduler", "ses", "iot", "logs", "codecommit"];

impl Trigger {
    /// Whether triggers of this kind hand work over without waiting for it: what fails is lost unless it is kept.
    pub fn hands_over(kind: &str) -> bool {
        ASYNCHRONOUS.iter().any(|one| kind.contains(one))
    }
}

/// Ceiling on how far the function may scale out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// Reserved concurrency or instance limit; none is no ceiling of its own.
    pub limit: Option<i64>,
}

/// Where failed asynchronous work goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AsyncFailure {
    /// Dead-letter queue or on-failure destination.
    pub destination: Option<String>,
}

/// Whether code must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeSigning {
    /// No configuration.
    #[default]
    Off,
    /// Unsigned code is let in and logged.
    Warn,
    /// Unsigned code is refused.
    Enforce,
}

/// The deployed code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodeVersion {
    /// The source's own digest of it.
    pub digest: String,
    /// When configuration or code last changed.
    pub changed_at: Option<DateTime<Utc>>,
}

/// Where logs go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// Log group, workspace or Application Insights; none is nowhere.
    pub destination: Option<String>,
}

/// Private network attachment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vpc {
    /// Network id.
    pub id: String,
    /// Subnets it may start in.
    pub subnets: Vec<String>,
}

/// What the function did in the last fourteen days.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Activity {
    /// Invocations.
    pub invocations: Option<f64>,
    /// Longest run, in seconds.
    pub longest_seconds: Option<f64>,
    /// Highest memory use, in MB; only where the platform measures it.
    pub peak_memory_mb: Option<f64>,
}

/// Azure hosting plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// SKU name: `Y1`, `FC1`, `EP1`, `P1v3`.
    pub sku: String,
    /// Tier: `Dynamic`, `FlexConsumption`, `ElasticPremium`.
    pub tier: String,
    /// Most workers the plan may scale to.
    pub max_workers: Option<i64>,
}

facts! {
    /// Everything the controls read of a function.
    pub struct FunctionFacts {
        /// Managed runtime; none where the code is an image.
        pub runtime: Option<Runtime>,
        /// Azure Functions host version as set: `~4`.
        pub host_version: Option<String>,
        /// Where the code comes from.
        pub package: Package,
        /// User of the image it runs, if it runs one; none in the image means root.
        pub image_user: Option<String>,
        /// Processor architectures.
        pub architectures: Vec<String>,
        /// Memory in MB, where the platform lets one choose.
        pub memory_mb: Option<i64>,
        /// Longest allowed run in seconds; none is without end.
        pub timeout_seconds: Option<i64>,
        /// Scratch space in MB.
        pub scratch_mb: i64,
        /// Environment variables or app settings.
        pub environment: Vec<Variable>,
        /// Customer key that encrypts the environment.
        pub environment_key: Option<String>,
        /// The identity it runs as; none where it has none.
        pub identity: Option<Identity>,
        /// How many share that identity.
        pub shared_identity: Option<SharedIdentity>,
        /// Who may invoke it by policy.
        pub invoke_policy: ResourcePolicy,
        /// Network access from the internet.
        pub public_network: PublicNetwork,
        /// Network access to the deployment (SCM) site.
        pub deployment_network: PublicNetwork,
        /// Private network attachment.
        pub vpc: Option<Vpc>,
        /// Ways in over HTTP.
        pub endpoints: Vec<Endpoint>,
        /// The platform authenticates callers before the code sees them (Azure App Service auth).
        pub platform_authentication: bool,
        /// Paths that it leaves out.
        pub open_paths: Vec<String>,
        /// Aliases that name no published version.
        pub latest_aliases: Vec<String>,
        /// Cross-origin rules; none where none are set.
        pub cors: Option<Cors>,
        /// Plain HTTP is redirected or refused.
        pub https_only: bool,
        /// Oldest TLS version spoken: `1.2`.
        pub min_tls: String,
        /// Client certificates are required.
        pub client_certificate: bool,
        /// FTP state: `AllAllowed`, `FtpsOnly`, `Disabled`.
        pub ftp: String,
        /// User name and password work for publishing.
        pub basic_publishing: bool,
        /// A debugger may attach from outside.
        pub remote_debugging: bool,
        /// Ceiling on scale.
        pub scale: Scale,
        /// Where failed asynchronous work goes.
        pub async_failure: AsyncFailure,
        /// What starts it.
        pub triggers: Vec<Trigger>,
        /// What started it when that could last be read; known only while it cannot be read.
        pub last_triggers: Vec<Trigger>,
        /// The deployed code.
        pub code: CodeVersion,
        /// The code when it could last be read; known only while it cannot be read.
        pub last_code: CodeVersion,
        /// Earlier changes of code we saw, oldest first; from our own history.
        pub code_changes: Vec<DateTime<Utc>>,
        /// Whether code must be signed.
        pub code_signing: CodeSigning,
        /// Layers it loads.
        pub layers: Vec<Layer>,
        /// When the platform moves to a newer runtime patch: `Auto`, `FunctionUpdate`, `Manual`.
        pub runtime_updates: String,
        /// The platform stops loops through its own triggers: `Terminate` or `Allow`.
        pub recursion: String,
        /// Where logs go.
        pub logging: Logging,
        /// Requests are traced.
        pub tracing: bool,
        /// Tags.
        pub tags: Vec<Tag>,
        /// Hosting plan (Azure).
        pub plan: Option<Plan>,
        /// What it did lately.
        pub activity: Activity,
    }
}
