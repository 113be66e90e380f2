//! What a test of a connection said: call by call, what works and which permission is missing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::kinds::closed_list;

closed_list! {
    /// How one call of a test went.
    pub enum Went {
        /// It works.
        Works = "works", "Works";
        /// We may not make it.
        Denied = "denied", "Not allowed";
        /// It broke, or was answered with an error.
        Failed = "failed", "Failed";
        /// There was nothing to try it on.
        Untried = "untried", "Not tried";
    }
}

/// One call of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// The call, as the source names it: `lambda:ListFunctions`.
    pub call: String,
    /// What it was tried on: `eu-west-1`; empty for the source itself.
    pub on: String,
    /// How it went.
    pub went: Went,
    /// What came of it, or the source's own code.
    pub said: String,
    /// The permission that would help.
    pub permission: Option<String>,
}

impl Try {
    /// A call that works.
    pub fn works(call: &str, on: &str, said: impl Into<String>) -> Self {
        Self::of(call, on, Went::Works, said, None)
    }

    /// A call that broke.
    pub fn failed(call: &str, on: &str, said: impl Into<String>) -> Self {
        Self::of(call, on, Went::Failed, said, None)
    }

    /// A call that there was nothing to try on.
    pub fn untried(call: &str, said: impl Into<String>) -> Self {
        Self::of(call, "", Went::Untried, said, None)
    }

    /// A call that is refused; `permission` would help.
    pub fn denied(call: &str, on: &str, said: impl Into<String>, permission: &str) -> Self {
        Self::of(call, on, Went::Denied, said, Some(permission.to_owned()))
    }

    fn of(call: &str, on: &str, went: Went, said: impl Into<String>, permission: Option<String>) -> Self {
        Self { call: call.to_owned(), on: on.to_owned(), went, said: said.into(), permission }
    }
}

/// A whole test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// When.
    pub at: DateTime<Utc>,
    /// Whose account it is, as far as the source says.
    pub account: String,
    /// Why nothing could be tried at all: wrong credentials, no answer.
    pub fault: Option<String>,
    /// Call by call.
    pub tries: Vec<Try>,
}

impl Tested {
    /// How many went so.
    pub fn count(&self, went: Went) -> usize {
        self.tries.iter().filter(|one| one.went == went).count()
    }

    /// Whether everything that was tried works.
    pub fn is_whole(&self) -> bool {
        self.fault.is_none() && self.tries.iter().all(|one| matches!(one.went, Went::Works | Went::Untried))
    }

    /// The permissions that are missing, each once, in order.
    pub fn missing(&self) -> Vec<&str> {
        let mut all: Vec<_> = self.tries.iter().filter_map(|one| one.permission.as_deref()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_once() {
        let tries = vec![
            Try::works("sts:GetCallerIdentity", "", "123456789012"),
            Try::denied("ecr:DescribeRepositories", "eu-west-1", "AccessDenied", "ecr:DescribeRepositories"),
            Try::denied("ecr:DescribeRepositories", "us-east-1", "AccessDenied", "ecr:DescribeRepositories"),
        ];
        let told = Tested { at: DateTime::UNIX_EPOCH, account: String::new(), fault: None, tries };
        assert_eq!(told.missing(), ["ecr:DescribeRepositories"]);
        assert!(!told.is_whole() && told.count(Went::Denied) == 2);
        let text = serde_json::to_string(&told).expect("json");
        assert_eq!(serde_json::from_str::<Tested>(&text).expect("itself"), told);
    }
}
