//! What Postgres cannot hold: the character NUL, in text and in JSON. A source may send it all the
//! same, and must not stop a run by it; it is kept as the replacement character.

use std::borrow::Cow;

use serde_json::Value;

const NUL: char = '\0';
const INSTEAD: &str = "\u{fffd}";

/// The text without NUL.
pub(in crate::store) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains(NUL) { Cow::Owned(text.replace(NUL, INSTEAD)) } else { Cow::Borrowed(text) }
}

/// The JSON text without NUL in any key or value.
pub(in crate::store) fn storable_json(json: &str) -> Cow<'_, str> {
    // Most never holds one; also `\\u0000`, which is a backslash and five letters, comes by here.
    if !json.contains("\\u0000") {
        return Cow::Borrowed(json);
    }
    match serde_json::from_str(json) {
        Ok(value) => Cow::Owned(cleaned(value).to_string()),
        Err(_) => Cow::Borrowed(json),
    }
}

fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(&text).into_owned()),
        Value::Array(items) => items.into_iter().map(cleaned).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (storable(&key).into_owned(), cleaned(value))).collect()
        }
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_replaced_wherever_it_hides_and_nothing_else_is() {
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
        let json = serde_json::json!({ "k\0": ["v\0", { "x": 1 }], "plain": "back\\u0000slash" }).to_string();
        let kept: Value = serde_json::from_str(&storable_json(&json)).expect("still JSON");
        let wanted =
            serde_json::json!({ "k\u{fffd}": ["v\u{fffd}", { "x": 1 }], "plain": "back\\u0000slash" });
        assert_eq!(kept, wanted);
        assert!(matches!(storable_json("{\"a\":1}"), Cow::Borrowed(_)));
    }
}
