//! Writing the JSON of answers without copying what they are made of.

use serde_json::Value;

/// An object of fields that are moved into it; `json!` writes out and reads in again what it is given.
pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The text of an answer.
pub fn written(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}
