//! What a match must also satisfy: checksums, structure, randomness.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::values;

/// A test of a match: the secret itself, and the whole text it stood in.
pub(super) type Check = fn(secret: &str, whole: &str) -> bool;

/// Shannon entropy in bits a character.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

/// Not a placeholder and of at least three bits a character.
pub(super) fn random(secret: &str, _: &str) -> bool {
    entropy(secret) >= 3.0 && !values::is_placeholder(secret)
}

/// Not a placeholder; for formats whose alphabet is small.
pub(super) fn real(secret: &str, _: &str) -> bool {
    entropy(secret) >= 2.0 && !values::is_placeholder(secret)
}

// Issuers order the base-62 alphabet differently; each order gives a checksum of its own.
const UPPER_FIRST: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWER_FIRST: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The bytes after the first underscore end in six characters of base-62 CRC-32 over the rest.
pub(super) fn crc_after_underscore(secret: &str, _: &str) -> bool {
    let Some((_, body)) = secret.split_once('_') else { return false };
    let Some((random, checksum)) = body.split_at_checked(body.len().saturating_sub(6)) else { return false };
    let expected = crc32(random.as_bytes());
    [UPPER_FIRST, LOWER_FIRST].iter().any(|alphabet| base62(expected, alphabet) == checksum.as_bytes())
}

/// Ends in an underscore and eight hexadecimal digits of CRC-32 over what stands before.
pub(super) fn crc_hex_suffix(secret: &str, _: &str) -> bool {
    let Some((body, checksum)) = secret.rsplit_once('_') else { return false };
    u32::from_str_radix(checksum, 16).is_ok_and(|stated| stated == crc32(body.as_bytes()))
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    })
}

pub(super) fn base62(mut number: u32, alphabet: &[u8]) -> [u8; 6] {
    let mut text = [alphabet[0]; 6];
    for place in text.iter_mut().rev() {
        *place = alphabet[(number % 62) as usize];
        number /= 62;
    }
    text
}

/// A signed JSON Web Token that grants something: its header names an algorithm, and its payload is
/// not one that its issuer publishes (role `anon`).
pub(super) fn json_web_token(secret: &str, _: &str) -> bool {
    let mut parts = secret.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
        serde_json::from_slice::<serde_json::Value>(&bytes).ok()
    });
    let (Some(Some(header)), Some(Some(payload))) = (parts.next(), parts.next()) else { return false };
    let algorithm = header.get("alg").and_then(serde_json::Value::as_str);
    let published = payload.get("role").and_then(serde_json::Value::as_str) == Some("anon");
    // The specimen of the format's own site says nothing to anyone.
    let specimen = payload.get("name").and_then(serde_json::Value::as_str) == Some("John Doe");
    algorithm.is_some_and(|name| !name.eq_ignore_ascii_case("none")) && !published && !specimen
}

/// Base64 of a PEM block that holds a private key.
pub(super) fn encoded_private_key(secret: &str, _: &str) -> bool {
    let Some(start) = secret.get(..secret.len().min(160) / 4 * 4) else { return false };
    let decoded = STANDARD_NO_PAD.decode(start.trim_end_matches('=')).unwrap_or_default();
    decoded.windows(11).any(|window| window == b"PRIVATE KEY")
}

/// A storage key other than the one every emulator has.
pub(super) fn storage_key(secret: &str, whole: &str) -> bool {
    !secret.starts_with("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsu") && random(secret, whole)
}

/// A signature of a shared access URL: beside it stand the version or the expiry it signs.
pub(super) fn shared_access_signature(secret: &str, whole: &str) -> bool {
    ["sv=", "se=", "sp=", "SharedAccessSignature"].iter().any(|mark| whole.contains(mark))
        && real(secret, whole)
}

/// A password in an address, unless a placeholder or reference stands for it.
pub(super) fn password_in_address(secret: &str, _: &str) -> bool {
    !values::is_reference(secret) && !values::is_placeholder(secret) && !values::has_reference(secret)
}

/// A password in a connection string: other keys of one stand beside it.
pub(super) fn password_in_connection_string(secret: &str, whole: &str) -> bool {
    let lower = whole.to_ascii_lowercase();
    let keys = ["server=", "host=", "data source=", "user id=", "uid=", "user=", "username=", "database="];
    keys.iter().any(|key| lower.contains(key)) && password_in_address(secret, whole)
}

/// A bot's token: its first part is the bot's number in base64.
pub(super) fn numbered_bot(secret: &str, whole: &str) -> bool {
    let number = secret.split('.').next().unwrap_or("");
    STANDARD_NO_PAD
        .decode(number)
        .or_else(|_| URL_SAFE_NO_PAD.decode(number))
        .is_ok_and(|bytes| bytes.len() >= 17 && bytes.iter().all(u8::is_ascii_digit))
        && random(secret, whole)
}
