//! Finds secrets in variables and build history, and drops their values.
//!
//! Precision first: a format counts only with its right alphabet, length and, where it carries one,
//! checksum; a name counts only together with a value that can be a secret. References, flags,
//! numbers, durations, paths, names of secrets and placeholders stay silent. Nothing that leaves
//! this module holds a value: a hit keeps the public prefix of its format and a length.
//!
//! A well-known default such as `changeme` under a name that says password **is** reported: in a
//! deployed asset it is the password in force, and a worse one than any leaked.

mod checks;
mod fingerprint;
mod formats;
mod names;
mod text;
mod values;

pub use fingerprint::FingerprintKey;

use crate::model::{SecretHit, Variable, VariableKind};

/// Longest part of one text that is looked at, in bytes.
const MOST_TEXT: usize = 1 << 20;
/// Most hits reported of one text.
const MOST_HITS: usize = 50;

/// Reads one environment variable: what kind of value it has, whether that is a secret in clear,
/// and a keyed digest by which a later look knows that it changed. The value is dropped.
pub fn inspect(name: &str, value: &str, key: &FingerprintKey) -> Variable {
    let value = clip(value);
    let trimmed = value.trim();
    let kind = if trimmed.is_empty() {
        VariableKind::Empty
    } else if values::is_reference(trimmed) {
        VariableKind::Reference
    } else {
        VariableKind::Plain
    };
    let secret = (kind == VariableKind::Plain).then(|| secret_in(name, trimmed)).flatten();
    let fingerprint = if kind == VariableKind::Empty { String::new() } else { key.fingerprint(value) };
    Variable { name: name.to_owned(), kind, secret, fingerprint }
}

/// Finds secrets in running text, such as the commands of an image's build history.
pub fn scan_text(text: &str) -> Vec<SecretHit> {
    let text = clip(text);
    let mut hits = formats::find_all(text, MOST_HITS);
    text::assignments(text, MOST_HITS, &mut hits);
    hits
}

fn secret_in(name: &str, value: &str) -> Option<SecretHit> {
    formats::find_first(value)
        .or_else(|| names::judge(name, value))
        .or_else(|| text::in_json(value, MOST_HITS))
}

/// What may be shown of a secret: `shown` leading characters, which are its format's public prefix,
/// and its length.
fn mask(secret: &str, shown: usize) -> String {
    let length = secret.chars().count();
    let shown = if length >= shown.saturating_mul(3) { shown } else { 0 };
    let prefix: String = secret.chars().take(shown).collect();
    format!("{prefix}… ({length} characters)")
}

fn hit(rule: &str, secret: &str, shown: usize) -> SecretHit {
    SecretHit { rule: rule.to_owned(), masked: mask(secret, shown) }
}

fn clip(text: &str) -> &str {
    let mut end = text.len().min(MOST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;
