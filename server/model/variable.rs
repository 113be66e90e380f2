//! Environment variables and tags, as far as we keep them: never a value that could be a secret.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What a variable's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    /// A literal.
    #[default]
    Plain,
    /// Points at a vault, a parameter or a secret by name; holds no secret itself.
    Reference,
    /// Nothing.
    Empty,
}

/// A secret that was recognised, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretHit {
    /// The detector: `aws-access-token`, `password-like-name`.
    pub rule: String,
    /// First characters and length only: `AKIA… (20 characters)`.
    pub masked: String,
}

/// One environment variable or app setting. The value is dropped when the asset is normalised.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What its value is.
    pub kind: VariableKind,
    /// Set where the value is a secret in clear.
    pub secret: Option<SecretHit>,
    /// A keyed, truncated digest of the value: tells that it changed, not what it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
}

/// A tag or label. Kept as a list so that a tag named like one of our own words stays a tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// When a product's publisher stops fixing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndOfLife {
    /// On this day.
    On(NaiveDate),
    /// Already ended; the day is not known.
    Ended,
    /// No end announced.
    Open,
    /// The product or version is not in our table.
    #[default]
    NotListed,
}
