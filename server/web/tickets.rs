//! The tickets: as a list, and as a board with a column for each state.

use askama::Template;
use axum::extract::Query;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::fault::Fault;
use super::findings::{Choice, choices, one_of};
use super::{Answer, Frame, Visit, page, show};
use crate::error::AppError;
use crate::model::{Severity, TicketState};
use crate::rules;
use crate::store::StoreError;
use crate::store::pages::tickets::{self, Filter, Key, Ticket};

const SIZE: i64 = 50;
/// Tickets of a board's column.
const COLUMN: i64 = 25;
const STATES: &[(&str, &str)] =
    &[("overdue", "Overdue"), ("done", "Done"), ("wont_fix", "Won't fix"), ("all", "All")];

/// A ticket in a list.
pub struct Line {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    pub number: i64,
    /// Code of its control.
    pub control: String,
    /// The defect.
    pub title: String,
    /// Owner of its assets.
    pub owner: String,
    /// Code of the severity.
    pub severity: &'static str,
    /// The severity as a word.
    pub severity_label: &'static str,
    /// Where it stands.
    pub state: TicketState,
    /// `3 of 5 still fail`.
    pub progress: String,
    /// Who works on it.
    pub assignee: String,
    /// When it is due, for people; empty for never or when it is over.
    pub due: String,
    /// It should be over by now.
    pub overdue: bool,
}

impl Line {
    /// From a row of the store.
    pub fn of(row: Ticket, now: DateTime<Utc>) -> Self {
        let title =
            rules::find(&row.control).map_or_else(|| row.control.clone(), |one| one.title().to_owned());
        let overdue = row.overdue(now);
        let due = match row.due_at.filter(|_| !row.state.closed()) {
            Some(at) if overdue => format!("{} overdue", show::span(now - at)),
            Some(at) => format!("in {}", show::span(at - now)),
            None => String::new(),
        };
        Self {
            id: row.id,
            number: row.number,
            title,
            severity: row.severity.code(),
            severity_label: row.severity.label(),
            state: row.state,
            progress: progress(row.open_findings, row.findings),
            assignee: match (row.assignee, row.assignee_name) {
                (None, _) => "nobody yet".into(),
                (_, Some(name)) => name,
                (_, None) => "somebody who left".into(),
            },
            due,
            overdue,
            owner: row.owner,
            control: row.control,
        }
    }
}

fn progress(open: i64, all: i64) -> String {
    match open {
        0 => "none fails any more".to_owned(),
        _ if open == all => show::many(all, "finding", "findings"),
        _ => format!("{} of {} still fail", show::number(open), show::number(all)),
    }
}

struct Column {
    state: TicketState,
    lines: Vec<Line>,
    more: bool,
}

#[derive(Template)]
#[template(path = "pages/tickets.html")]
struct TicketsPage {
    frame: Frame,
    lines: Vec<Line>,
    board: Option<Vec<Column>>,
    states: Vec<Choice>,
    severities: Vec<Choice>,
    mine: bool,
    has_person: bool,
    narrowed: bool,
    other_view: String,
    next: Option<String>,
}

/// What the address may ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    view: String,
    state: String,
    severity: String,
    control: String,
    mine: String,
    after: String,
}

impl Asked {
    fn filter(&self, visit: &Visit) -> Result<Filter, Fault> {
        let (mut under_way, mut state, mut due_before) = (false, None, None);
        match self.state.as_str() {
            "" => under_way = true,
            "all" => {}
            "overdue" => due_before = Some((visit.now)()),
            other => state = one_of("state", other)?,
        }
        Ok(Filter {
            under_way,
            state,
            due_before,
            severity: one_of("severity", &self.severity)?,
            control: (!self.control.is_empty()).then(|| self.control.clone()),
            assignee: visit.actor.person.filter(|_| !self.mine.is_empty()),
            ..Filter::default()
        })
    }

    fn address(&self, view: &str, after: &str) -> String {
        let pairs = [
            ("view", view),
            ("state", self.state.as_str()),
            ("severity", &self.severity),
            ("control", &self.control),
            ("mine", &self.mine),
            ("after", after),
        ];
        show::link("/tickets", &pairs)
    }
}

/// `GET /tickets`.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let filter = asked.filter(&visit)?;
    let key = match asked.after.as_str() {
        "" => None,
        text => {
            let wrong = |_| AppError::Invalid {
                field: "after".into(),
                problem: "it is no place in this list".into(),
            };
            Some(Key { number: text.parse().map_err(wrong)? })
        }
    };
    let on_board = asked.view == "board";
    let (board, lines, next) = if on_board {
        (Some(columns(&visit, &filter).await?), Vec::new(), None)
    } else {
        let mut tx = visit.begin().await?;
        let found = tickets::list(&mut tx, &filter, key, SIZE).await?;
        let next =
            found.rows.last().filter(|_| found.more).map(|row| asked.address("", &row.number.to_string()));
        let now = (visit.now)();
        (None, found.rows.into_iter().map(|row| Line::of(row, now)).collect(), next)
    };
    page(&TicketsPage {
        frame: visit.frame("tickets"),
        lines,
        board,
        states: choices("Under way", STATES.iter().copied(), &asked.state),
        severities: choices(
            "Any severity",
            Severity::ALL.iter().map(|one| (one.code(), one.label())),
            &asked.severity,
        ),
        mine: !asked.mine.is_empty(),
        has_person: visit.actor.person.is_some(),
        narrowed: asked.address("", "") != "/tickets",
        other_view: asked.address(if on_board { "" } else { "board" }, ""),
        next,
    })
}

async fn columns(visit: &Visit, filter: &Filter) -> Result<Vec<Column>, StoreError> {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let mut columns = Vec::new();
    for state in TicketState::ALL {
        let one = Filter { under_way: false, state: Some(*state), due_before: None, ..filter.clone() };
        let found = tickets::list(&mut tx, &one, None, COLUMN).await?;
        let lines = found.rows.into_iter().map(|row| Line::of(row, now)).collect();
        columns.push(Column { state: *state, lines, more: found.more });
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_words() {
        assert_eq!(progress(0, 4), "none fails any more");
        assert_eq!(progress(4, 4), "4 findings");
        assert_eq!(progress(1, 4), "1 of 4 still fail");
    }
}
