//! Secrets at rest, by envelopes: each is sealed with a key of its own (XChaCha20-Poly1305), and that
//! key with the house's, which is never in the database.
//!
//! The house's key can be changed: what the old one sealed still opens while the old key is given,
//! and `parallax keys rotate` seals it anew. What a secret belongs to is bound into it: a row copied
//! to another tenant or another purpose does not open.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngExt;
use sha2::{Digest, Sha256};

use super::AuthError;

const VERSION: u8 = 1;
const KEY: usize = 32;
const NONCE: usize = 24;
const TAG: usize = 16;
const ID: usize = 8;
const HEAD: usize = 1 + ID + NONCE + KEY + TAG + NONCE;

/// One key of the house.
#[derive(Clone)]
pub struct HouseKey([u8; KEY]);

impl std::fmt::Debug for HouseKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "HouseKey({})", self.id())
    }
}

impl HouseKey {
    /// From its bytes.
    pub const fn new(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }

    /// From base64 or hexadecimal text, as it stands in a variable or a file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bytes = if text.len() == 2 * KEY && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            (0..KEY).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap_or(0)).collect()
        } else {
            STANDARD.decode(text).unwrap_or_default()
        };
        bytes.try_into().map(Self).map_err(|_| "should be 32 bytes in base64 or hexadecimal".to_owned())
    }

    fn id_bytes(&self) -> [u8; ID] {
        let digest = Sha256::new().chain_update(b"parallax key id").chain_update(self.0).finalize();
        std::array::from_fn(|at| digest[at])
    }

    /// Tells keys apart without telling them.
    pub fn id(&self) -> String {
        self.id_bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
}

/// The house's keys: the one that seals, and older ones that still open.
#[derive(Debug, Clone)]
pub struct Vault {
    present: HouseKey,
    former: Vec<HouseKey>,
}

impl Vault {
    /// A vault that seals with `present` and opens what either sealed.
    pub fn new(present: HouseKey, former: Vec<HouseKey>) -> Self {
        Self { present, former }
    }

    /// Which key seals.
    pub fn key_id(&self) -> String {
        self.present.id()
    }

    /// Seals `plain`; `bound` says what it belongs to and must be given again to open it.
    pub fn seal(&self, plain: &[u8], bound: &str) -> Result<Vec<u8>, AuthError> {
        let mut random = rand::rng();
        let (own, nonce, outer): ([u8; KEY], [u8; NONCE], [u8; NONCE]) =
            (random.random(), random.random(), random.random());
        let wrapped = encrypt(&self.present.0, &outer, &own, bound)?;
        let body = encrypt(&own, &nonce, plain, bound)?;
        let head: [&[u8]; 5] = [&[VERSION], &self.present.id_bytes(), &outer, &wrapped, &nonce];
        Ok([head.concat(), body].concat())
    }

    /// Opens what was sealed for `bound`.
    pub fn open(&self, sealed: &[u8], bound: &str) -> Result<Vec<u8>, AuthError> {
        let broken = |problem: &str| AuthError::Sealed(problem.to_owned());
        if sealed.len() < HEAD + TAG || sealed[0] != VERSION {
            return Err(broken("it is not in a form of ours"));
        }
        let (id, rest) = sealed[1..].split_at(ID);
        let (outer, rest) = rest.split_at(NONCE);
        let (wrapped, rest) = rest.split_at(KEY + TAG);
        let (nonce, body) = rest.split_at(NONCE);
        let key =
            std::iter::once(&self.present).chain(&self.former).find(|key| key.id_bytes() == id).ok_or_else(
                || broken("it was sealed with a key that is not given; set PARALLAX_FORMER_KEY to it"),
            )?;
        let own = decrypt(&key.0, outer, wrapped, bound)?;
        let own: [u8; KEY] = own.try_into().map_err(|_| broken("its key is cut short"))?;
        decrypt(&own, nonce, body, bound)
    }

    /// The same secret sealed with the present key; none where it is already.
    pub fn reseal(&self, sealed: &[u8], bound: &str) -> Result<Option<Vec<u8>>, AuthError> {
        if sealed.get(1..=ID) == Some(&self.present.id_bytes()[..]) {
            return Ok(None);
        }
        let plain = self.open(sealed, bound)?;
        self.seal(&plain, bound).map(Some)
    }
}

fn encrypt(key: &[u8; KEY], nonce: &[u8; NONCE], plain: &[u8], bound: &str) -> Result<Vec<u8>, AuthError> {
    XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad: bound.as_bytes() })
        .map_err(|_| AuthError::Sealed("it is too long".into()))
}

fn decrypt(key: &[u8; KEY], nonce: &[u8], body: &[u8], bound: &str) -> Result<Vec<u8>, AuthError> {
    let changed = || AuthError::Sealed("it was changed, or belongs to something else".into());
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| changed())?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(nonce), Payload { msg: body, aad: bound.as_bytes() })
        .map_err(|_| changed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> HouseKey {
        HouseKey::new([byte; 32])
    }

    #[test]
    fn a_secret_opens_for_what_it_belongs_to_and_nothing_else() {
        let vault = Vault::new(key(1), Vec::new());
        let sealed = vault.seal(b"hunter2", "tenant a").expect("sealed");
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(vault.open(&sealed, "tenant a").expect("open"), b"hunter2");
        assert!(vault.open(&sealed, "tenant b").is_err());
        assert!(Vault::new(key(2), Vec::new()).open(&sealed, "tenant a").is_err());
    }

    #[test]
    fn an_old_key_opens_until_all_is_sealed_anew() {
        let old = Vault::new(key(1), Vec::new());
        let sealed = old.seal(b"x", "b").expect("sealed");
        let both = Vault::new(key(2), vec![key(1)]);
        assert_eq!(both.open(&sealed, "b").expect("open"), b"x");
        let anew = both.reseal(&sealed, "b").expect("resealed").expect("it was old");
        assert_eq!(Vault::new(key(2), Vec::new()).open(&anew, "b").expect("open"), b"x");
        assert_eq!(both.reseal(&anew, "b").expect("an answer"), None);
    }

    #[test]
    fn a_key_is_read_from_both_spellings() {
        let hex = "07".repeat(32);
        let base64 = STANDARD.encode([7_u8; 32]);
        assert_eq!(HouseKey::parse(&hex).expect("hex").id(), HouseKey::parse(&base64).expect("base64").id());
        assert!(HouseKey::parse("short").is_err() && HouseKey::parse("").is_err());
    }

    proptest! {
        #[test]
        fn no_bit_can_be_changed(plain in proptest::collection::vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>()) {
            let vault = Vault::new(key(3), Vec::new());
            let mut sealed = vault.seal(&plain, "b").expect("sealed");
            let at = at.index(sealed.len());
            sealed[at] ^= 1;
            prop_assert!(vault.open(&sealed, "b").is_err());
        }

        #[test]
        fn nothing_sent_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Vault::new(key(3), Vec::new()).open(&bytes, "b").is_err());
        }
    }
}
