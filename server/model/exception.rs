//! What is accepted for a time: findings that were chosen, or a control for a scope. Pure.

use std::collections::HashMap;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kinds::closed_list;
use super::{Family, FindingId, Kind, Platform, Tag};

/// Letters of a pattern at most.
const MOST_LETTERS: usize = 200;
/// Stars of a pattern at most: matching stays quick whatever the name.
const MOST_STARS: usize = 8;

closed_list! {
    /// Why something that fails is left for a time.
    pub enum ExceptionKind {
        /// The risk is known and borne.
        Risk = "risk_accepted", "Risk accepted";
        /// The control is wrong here.
        FalsePositive = "false_positive", "False positive";
        /// Something else keeps the harm away.
        Compensating = "compensating_control", "Compensating control";
        /// It will be repaired, on a known day.
        Planned = "planned_fix", "Planned fix";
    }
}

closed_list! {
    /// Where an exception stands.
    pub enum ExceptionState {
        /// It holds.
        Active = "active", "Active";
        /// It holds, and ends within two weeks.
        Expiring = "expiring", "Ends soon";
        /// Its time is over.
        Expired = "expired", "Expired";
        /// Somebody took it back.
        Revoked = "revoked", "Taken back";
    }
}

/// Days before its end from which on an exception is said to expire.
pub const EXPIRING_DAYS: i64 = 14;

/// A pattern of names: `*` is any letters, `?` is one, everything else is itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern(String);

impl FromStr for NamePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.chars().count() > MOST_LETTERS || text.contains('\0') {
            return Err(format!("write 1 to {MOST_LETTERS} letters"));
        }
        if text.matches('*').count() > MOST_STARS {
            return Err(format!("at most {MOST_STARS} stars"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for NamePattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.0
    }
}

impl std::fmt::Display for NamePattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl NamePattern {
    /// Whether a name is one of those meant.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) = (self.0.chars().collect(), name.chars().collect());
        let (mut p, mut n, mut star) = (0, 0, None);
        while n < name.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some(letter) if *letter == '?' || *letter == name[n] => {
                    p += 1;
                    n += 1;
                }
                // The last star takes one letter more.
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        (p, n) = (at + 1, taken + 1);
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|letter| *letter == '*')
    }

    /// The same as SQL's LIKE has it.
    pub fn like(&self) -> String {
        self.0.chars().fold(String::with_capacity(self.0.len()), |mut text, letter| {
            match letter {
                '*' => text.push('%'),
                '?' => text.push('_'),
                '%' | '_' | '\\' => text.extend(['\\', letter]),
                other => text.push(other),
            }
            text
        })
    }
}

/// Where an exception of a control holds. What is not named does not matter; nothing named is everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExceptionScope {
    /// One connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Uuid>,
    /// One account, subscription or registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// One region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// One family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// One kind of asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// One platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Assets with this tag: key and value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<(String, String)>,
    /// Assets of such names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<NamePattern>,
}

/// What of an asset a scope looks at.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its connection.
    pub connection: Uuid,
    /// Account, subscription or registry.
    pub account: &'a str,
    /// Its region.
    pub region: &'a str,
    /// Its kind.
    pub kind: Kind,
    /// What it runs on.
    pub platform: Platform,
    /// Its name.
    pub name: &'a str,
    /// Its tags, as far as they could be read.
    pub tags: &'a [Tag],
}

impl ExceptionScope {
    /// Whether an asset is within it.
    pub fn holds(&self, place: &Place<'_>) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        self.connection.is_none_or(|one| one == place.connection)
            && same(&self.account, place.account)
            && same(&self.region, place.region)
            && self.family.is_none_or(|one| one == place.kind.family())
            && self.kind.is_none_or(|one| one == place.kind)
            && self.platform.is_none_or(|one| one == place.platform)
            && self.tag.as_ref().is_none_or(|(key, value)| {
                place.tags.iter().any(|tag| tag.key == *key && tag.value == *value)
            })
            && self.name.as_ref().is_none_or(|pattern| pattern.matches(place.name))
    }
}

impl ExceptionScope {
    /// As people read it; `connection` is its name, where it is known.
    pub fn words(&self, connection: Option<&str>) -> String {
        let mut words = Vec::new();
        if let Some(id) = self.connection {
            words.push(connection.map_or_else(|| format!("in connection {id}"), |name| format!("in {name}")));
        }
        words.extend(self.account.as_ref().map(|account| format!("in account {account}")));
        words.extend(self.region.as_ref().map(|region| format!("in {region}")));
        words.extend(self.family.map(|family| format!("in {}", family.label().to_lowercase())));
        words.extend(self.kind.map(|kind| format!("on every {}", kind.label().to_lowercase())));
        words.extend(self.platform.map(|platform| format!("on {}", platform.label())));
        words.extend(self.tag.as_ref().map(|(key, value)| format!("with the tag {key}={value}")));
        words.extend(self.name.as_ref().map(|name| format!("named {name}")));
        if words.is_empty() { "everywhere".to_owned() } else { words.join(", ") }
    }
}

