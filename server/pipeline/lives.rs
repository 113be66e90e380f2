//! What a new verdict does to a finding. Pure.
//!
//! | before | fails | unknown | anything else | asset stale | asset gone |
//! | --- | --- | --- | --- | --- | --- |
//! | nothing | opened | – | – | – | – |
//! | open | stays | stale | resolved | stale | resolved |
//! | stale | seen again | stays | resolved | stays | resolved |
//! | resolved | reopened | – | – | – | – |
//!
//! A denied read never resolves a finding: unknown is not clean.

use chrono::{DateTime, Utc};

use crate::model::{AssetId, Outcome, Severity, Verdict};
use crate::rules::Control;
use crate::score::{Priority, Standing};
use crate::store::findings::{Event, Life, State};

/// What is true of a finding's asset and control now.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    /// The asset.
    pub asset: AssetId,
    /// Whether the asset was not seen and may only be hidden.
    pub hidden: bool,
    /// The control.
    pub control: &'static Control,
    /// What it says; none where the asset is gone.
    pub outcome: Option<&'a Outcome>,
    /// What raises the asset's findings.
    pub standing: Standing,
    /// The moment.
    pub at: DateTime<Utc>,
}

/// The finding as it is from now on and what to tell; none where nothing changes.
pub fn turn(before: Option<&Life>, now: &Now<'_>) -> Option<(Life, Option<Event>)> {
    let verdict = now.outcome.map(|outcome| outcome.verdict);
    match (before.map(|life| life.state), verdict) {
        (None, Some(Verdict::Fail)) => Some((fresh(now)?, Some(Event::Opened))),
        (None | Some(State::Resolved), verdict) if verdict != Some(Verdict::Fail) => None,
        (Some(State::Resolved), _) => {
            let life = before?;
            Some((Life { reopened: life.reopened + 1, ..kept(life, now) }, Some(Event::Reopened)))
        }
        (Some(State::Open), Some(Verdict::Fail)) if now.hidden => {
            changed(before?, State::Stale, Event::Stale)
        }
        (Some(State::Open), Some(Verdict::Fail)) => {
            let life = kept(before?, now);
            (Some(&life) != before).then_some((life, None))
        }
        (Some(State::Open), Some(Verdict::Unknown)) => changed(before?, State::Stale, Event::Stale),
        (Some(State::Stale), Some(Verdict::Unknown)) => None,
        (Some(State::Stale), Some(Verdict::Fail)) if now.hidden => None,
        (Some(State::Stale), Some(Verdict::Fail)) => Some((kept(before?, now), Some(Event::SeenAgain))),
        _ => {
            let life = before?.clone();
            Some((Life { state: State::Resolved, resolved_at: Some(now.at), ..life }, Some(Event::Resolved)))
        }
    }
}

fn changed(before: &Life, state: State, event: Event) -> Option<(Life, Option<Event>)> {
    Some((Life { state, ..before.clone() }, Some(event)))
}

fn fresh(now: &Now<'_>) -> Option<Life> {
    let outcome = now.outcome?;
    let severity = severity(now.control, outcome);
    Some(Life {
        id: now.asset.finding(now.control.code, ""),
        asset: now.asset,
        state: State::Open,
        severity,
        priority: Priority::of(severity, now.standing),
        reason: outcome.reason.to_string(),
        evidence: outcome.evidence.clone(),
        opened_at: now.at,
        resolved_at: None,
        reopened: 0,
    })
}

/// The same finding, open, with what is found now.
fn kept(before: &Life, now: &Now<'_>) -> Life {
    let opened = Life { opened_at: before.opened_at, reopened: before.reopened, ..before.clone() };
    fresh(now).map_or(opened, |life| Life { opened_at: before.opened_at, reopened: before.reopened, ..life })
}

/// The severity a reading weighs with.
pub fn severity(control: &Control, outcome: &Outcome) -> Severity {
    outcome.severity.unwrap_or(control.severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use uuid::Uuid;

    fn step(before: Option<&Life>, verdict: Option<Verdict>, hidden: bool) -> Option<(Life, Option<Event>)> {
        let outcome =
            verdict.map(|verdict| Outcome { verdict, ..Outcome::fail("it is open").because("f", 1) });
        let at = Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).single().expect("a real day");
        turn(
            before,
            &Now {
                asset: AssetId(Uuid::nil()),
                hidden,
                control: crate::rules::all()[0],
                outcome: outcome.as_ref(),
                standing: Standing::default(),
                at,
            },
        )
    }

    #[test]
    fn a_life_from_opened_to_reopened() {
        let (open, event) = step(None, Some(Verdict::Fail), false).expect("opens");
        assert_eq!((open.state, event), (State::Open, Some(Event::Opened)));
        assert_eq!(step(Some(&open), Some(Verdict::Fail), false), None, "the same again changes nothing");
        let (resolved, event) = step(Some(&open), Some(Verdict::Pass), false).expect("resolves");
        assert_eq!((resolved.state, event), (State::Resolved, Some(Event::Resolved)));
        assert_eq!(step(Some(&resolved), Some(Verdict::Pass), false), None);
        let (again, event) = step(Some(&resolved), Some(Verdict::Fail), false).expect("reopens");
        assert_eq!((again.state, again.reopened, event), (State::Open, 1, Some(Event::Reopened)));
        assert_eq!((again.id, again.opened_at), (open.id, open.opened_at), "its identity is for ever");
    }

    #[test]
    fn what_cannot_be_read_is_stale_and_never_resolved() {
        let (open, _) = step(None, Some(Verdict::Fail), false).expect("opens");
        for (verdict, hidden) in [(Verdict::Unknown, false), (Verdict::Fail, true)] {
            let (stale, event) = step(Some(&open), Some(verdict), hidden).expect("goes stale");
            assert_eq!((stale.state, event), (State::Stale, Some(Event::Stale)));
            assert_eq!(step(Some(&stale), Some(Verdict::Unknown), false), None);
            let (seen, event) = step(Some(&stale), Some(Verdict::Fail), false).expect("seen again");
            assert_eq!((seen.state, event), (State::Open, Some(Event::SeenAgain)));
        }
        assert_eq!(step(None, Some(Verdict::Unknown), false), None);
    }

    #[test]
    fn a_gone_asset_resolves_its_findings() {
        let (open, _) = step(None, Some(Verdict::Fail), false).expect("opens");
        let (resolved, _) = step(Some(&open), None, false).expect("resolves");
        assert_eq!(resolved.state, State::Resolved);
        assert_eq!(step(None, None, false), None);
    }
}
