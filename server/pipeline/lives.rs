//! What a new verdict does to a finding. Pure.
//!
//! | before | fails | accepted | unknown | anything else | asset stale | asset gone |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | nothing | opened | accepted | – | – | – | – |
//! | open | stays | accepted | stale | resolved | stale | resolved |
//! | stale | seen again | accepted | stays | resolved | stays | resolved |
//! | accepted | returned | stays | returned | resolved | returned | resolved |
//! | resolved | reopened | accepted | – | – | – | – |
//!
//! *Accepted*: an exception holds for it, whether its asset can be seen or not. A denied read never
//! resolves a finding: unknown is not clean.

use chrono::{DateTime, Utc};
use uuid::Uuid;

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
    /// The exception that holds for it.
    pub exception: Option<Uuid>,
    /// The moment.
    pub at: DateTime<Utc>,
}

/// The finding as it is from now on and what to tell; none where nothing changes.
pub fn turn(before: Option<&Life>, now: &Now<'_>) -> Option<(Life, Option<Event>)> {
    let alive = before.filter(|life| life.state != State::Resolved);
    let fails = now.outcome.is_some_and(|outcome| outcome.verdict == Verdict::Fail);
    let unknown = now.outcome.is_some_and(|outcome| outcome.verdict == Verdict::Unknown);
    let unless_held = |state| if now.exception.is_some() { State::Accepted } else { state };
    let state = match alive {
        None if fails => unless_held(State::Open),
        None => return None,
        Some(_) if fails && !now.hidden => unless_held(State::Open),
        Some(_) if fails || unknown => unless_held(State::Stale),
        Some(_) => State::Resolved,
    };
    let life = Life {
        state,
        resolved_at: (state == State::Resolved).then_some(now.at),
        exception: now.exception.filter(|_| state == State::Accepted),
        reopened: before.map_or(0, |life| life.reopened + i32::from(alive.is_none())),
        ..if fails && (alive.is_none() || !now.hidden) { seen(before, now)? } else { before?.clone() }
    };
    let event = event(before.map(|life| life.state), state);
    (event.is_some() || before != Some(&life)).then_some((life, event))
}

fn event(before: Option<State>, after: State) -> Option<Event> {
    match (before, after) {
        (None, State::Open) => Some(Event::Opened),
        (Some(State::Resolved), State::Open) => Some(Event::Reopened),
        (Some(State::Accepted), State::Open | State::Stale) => Some(Event::Returned),
        (Some(before), after) if before == after => None,
        (_, State::Accepted) => Some(Event::Accepted),
        (_, State::Stale) => Some(Event::Stale),
        (_, State::Open) => Some(Event::SeenAgain),
        (_, State::Resolved) => Some(Event::Resolved),
    }
}

/// The finding with what is found now, under the same identity.
fn seen(before: Option<&Life>, now: &Now<'_>) -> Option<Life> {
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
        opened_at: before.map_or(now.at, |life| life.opened_at),
        resolved_at: None,
        reopened: 0,
        exception: None,
    })
}

/// The severity a reading weighs with.
pub fn severity(control: &Control, outcome: &Outcome) -> Severity {
    outcome.severity.unwrap_or(control.severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn step(before: Option<&Life>, verdict: Option<Verdict>, hidden: bool) -> Option<(Life, Option<Event>)> {
        under(before, verdict, hidden, None)
    }

    fn under(
        before: Option<&Life>,
        verdict: Option<Verdict>,
        hidden: bool,
        exception: Option<Uuid>,
    ) -> Option<(Life, Option<Event>)> {
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
                exception,
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

    #[test]
    fn what_is_accepted_stays_so_while_its_exception_holds() {
        let one = Some(Uuid::from_u128(1));
        let (born, event) = under(None, Some(Verdict::Fail), false, one).expect("born accepted");
        assert_eq!((born.state, born.exception, event), (State::Accepted, one, Some(Event::Accepted)));
        for (verdict, hidden) in [(Verdict::Fail, false), (Verdict::Fail, true), (Verdict::Unknown, false)] {
            assert_eq!(under(Some(&born), Some(verdict), hidden, one), None);
        }
        let other = Some(Uuid::from_u128(2));
        let (moved, event) = under(Some(&born), Some(Verdict::Fail), false, other).expect("another holds it");
        assert_eq!((moved.state, moved.exception, event), (State::Accepted, other, None));
        let (back, event) = step(Some(&born), Some(Verdict::Fail), false).expect("it returns");
        assert_eq!((back.state, back.exception, event), (State::Open, None, Some(Event::Returned)));
        let (unseen, event) = step(Some(&born), Some(Verdict::Unknown), false).expect("it returns unseen");
        assert_eq!((unseen.state, event), (State::Stale, Some(Event::Returned)));
        for before in [&back, &unseen] {
            let (accepted, event) = under(Some(before), Some(Verdict::Fail), true, one).expect("accepted");
            assert_eq!((accepted.state, event), (State::Accepted, Some(Event::Accepted)));
        }
        let (resolved, event) = under(Some(&born), Some(Verdict::Pass), false, one).expect("resolved");
        assert_eq!(
            (resolved.state, resolved.exception, event),
            (State::Resolved, None, Some(Event::Resolved))
        );
        let (again, event) = under(Some(&resolved), Some(Verdict::Fail), false, one).expect("back, accepted");
        assert_eq!((again.state, again.reopened, event), (State::Accepted, 1, Some(Event::Accepted)));
        assert_eq!((again.id, again.opened_at), (born.id, born.opened_at));
    }
}
