//! The control table as a page: every question, who is asked, and how it stands.

use askama::Template;

use super::compare::{Wing, wing};
use super::{Answer, Frame, Visit, page, show};
use crate::rules;
use crate::rules::sides::{Side, groups};
use crate::store::pages::totals;

struct Line {
    code: &'static str,
    title: &'static str,
    severity: &'static str,
    severity_label: &'static str,
    serverless: Wing,
    container: Wing,
}

struct Block {
    code: &'static str,
    title: &'static str,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "pages/controls.html")]
struct ControlsPage {
    frame: Frame,
    count: usize,
    blocks: Vec<Block>,
}

/// `GET /controls`.
pub async fn show(visit: Visit) -> Answer {
    let mut tx = visit.begin().await?;
    let tallies = totals::tallies(&mut tx, None).await?;
    drop(tx);
    let blocks = groups(rules::all(), &tallies).into_iter().map(|group| Block {
        code: group.area.code(),
        title: group.area.label(),
        lines: group
            .rows
            .iter()
            .map(|row| Line {
                code: row.control.code,
                title: row.control.title(),
                severity: row.control.severity.code(),
                severity_label: row.control.severity.label(),
                serverless: said(&row.serverless),
                container: said(&row.container),
            })
            .collect(),
    });
    page(&ControlsPage {
        frame: visit.frame("controls"),
        count: rules::all().len(),
        blocks: blocks.collect(),
    })
}

/// One side as a figure.
pub fn said(side: &Side) -> Wing {
    let counts = side.counts;
    wing(side, format!("{} of {}", show::number(counts.fail), show::number(counts.judged())))
}
