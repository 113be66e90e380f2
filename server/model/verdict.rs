//! What a control says of an asset.

use std::borrow::Cow;

use super::{Severity, Unknown, kinds::closed_list};

closed_list! {
    /// What is said of an asset. Only pass and fail count in a score; unknown and accepted lower coverage.
    pub enum Verdict {
        /// The defect is there.
        Fail = "fail", "Fails";
        /// The defect is there, and accepted for a time. No control says this: an exception does.
        Accepted = "accepted", "Accepted";
        /// A fact was not read, so nothing can be said.
        Unknown = "unknown", "Unknown";
        /// The defect is not there.
        Pass = "pass", "Passes";
        /// The provider carries it.
        Provider = "provider", "Provider carries it";
        /// There is no such thing on this kind of asset.
        Absent = "absent", "Does not exist here";
        /// No collector reads the fact yet.
        NotYet = "not_yet", "Not yet read";
    }
}

/// A fact that decided, and its value as shown to people. Secrets are masked before they get here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Evidence {
    /// The fact's name, as on the asset page.
    pub fact: Cow<'static, str>,
    /// Its value, short.
    pub value: String,
}

/// A verdict with what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence: what was found, or why nothing can be said.
    pub reason: Cow<'static, str>,
    /// The facts that decided.
    pub evidence: Vec<Evidence>,
    /// Set where this reading weighs differently from its control.
    pub severity: Option<Severity>,
    /// For unknown: the permission that would help.
    pub permission: Option<String>,
}

impl Outcome {
    fn new(verdict: Verdict, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { verdict, reason: reason.into(), evidence: Vec::new(), severity: None, permission: None }
    }

    /// The defect is there.
    pub fn fail(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Verdict::Fail, reason)
    }

    /// The defect is not there.
    pub fn pass(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Verdict::Pass, reason)
    }

    /// The provider carries it on this platform.
    pub fn provider(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Verdict::Provider, reason)
    }

    /// No such thing on this platform.
    pub fn absent(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Verdict::Absent, reason)
    }

    /// No collector reads the fact on this platform yet.
    pub fn not_yet(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Verdict::NotYet, reason)
    }

    /// Nothing can be said, for a reason that is not a single fact's.
    pub fn unknown(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Verdict::Unknown, reason)
    }

    /// A fact this reading needs was not read.
    pub fn not_known(fact: &'static str, why: &Unknown) -> Self {
        let mut outcome = Self::new(Verdict::Unknown, format!("{fact}: {}", why.reason));
        outcome.permission.clone_from(&why.permission);
        outcome
    }

    /// Adds a fact that decided.
    pub fn because(mut self, fact: &'static str, value: impl std::fmt::Display) -> Self {
        self.evidence.push(Evidence { fact: Cow::Borrowed(fact), value: value.to_string() });
        self
    }

    /// Weighs this outcome differently from its control.
    pub fn at(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}
