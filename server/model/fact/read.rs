//! How a fact is read back. Whether it is known is told by what comes first, so nothing is held back
//! to be read twice: an estate has millions of facts.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

use super::{Fact, Unknown};

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading(PhantomData))
    }
}

struct Reading<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Reading<T> {
    /// A known value, from what was met in its place.
    fn known<D: Deserializer<'de>>(from: D) -> Result<Fact<T>, D::Error> {
        T::deserialize(Met(from)).map(Fact::Known)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Reading<T> {
    type Value = Fact<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a fact, or why it is unknown")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Fact<T>, E> {
        Self::known(value.into_deserializer())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Fact<T>, E> {
        Self::known(value.into_deserializer())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Fact<T>, E> {
        Self::known(value.into_deserializer())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Fact<T>, E> {
        Self::known(value.into_deserializer())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Fact<T>, E> {
        Self::known(value.into_deserializer())
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Fact<T>, E> {
        Self::known(BorrowedStrDeserializer::new(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Fact<T>, E> {
        T::deserialize(().into_deserializer()).map(Fact::Known)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Fact<T>, A::Error> {
        Self::known(SeqAccessDeserializer::new(items))
    }

    /// No fact's own fields are named as the reasons of unknown ones are.
    fn visit_map<A: MapAccess<'de>>(self, mut rest: A) -> Result<Fact<T>, A::Error> {
        let first = rest.next_key::<String>()?;
        let reason = matches!(first.as_deref(), Some("unknown" | "permission"));
        let whole = MapAccessDeserializer::new(Whole { first, rest });
        if reason { Unknown::deserialize(whole).map(Fact::Unknown) } else { Self::known(whole) }
    }
}

/// A map whose first key was taken already.
struct Whole<A> {
    first: Option<String>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Whole<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }
}

/// Something that was met. Serde's own wrappers do not stand for an optional or a wrapped value.
struct Met<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Met<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Plain,
        With { level: u8 },
        Wrapped(Newtype),
    }

    #[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
    struct Newtype(String);

    #[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        name: String,
        since: Option<chrono::DateTime<chrono::Utc>>,
        share: f64,
        nested: Vec<Fact<Option<bool>>>,
    }

    /// Reads back what was written, from text as from a tree.
    fn survives<T: Debug + Clone + PartialEq + Serialize + DeserializeOwned>(value: T) {
        for fact in [Fact::Known(value), Fact::unknown("not told"), Fact::denied("denied", "a:Read")] {
            let text = serde_json::to_string(&fact).expect("serialises");
            let back: Fact<T> = serde_json::from_str(&text).expect(&text);
            assert_eq!(back, fact, "{text}");
            let tree: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(serde_json::from_value::<Fact<T>>(tree).expect("from a tree"), fact);
        }
    }

    #[test]
    fn every_shape_of_value_survives() {
        survives(true);
        survives(-3_i64);
        survives(7_u32);
        survives(2.5_f64);
        survives(3.0_f64);
        survives("a \"quoted\" word\n".to_owned());
        survives(None::<String>);
        survives(Some("some".to_owned()));
        survives(vec![Some(1), None]);
        survives(Some(vec!["a".to_owned()]));
        survives(Newtype("inner".into()));
        survives(vec![Choice::Plain, Choice::With { level: 3 }, Choice::Wrapped(Newtype("w".into()))]);
        survives(Choice::With { level: 3 });
        let since = chrono::DateTime::from_timestamp(1_700_000_000, 0);
        let nested = vec![Fact::Known(Some(true)), Fact::Known(None), Fact::unknown("dark")];
        let inner = Inner { name: "n".into(), since, share: 1.0, nested };
        survives(inner.clone());
        survives(Some(inner));
    }

    #[test]
    fn the_reason_may_come_second_and_nothing_else_may() {
        let back: Fact<bool> = serde_json::from_str(r#"{"permission":"a:Read","unknown":"denied"}"#).unwrap();
        assert_eq!(back, Fact::denied("denied", "a:Read"));
        for bad in [r#"{"permission":"a:Read"}"#, r#"{"unknown":"x","more":1}"#, "3", r#"{"name":"n"}"#, "[]"]
        {
            assert!(serde_json::from_str::<Fact<bool>>(bad).is_err(), "{bad}");
        }
    }
}
