//! Signatures of the Standard Webhooks form: HMAC-SHA256 over id, moment and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
const LENGTH: usize = 32;

/// A signing key. Shown once, by [`Key::tell`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key([u8; LENGTH]);

impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Key(…)")
    }
}

impl Key {
    /// A new one.
    pub fn fresh(random: &mut impl Rng) -> Self {
        Self(random.random())
    }

    /// As receivers are given it: `whsec_…`.
    pub fn tell(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.tell()
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = text.strip_prefix(PREFIX).and_then(|rest| STANDARD.decode(rest).ok()).unwrap_or_default();
        bytes.try_into().map(Self).map_err(|_| format!("should be {PREFIX} and {LENGTH} bytes in base64"))
    }
}

/// What is sealed of a webhook: its address may be a secret too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// Where messages go.
    pub url: String,
    /// Signs them.
    pub key: Key,
    /// The one before, which signs beside it for a while.
    #[serde(default)]
    pub former: Option<Key>,
}

/// The `webhook-signature` of a body, one signature a key.
pub fn sign<'a>(id: &str, at: i64, body: &[u8], keys: impl IntoIterator<Item = &'a Key>) -> String {
    let signatures = keys.into_iter().map(|key| {
        // A key of any length will do; this one cannot be refused.
        let mac = Hmac::<Sha256>::new_from_slice(&key.0).map(|mac| {
            let head = format!("{id}.{at}.");
            mac.chain_update(head.as_bytes()).chain_update(body).finalize().into_bytes()
        });
        format!("v1,{}", mac.map(|code| STANDARD.encode(code)).unwrap_or_default())
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_told_once_and_read_back() {
        let key = Key::fresh(&mut rand::rng());
        assert_eq!(Key::try_from(key.tell()).expect("read"), key);
        assert_eq!(format!("{key:?}"), "Key(…)");
        for wrong in ["", "whsec_", "whsec_AAAA", "AAAA", &key.tell()[1..]] {
            assert!(Key::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn two_keys_sign_side_by_side() {
        let (one, other) = (Key([1; LENGTH]), Key([2; LENGTH]));
        let both = sign("m", 7, b"{}", [&one, &other]);
        assert_eq!(
            both.split(' ').collect::<Vec<_>>(),
            [sign("m", 7, b"{}", [&one]), sign("m", 7, b"{}", [&other])]
        );
        assert_eq!(both.split(' ').next().map(str::len), Some(3 + 44));
    }

    proptest! {
        #[test]
        fn nothing_can_be_changed_unseen(id in "[a-z0-9]{1,9}", at in 0_i64..9_999, body: Vec<u8>, extra: u8) {
            let key = Key([3; LENGTH]);
            let signed = sign(&id, at, &body, [&key]);
            let longer = [&body[..], &[extra]].concat();
            prop_assert_ne!(&signed, &sign(&id, at, &longer, [&key]));
            prop_assert_ne!(&signed, &sign(&id, at + 1, &body, [&key]));
            prop_assert_ne!(&signed, &sign(&format!("{id}x"), at, &body, [&key]));
        }

        #[test]
        fn no_text_breaks_the_reader(text: String) {
            let _ = Key::try_from(text);
        }
    }
}
