//! What the forms of every source share: where they are sent, what was typed wrong, what is asked for.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::super::connection_settings::Every;
use super::super::fault::Fault;
use super::super::{Answer, Visit, page};
use super::report::Report;
use crate::desk::Refusal;
use crate::desk::connections::{Draft, Named};
use crate::error::AppError;
use crate::model::Tested;

/// How often a new connection is read, in seconds, unless somebody says otherwise.
pub const USUAL: i64 = 21_600;

/// Whose form it is: of a connection that is being made, or of one there is.
pub enum Place {
    /// Being made.
    New {
        /// What we chose for it.
        draft: Draft,
        /// The same, as the form carries it.
        sealed: String,
    },
    /// There already.
    Kept {
        /// Its id.
        id: Uuid,
        /// Its name.
        name: String,
        /// Since when its secret is kept, for people.
        since: Option<String>,
    },
}

impl Place {
    /// Of a connection that is being made.
    pub fn new(visit: &Visit, draft: Draft) -> Result<Self, Refusal> {
        let sealed = draft.seal(&visit.state.house.vault, visit.actor.tenant)?;
        Ok(Self::New { draft, sealed })
    }

    /// The draft a form carried.
    pub fn opened(visit: &Visit, sealed: &str) -> Result<Draft, Refusal> {
        Draft::open(sealed, &visit.state.house.vault, visit.actor.tenant, (visit.now)())
    }

    /// What the form carries.
    pub fn sealed(&self) -> &str {
        match self {
            Self::New { sealed, .. } => sealed,
            Self::Kept { .. } => "",
        }
    }

    /// The connection there is.
    pub fn kept(&self) -> Option<(Uuid, &str)> {
        match self {
            Self::New { .. } => None,
            Self::Kept { id, name, .. } => Some((*id, name)),
        }
    }

    /// What is said beside an empty field for a secret.
    pub fn secret_words(&self) -> String {
        match self {
            Self::New { draft, .. } if draft.secret().is_some() => {
                "kept from the step before; type to replace it".into()
            }
            Self::Kept { since: Some(since), .. } => format!("kept since {since}; type to replace it"),
            Self::New { .. } | Self::Kept { .. } => String::new(),
        }
    }

    /// Where the form of this source is sent.
    pub fn action(&self, kind: &str) -> String {
        match self {
            Self::New { .. } => format!("/connections/new/{kind}"),
            Self::Kept { id, .. } => format!("/connections/{id}/source/{kind}"),
        }
    }
}

/// What a form shows beside its fields.
#[derive(Default)]
pub struct Shown {
    /// What is wrong with what was typed: the field, and the problem.
    pub problem: Option<(String, String)>,
    /// What a test said.
    pub report: Option<Report>,
}

impl Shown {
    /// With what a test said.
    pub fn tested(tested: &Tested, visit: &Visit) -> Self {
        Self { report: Some(Report::of(tested, (visit.now)())), problem: None }
    }

    /// With what is wrong; what is no fault of the one who typed goes its own way.
    pub fn wrong(refusal: Refusal) -> Result<Self, Fault> {
        match refusal {
            Refusal::App(AppError::Invalid { field, problem }) => {
                Ok(Self { problem: Some((field, problem)), report: None })
            }
            Refusal::App(AppError::Conflict(problem)) => {
                Ok(Self { problem: Some(("name".into(), problem)), report: None })
            }
            other => Err(other.into()),
        }
    }

    /// The page, with the status that fits.
    pub fn page(&self, template: &impl askama::Template) -> Answer {
        let shown: Response = page(template)?;
        let status = if self.problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        Ok((status, shown).into_response())
    }

    /// What is wrong with this field, if it is this one.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.problem.as_ref().filter(|(named, _)| named == field).map(|(_, problem)| problem.as_str())
    }
}

/// Name and interval as a form sends them.
pub fn named<'a>(name: &'a str, every: &str, unit: &str) -> Result<Named<'a>, Refusal> {
    Ok(Named { name, interval_seconds: Every::read(every, unit)?, paused: false })
}

/// The interval a form shows again.
pub fn every(number: &str, unit: &str) -> Every {
    Every::of(Every::read(number, unit).unwrap_or(USUAL))
}