/// An exception of a control, as far as it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scoped {
    /// The exception.
    pub id: Uuid,
    /// Code of the control.
    pub control: String,
    /// Where it holds.
    pub scope: ExceptionScope,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// The exceptions that hold at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Of controls.
    pub scoped: Vec<Scoped>,
    /// Of findings: which exception, and until when; the one that lasts longest.
    pub chosen: HashMap<FindingId, (DateTime<Utc>, Uuid)>,
}

impl Exceptions {
    /// None holds.
    pub fn is_empty(&self) -> bool {
        self.scoped.is_empty() && self.chosen.is_empty()
    }

    /// Adds one of a finding.
    pub fn choose(&mut self, finding: FindingId, until: DateTime<Utc>, id: Uuid) {
        let best = self.chosen.entry(finding).or_insert((until, id));
        *best = (*best).max((until, id));
    }

    /// The exception a finding hangs on: of those that hold for it, the one that lasts longest.
    pub fn of(&self, finding: FindingId, control: &str, place: &Place<'_>) -> Option<Uuid> {
        let scoped = self.scoped.iter().filter(|one| one.control == control && one.scope.holds(place));
        let scoped = scoped.map(|one| (one.until, one.id)).max();
        self.chosen.get(&finding).copied().max(scoped).map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> NamePattern {
        text.parse().expect("a pattern")
    }

    /// What a pattern means, told the slow way.
    fn means(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                means(rest, name) || name.split_first().is_some_and(|(_, name)| means(pattern, name))
            }
            (Some((letter, rest)), Some((one, name))) => {
                (*letter == '?' || letter == one) && means(rest, name)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_it_means(text in "[ab*?%]{1,8}", name in "[ab%]{0,8}") {
            let slow = means(&text.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
            prop_assert_eq!(pattern(&text).matches(&name), slow);
        }

        #[test]
        fn any_text_is_a_pattern_or_a_clear_no(text in ".{0,300}") {
            if let Err(problem) = text.parse::<NamePattern>() {
                prop_assert!(problem.contains("at most") || problem.contains("write"));
            }
        }
    }

    #[test]
    fn a_pattern_is_bounded() {
        assert!("*".repeat(9).parse::<NamePattern>().is_err() && "".parse::<NamePattern>().is_err());
        assert_eq!(pattern("pay_*-?%").like(), "pay\\_%-_\\%");
        assert!(pattern("*a*a*a*a*a*a*a*b").matches(&format!("{}b", "a".repeat(5_000))));
    }

    #[test]
    fn a_scope_is_all_it_names_together() {
        let tags = [Tag { key: "env".into(), value: "test".into() }];
        let place = Place {
            connection: Uuid::nil(),
            account: "1",
            region: "eu-west-1",
            kind: Kind::Function,
            platform: Platform::LambdaZip,
            name: "pay-1",
            tags: &tags,
        };
        let scope = ExceptionScope {
            account: Some("1".into()),
            family: Some(Family::Serverless),
            tag: Some(("env".into(), "test".into())),
            name: Some(pattern("pay-*")),
            ..ExceptionScope::default()
        };
        assert!(ExceptionScope::default().holds(&place) && scope.holds(&place));
        assert!(!scope.holds(&Place { tags: &[], ..place }) && !scope.holds(&Place { name: "web", ..place }));
        assert!(!scope.holds(&Place { kind: Kind::Image, ..place }));
        assert_eq!(scope.words(None), "in account 1, in serverless, with the tag env=test, named pay-*");
        let text = serde_json::to_string(&scope).expect("written");
        assert_eq!(serde_json::from_str::<ExceptionScope>(&text).expect("read"), scope);
        assert!(serde_json::from_str::<ExceptionScope>(r#"{ "name": "" }"#).is_err());
    }

    #[test]
    fn a_finding_hangs_on_what_lasts_longest() {
        let at = |days| DateTime::UNIX_EPOCH + chrono::TimeDelta::days(days);
        let id = Uuid::from_u128;
        let finding = FindingId(id(9));
        let scoped = |number, days| Scoped {
            id: id(number),
            control: "ACC-02".into(),
            scope: ExceptionScope::default(),
            until: at(days),
        };
        let place = Place {
            connection: Uuid::nil(),
            account: "",
            region: "",
            kind: Kind::Image,
            platform: Platform::OciImage,
            name: "x",
            tags: &[],
        };
        let mut held = Exceptions { scoped: vec![scoped(1, 5), scoped(2, 3)], ..Exceptions::default() };
        assert_eq!(held.of(finding, "ACC-02", &place), Some(id(1)));
        assert_eq!(held.of(finding, "ACC-03", &place), None);
        held.choose(finding, at(4), id(3));
        assert_eq!(held.of(finding, "ACC-02", &place), Some(id(1)));
        held.choose(finding, at(6), id(4));
        held.choose(finding, at(1), id(5));
        assert_eq!(held.of(finding, "ACC-02", &place), Some(id(4)));
    }
}
