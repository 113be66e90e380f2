//! When tickets are due, and which open by themselves.

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use super::findings::{Choice, choices, one_of};
use super::{Answer, Frame, Visit, page};
use crate::desk::tickets as desk;
use crate::error::AppError;
use crate::model::{Area, DaysToFix, Family, Severity, TicketPolicy, TicketRule};
use crate::store::tickets;

#[derive(Template)]
#[template(path = "pages/ticket_policy.html")]
struct PolicyPage {
    frame: Frame,
    days: DaysToFix,
    rules: Vec<String>,
    severities: Vec<Choice>,
    areas: Vec<Choice>,
    families: Vec<Choice>,
}

/// A rule as people read it.
fn words(rule: &TicketRule) -> String {
    let mut words = vec![match rule.severity {
        Severity::Critical => "Critical findings".to_owned(),
        other => format!("{} findings and worse", other.label()),
    }];
    words.extend(rule.area.map(|area| format!("in {}", area.label().to_lowercase())));
    words.extend(rule.family.map(|family| format!("of {}", family.label().to_lowercase())));
    words.extend(rule.exposed.then(|| "on assets strangers reach".to_owned()));
    words.extend(rule.tag.as_ref().map(|(key, value)| format!("with the tag {key}={value}")));
    words.join(" ")
}

/// `GET /tickets/policy`.
pub async fn show(visit: Visit) -> Answer {
    let mut tx = visit.begin().await?;
    let policy = tickets::policy(&mut tx).await?;
    drop(tx);
    page(&PolicyPage {
        frame: visit.frame("tickets"),
        days: policy.days,
        rules: policy.rules.iter().map(words).collect(),
        severities: choices("Critical", Severity::ALL[1..].iter().map(|one| (one.code(), one.label())), ""),
        areas: choices("Any area", Area::ALL.iter().map(|one| (one.code(), one.label())), ""),
        families: choices("Both families", Family::ALL.iter().map(|one| (one.code(), one.label())), ""),
    })
}

async fn decide(visit: &Visit, change: impl FnOnce(&mut TicketPolicy)) -> Answer {
    let mut tx = visit.begin().await?;
    let mut policy = tickets::policy(&mut tx).await?;
    change(&mut policy);
    desk::decide(&mut tx, &visit.actor, &policy, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/tickets/policy").into_response())
}

/// `POST /tickets/policy/days`.
pub async fn days(visit: Visit, Form(days): Form<Days>) -> Answer {
    let days = DaysToFix { critical: days.critical, high: days.high, medium: days.medium, low: days.low };
    decide(&visit, |policy| policy.days = days).await
}

/// Days for each severity.
#[derive(Debug, Deserialize)]
pub struct Days {
    critical: u16,
    high: u16,
    medium: u16,
    low: u16,
}

/// A rule as the form sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rule {
    severity: String,
    area: String,
    family: String,
    exposed: String,
    tag: String,
}

/// `POST /tickets/policy/rules`: holds from now on, and for what fails already.
pub async fn add(visit: Visit, Form(sent): Form<Rule>) -> Answer {
    let tag = match sent.tag.trim() {
        "" => None,
        tag => {
            let wrong = || AppError::Invalid { field: "tag".into(), problem: "write key=value".into() };
            let (key, value) = tag.split_once('=').ok_or_else(wrong)?;
            Some((key.trim().to_owned(), value.trim().to_owned()))
        }
    };
    let rule = TicketRule {
        severity: one_of("severity", &sent.severity)?.unwrap_or(Severity::Critical),
        area: one_of("area", &sent.area)?,
        family: one_of("family", &sent.family)?,
        exposed: !sent.exposed.is_empty(),
        tag,
    };
    decide(&visit, |policy| policy.rules.push(rule)).await
}

/// Which rule, as it was shown.
#[derive(Debug, Deserialize)]
pub struct Which {
    rule: String,
}

/// `POST /tickets/policy/rules/remove`: tickets that are open stay.
pub async fn remove(visit: Visit, Form(sent): Form<Which>) -> Answer {
    decide(&visit, |policy| policy.rules.retain(|rule| words(rule) != sent.rule)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_a_sentence() {
        let rule = TicketRule {
            severity: Severity::High,
            area: None,
            family: Some(Family::Serverless),
            exposed: true,
            tag: Some(("env".into(), "prod".into())),
        };
        assert_eq!(
            words(&rule),
            "High findings and worse of serverless on assets strangers reach with the tag env=prod"
        );
    }
}
