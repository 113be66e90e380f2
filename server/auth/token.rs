//! Secrets that are made here: cookies, API tokens, links. Kept as hashes, told once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;
use rand::rngs::ThreadRng;
use sha2::{Digest, Sha256};

/// What API tokens begin with, so that scanners of code find them.
pub const API_PREFIX: &str = "plx_";

/// A secret of 256 random bits. Its `Debug` tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new one.
    pub fn fresh(random: &mut ThreadRng) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random.random::<[u8; 32]>()))
    }

    /// A new token of the API.
    pub fn for_api(random: &mut ThreadRng) -> Self {
        Self(format!("{API_PREFIX}{}", Self::fresh(random).0))
    }

    /// What somebody sent as one.
    pub fn sent(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself, for the one it is made for.
    pub fn tell(&self) -> &str {
        &self.0
    }

    /// What is kept of it. The secret has 256 random bits, so one plain round is enough.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }

    /// The first letters, to tell one from another.
    pub fn shown(&self) -> String {
        self.0.chars().take(API_PREFIX.len() + 6).collect()
    }
}

/// A short random word for forms.
pub fn csrf(random: &mut ThreadRng) -> String {
    URL_SAFE_NO_PAD.encode(random.random::<[u8; 24]>())
}

/// Whether two words are the same, in a time that tells nothing of where they differ.
pub fn same(one: &str, other: &str) -> bool {
    use subtle::ConstantTimeEq;
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_secrets_are_the_same_and_none_shows_itself() {
        let mut random = rand::rng();
        let (one, other) = (Secret::for_api(&mut random), Secret::for_api(&mut random));
        assert_ne!(one, other);
        assert_ne!(one.hash(), other.hash());
        assert_eq!(one.hash(), Secret::sent(one.tell()).hash());
        assert_eq!(format!("{one:?}"), "Secret(…)");
        assert!(one.tell().starts_with(&one.shown()) && one.shown().len() == 10 && one.tell().len() == 47);
    }

    #[test]
    fn words_of_different_length_are_not_the_same() {
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
    }
}
