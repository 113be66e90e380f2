//! The words of the product as types: assets, facts, verdicts, gaps, connections.
//!
//! Layer 0: plain data, no I/O, no clock, no knowledge of any source, of SQL or of HTML.
//! Everything here can be made by hand in a test.

mod asset;
mod connection;
mod exception;
mod exposure;
mod fact;
mod function;
mod gap;
mod grants;
mod identity;
mod image;
mod kinds;
mod mark;
mod people;
mod repository;
mod root;
mod settings;
mod tested;
mod ticket;
mod tracker;
mod variable;
mod verdict;
mod webhook;

pub use asset::{Asset, AssetId, AssetKey, FindingId, TenantId};
pub use connection::{
    AwsCredentials, AwsSpec, AzureCredentials, AzureSpec, ConnectionSpec, RegistryCredentials, RegistrySpec,
};
pub use exception::{
    EXPIRING_DAYS, ExceptionKind, ExceptionScope, ExceptionState, Exceptions, NamePattern, Place, Scoped,
};
pub use exposure::{Cors, Endpoint, EndpointAuth, Grant, PublicNetwork, ResourcePolicy};
pub use fact::{Fact, Unknown};
pub use function::{
    Activity, AsyncFailure, CodeSigning, CodeVersion, FunctionFacts, Layer, Logging, Package, PackageKind,
    Plan, Runtime, Scale, Trigger, Vpc,
};
pub use gap::Gap;
pub use grants::Grants;
pub use identity::{Identity, SharedIdentity};
pub use image::{BaseImage, ImageFacts, ScanSummary};
pub use kinds::{Area, Family, Kind, Platform, Provider, Severity};
pub use mark::Mark;
pub use people::{Permission, Role, TICKETING};
pub use repository::{
    Encryption, ImageTag, RegistryAccess, RepositoryFacts, Scanning, TagMove, TagMutability,
};
pub use root::is_root;
pub use settings::{Freshness, Settings};
pub use tested::{Tested, Try, Went};
pub use ticket::{DaysToFix, TicketPolicy, TicketRule, TicketState};
pub use tracker::{StateNames, TrackerKind, TrackerRule, TrackerSpec};
pub use variable::{EndOfLife, SecretHit, Tag, Variable, VariableKind};
pub use verdict::{Evidence, Outcome, Verdict};
pub use webhook::{
    AssetTold, FindingTold, Message, RunTold, TicketTold, Told, WebhookEvent, WebhookFilter, WebhookForm,
};

pub use asset::Facts;
