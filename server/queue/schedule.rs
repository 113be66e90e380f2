//! A moment that comes again, in somebody's own time zone: every day, a day of the week, a day of
//! the month, or the month's first working day.
//!
//! Daylight saving: an hour that is left out is taken when the clocks go on, one that comes twice is
//! taken the first time. So each period has one moment, and only one.

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Days looked ahead at most: a year holds every kind of moment.
const HORIZON: i64 = 400;

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "every")]
pub enum Every {
    /// Every day.
    Day,
    /// Monday to Friday.
    WorkingDay,
    /// One day of the week.
    Week {
        /// Which.
        day: Weekday,
    },
    /// One day of the month.
    Month {
        /// 1 to 28: every month has it.
        day: u32,
    },
    /// The first Monday to Friday of the month.
    FirstWorkingDay,
}

/// A moment that comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How often.
    #[serde(flatten)]
    pub every: Every,
    /// The time of day there.
    pub at: NaiveTime,
    /// Where.
    pub zone: Tz,
}

impl Schedule {
    /// The first moment after `now`.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = now.with_timezone(&self.zone).date_naive() - TimeDelta::days(1);
        (0..HORIZON)
            .filter_map(|days| today.checked_add_signed(TimeDelta::days(days)))
            .filter(|day| self.falls_on(*day))
            .filter_map(|day| self.moment(day))
            .find(|moment| *moment > now)
    }

    fn falls_on(&self, day: NaiveDate) -> bool {
        match self.every {
            Every::Day => true,
            Every::WorkingDay => works(day),
            Every::Week { day: wanted } => day.weekday() == wanted,
            Every::Month { day: wanted } => day.day() == wanted,
            Every::FirstWorkingDay => {
                let earlier = (1..day.day()).filter_map(|one| day.with_day(one));
                works(day) && !earlier.into_iter().any(works)
            }
        }
    }

    fn moment(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let mut wall = day.and_time(self.at);
        // No place leaves out more than a day (Samoa, 2011).
        for _ in 0..=96 {
            match self.zone.from_local_datetime(&wall) {
                LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => {
                    return Some(moment.to_utc());
                }
                LocalResult::None => wall += TimeDelta::minutes(15),
            }
        }
        None
    }

    /// As people say it.
    pub fn words(&self) -> String {
        let day = match self.every {
            Every::Day => "Every day".to_owned(),
            Every::WorkingDay => "Monday to Friday".to_owned(),
            Every::Week { day } => format!("Every {}", long(day)),
            Every::Month { day } => format!("On day {day} of the month"),
            Every::FirstWorkingDay => "On the month's first working day".to_owned(),
        };
        format!("{day} at {} ({})", self.at.format("%H:%M"), self.zone)
    }
}

fn works(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

fn long(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedule(every: Every, at: &str, zone: &str) -> Schedule {
        Schedule { every, at: at.parse().expect("a time"), zone: zone.parse().expect("a zone") }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    #[test]
    fn a_morning_stays_a_morning_when_the_clocks_change() {
        let daily = schedule(Every::Day, "08:00:00", "Europe/Berlin");
        // On 2026-03-29 the clocks go on, on 2026-10-25 back.
        assert_eq!(daily.next_after(at("2026-03-28T00:00:00Z")), Some(at("2026-03-28T07:00:00Z")));
        assert_eq!(daily.next_after(at("2026-03-28T07:00:00Z")), Some(at("2026-03-29T06:00:00Z")));
        assert_eq!(daily.next_after(at("2026-10-24T06:00:00Z")), Some(at("2026-10-25T07:00:00Z")));
    }

    #[test]
    fn an_hour_left_out_comes_when_the_clocks_go_on_and_one_twice_comes_once() {
        let night = schedule(Every::Day, "02:30:00", "Europe/Berlin");
        assert_eq!(night.next_after(at("2026-03-28T12:00:00Z")), Some(at("2026-03-29T01:00:00Z")));
        let first = night.next_after(at("2026-10-24T12:00:00Z")).expect("a moment");
        assert_eq!(first, at("2026-10-25T00:30:00Z"));
        assert_eq!(night.next_after(first), Some(at("2026-10-26T01:30:00Z")), "not at its second coming");
    }

    #[test]
    fn weeks_months_and_working_days_fall_where_people_expect() {
        let now = at("2026-07-31T12:00:00Z");
        let next = |every| {
            schedule(every, "09:00:00", "UTC").next_after(now).map(|one| one.date_naive().to_string())
        };
        assert_eq!(next(Every::Week { day: Weekday::Mon }).as_deref(), Some("2026-08-03"));
        assert_eq!(next(Every::Month { day: 28 }).as_deref(), Some("2026-08-28"));
        // The first of August 2026 is a Saturday.
        assert_eq!(next(Every::FirstWorkingDay).as_deref(), Some("2026-08-03"));
        assert_eq!(next(Every::WorkingDay).as_deref(), Some("2026-08-03"));
        assert_eq!(next(Every::Day).as_deref(), Some("2026-08-01"));
    }

    #[test]
    fn it_is_kept_as_it_is_said() {
        let weekly = schedule(Every::Week { day: Weekday::Tue }, "07:15:00", "America/New_York");
        assert_eq!(weekly.words(), "Every Tuesday at 07:15 (America/New_York)");
        let text = serde_json::to_string(&weekly).expect("written");
        assert_eq!(serde_json::from_str::<Schedule>(&text).expect("read"), weekly);
    }

    proptest! {
        #[test]
        fn there_is_one_moment_a_day_in_every_zone(zone in 0..chrono_tz::TZ_VARIANTS.len(), start in 0i64..4_000_000_000, minute in 0u32..1440) {
            let at = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).expect("a time");
            let daily = Schedule { every: Every::Day, at, zone: chrono_tz::TZ_VARIANTS[zone] };
            let mut now = DateTime::from_timestamp(start, 0).expect("a moment");
            for _ in 0..4 {
                let next = daily.next_after(now).expect("there is a next");
                prop_assert!(next > now);
                prop_assert!(next - now <= TimeDelta::hours(50), "{} after {now}", next);
                now = next;
            }
        }
    }
}
