//! `Fact<T>`: one typed thing known about an asset, or the reason it is not known.
//!
//! The only way to a value goes through a `match` or [`Fact::known`], so a rule cannot mistake
//! a fact that was not read for a good one.

mod read;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a fact is not known, and what would make it known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// What happened, in plain words: `iam:GetRolePolicy denied`.
    #[serde(rename = "unknown")]
    pub reason: String,
    /// The permission that would close the gap, in the source's own spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
}

/// Written out because a derived one takes `["a", "b"]` for its two fields, and would turn a known
/// list of strings into an unknown fact.
impl<'de> Deserialize<'de> for Unknown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> serde::de::Visitor<'de> for Object {
            type Value = Unknown;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object that says why a fact is unknown")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Unknown, A::Error> {
                let (mut reason, mut permission) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "unknown" => reason = Some(map.next_value()?),
                        "permission" => permission = map.next_value()?,
                        other => {
                            return Err(serde::de::Error::unknown_field(other, &["unknown", "permission"]));
                        }
                    }
                }
                let reason = reason.ok_or_else(|| serde::de::Error::missing_field("unknown"))?;
                Ok(Unknown { reason, permission })
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A fact about an asset. In JSON a known fact is its bare value and an unknown one is
/// `{"unknown": "reason", "permission": "…"}`; a missing field reads as unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// The source told us.
    Known(T),
    /// The source did not tell us.
    Unknown(Unknown),
}

impl<T> Fact<T> {
    /// Unknown for `reason`, with no permission that would help.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown(Unknown { reason: reason.into(), permission: None })
    }

    /// Unknown because `permission` is missing.
    pub fn denied(reason: impl Into<String>, permission: impl Into<String>) -> Self {
        Self::Unknown(Unknown { reason: reason.into(), permission: Some(permission.into()) })
    }

    /// The value, if known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The reason, if not known.
    pub fn why_unknown(&self) -> Option<&Unknown> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }

    /// Turns a known value into another; an unknown one keeps its reason.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(change(value)),
            Self::Unknown(why) => Fact::Unknown(why),
        }
    }

    /// Whether nobody ever tried to read this fact.
    pub fn is_not_read(&self) -> bool {
        matches!(self, Self::Unknown(why) if why.reason == NOT_READ && why.permission.is_none())
    }
}

const NOT_READ: &str = "not read";

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::unknown(NOT_READ)
    }
}

impl<T> From<T> for Fact<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Unknown(why) => why.serialize(serializer),
        }
    }
}

/// Declares a struct whose fields are all facts, with a walk over the unknown ones.
macro_rules! facts {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])*
              #[serde(skip_serializing_if = "crate::model::Fact::is_not_read")]
              pub $field: crate::model::Fact<$kind>,)*
        }

        impl $name {
            /// The facts a source refused or failed to give, by field name; those nobody tried
            /// to read are left out.
            pub fn unknowns(&self) -> Vec<(&'static str, &crate::model::Unknown)> {
                let mut found = Vec::new();
                $(if let Some(why) = self.$field.why_unknown() {
                    if !self.$field.is_not_read() { found.push((stringify!($field), why)); }
                })*
                found
            }
        }
    };
}
pub(crate) use facts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_is_unknown_and_never_a_value() {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(default)]
            admin: Fact<bool>,
        }
        let holder: Holder = serde_json::from_str("{}").expect("an empty object");
        assert_eq!(holder.admin, Fact::unknown("not read"));
        assert!(holder.admin.is_not_read());
    }

    #[test]
    fn a_list_of_one_or_two_words_is_known() {
        for words in [vec!["x86_64"], vec!["8080/tcp", "9229/tcp"], vec!["a", "b", "c"]] {
            let text = serde_json::to_string(&words).expect("serialises");
            let back: Fact<Vec<String>> = serde_json::from_str(&text).expect("parses");
            assert_eq!(back, Fact::Known(words.iter().map(ToString::to_string).collect()));
        }
    }

    #[test]
    fn unknown_and_known_survive_a_round_trip() {
        let facts = vec![Fact::Known(Some(3)), Fact::Known(None), Fact::denied("denied", "a:Read")];
        let text = serde_json::to_string(&facts).expect("serialises");
        assert_eq!(text, r#"[3,null,{"unknown":"denied","permission":"a:Read"}]"#);
        let back: Vec<Fact<Option<i32>>> = serde_json::from_str(&text).expect("parses");
        assert_eq!(back, facts);
    }
}
