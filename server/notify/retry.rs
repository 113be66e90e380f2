//! When a message that did not arrive is sent again.

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, RngExt};

/// Seconds to wait after each attempt; after the last one it is given up, some 20 hours after the first.
const WAITS: [i64; 9] = [5, 30, 120, 600, 1_800, 7_200, 10_800, 18_000, 36_000];
/// However long a receiver wants us to wait, we do not wait longer.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// How long to wait after this many attempts; none where it has been tried often enough. Up to a
/// fifth longer or shorter, so that those who failed together do not come back together.
pub fn wait(attempts: i32, random: &mut impl Rng) -> Option<TimeDelta> {
    let place = usize::try_from(attempts - 1).ok()?;
    let seconds = WAITS.get(place)?;
    Some(TimeDelta::milliseconds(seconds * random.random_range(800..1_200)))
}

/// When to try again after this many attempts, not before a receiver said.
pub fn later(
    attempts: i32,
    asked: Option<TimeDelta>,
    now: DateTime<Utc>,
    random: &mut impl Rng,
) -> Option<DateTime<Utc>> {
    let wait = wait(attempts, random)?;
    Some(now + asked.map_or(wait, |asked| asked.min(LONGEST).max(wait)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_less_and_less_often_and_then_no_more() {
        let mut random = rand::rng();
        let waits: Vec<i64> =
            (1..=9).map(|attempt| wait(attempt, &mut random).expect("another").num_milliseconds()).collect();
        for (place, waited) in waits.iter().enumerate() {
            let meant = WAITS[place] * 1_000;
            assert!((meant * 8 / 10..meant * 12 / 10).contains(waited), "{place}: {waited}");
        }
        assert!(waits.is_sorted());
        assert_eq!((wait(10, &mut random), wait(0, &mut random)), (None, None));
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_and_not_for_less() {
        let (now, mut random) = (DateTime::UNIX_EPOCH, rand::rng());
        let mut after = |asked| later(1, Some(asked), now, &mut random).map(|at| at - now);
        assert_eq!(after(TimeDelta::seconds(90)), Some(TimeDelta::seconds(90)));
        assert!(after(TimeDelta::zero()) >= Some(TimeDelta::seconds(4)));
        assert_eq!(after(TimeDelta::days(9)), Some(LONGEST));
    }
}
