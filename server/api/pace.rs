//! How often a caller may ask: a bucket of requests for each token that fills up steadily, one for
//! each address, and one of wrong guesses for each address. Counted by each server for itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// Requests a token may make at once, and a second after that.
const CALLS: Bucket = Bucket { most: 200.0, a_second: 50.0 };
/// Tokens that do not work an address may send at once, and a second after that. No guess ever
/// meets one of 256 bits; this keeps a broken program from asking the database for nothing.
const GUESSES: Bucket = Bucket { most: 200.0, a_second: 1.0 };
/// Requests an address may make at once, and a second after that, whatever it sends along: several
/// programs behind one address, each within its own pace.
const KNOCKS: Bucket = Bucket { most: 1_000.0, a_second: 250.0 };
/// Callers remembered; beyond it those with full buckets are forgotten, who lose nothing.
const MOST_CALLERS: usize = 20_000;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    most: f64,
    a_second: f64,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    left: f64,
    at: DateTime<Utc>,
}

/// Who asked how often.
#[derive(Debug, Default)]
pub struct Pace {
    knocks: Mutex<HashMap<String, Level>>,
    calls: Mutex<HashMap<String, Level>>,
    guesses: Mutex<HashMap<String, Level>>,
}

impl Pace {
    /// Counts a request from an address; the error is how many seconds to wait.
    pub fn knock(&self, address: &str, now: DateTime<Utc>) -> Result<(), i64> {
        KNOCKS.take(&self.knocks, address, now)
    }

    /// Counts a request of a caller; the error is how many seconds to wait.
    pub fn call(&self, caller: &str, now: DateTime<Utc>) -> Result<(), i64> {
        CALLS.take(&self.calls, caller, now)
    }

    /// Counts a token that does not work; the error is how many seconds to wait.
    pub fn guess(&self, address: &str, now: DateTime<Utc>) -> Result<(), i64> {
        GUESSES.take(&self.guesses, address, now)
    }
}

impl Bucket {
    fn level(self, level: Level, now: DateTime<Utc>) -> f64 {
        let passed = (now - level.at).num_milliseconds().max(0) as f64 / 1_000.0;
        (level.left + passed * self.a_second).min(self.most)
    }

    fn take(
        self,
        callers: &Mutex<HashMap<String, Level>>,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<(), i64> {
        let mut callers = callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MOST_CALLERS && !callers.contains_key(caller) {
            callers.retain(|_, level| self.level(*level, now) < self.most);
        }
        let left = callers.get(caller).map_or(self.most, |level| self.level(*level, now));
        if left < 1.0 {
            #[expect(clippy::cast_possible_truncation, reason = "a wait is a few seconds")]
            return Err(((1.0 - left) / self.a_second).ceil().max(1.0) as i64);
        }
        if callers.len() < MOST_CALLERS || callers.contains_key(caller) {
            callers.insert(caller.to_owned(), Level { left: left - 1.0, at: now });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_burst_is_let_through_then_the_steady_rate() {
        let (pace, start) = (Pace::default(), DateTime::UNIX_EPOCH);
        for number in 0..200 {
            assert_eq!(pace.call("a", start), Ok(()), "{number}");
        }
        assert_eq!(pace.call("a", start), Err(1));
        assert_eq!(pace.call("b", start), Ok(()), "another caller has their own");
        let later = start + TimeDelta::seconds(1);
        for _ in 0..50 {
            assert_eq!(pace.call("a", later), Ok(()));
        }
        assert!(pace.call("a", later).is_err());
    }

    #[test]
    fn an_address_has_a_pace_of_its_own_whoever_asks_from_there() {
        let (pace, start) = (Pace::default(), DateTime::UNIX_EPOCH);
        for number in 0..1_000 {
            assert_eq!(pace.knock("192.0.2.1", start), Ok(()), "{number}");
        }
        assert_eq!(pace.knock("192.0.2.1", start), Err(1));
        assert_eq!(pace.knock("192.0.2.2", start), Ok(()));
    }

    #[test]
    fn wrong_tokens_are_counted_by_address() {
        let (pace, start) = (Pace::default(), DateTime::UNIX_EPOCH);
        for _ in 0..200 {
            assert_eq!(pace.guess("1", start), Ok(()));
        }
        assert_eq!(pace.guess("1", start), Err(1));
        assert_eq!(pace.guess("1", start + TimeDelta::seconds(1)), Ok(()));
    }
}
