//! The second factor: time-based codes (RFC 6238, six digits, thirty seconds, SHA-1 as every app
//! reads it), and recovery codes for the day the phone is lost.

use chrono::{DateTime, Utc};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use rand::RngExt;
use rand::rngs::ThreadRng;
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Totp};

use super::AuthError;

/// Recovery codes at a time.
const CODES: usize = 10;
/// Letters and digits that are not mistaken for one another.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A new secret of 160 bits.
pub fn fresh(random: &mut ThreadRng) -> Vec<u8> {
    random.random::<[u8; 20]>().to_vec()
}

fn totp(secret: &[u8], account: &str) -> Result<Totp, AuthError> {
    // A colon parts issuer from account in the address that apps read.
    let account = account.replace(':', "");
    Builder::new()
        .with_secret(secret.to_vec())
        .with_issuer(Some("Parallax"))
        .with_account_name(account)
        .build()
        .map_err(|fault| AuthError::Sealed(fault.to_string()))
}

/// What an app is shown: the secret to type, and the same as a picture.
#[derive(Debug, Clone)]
pub struct Shown {
    /// In base32, in groups of four.
    pub typed: String,
    /// A QR code as SVG path data and its width in modules.
    pub picture: String,
}

/// What is shown once, while the second factor is being set up.
pub fn show(secret: &[u8], account: &str) -> Result<Shown, AuthError> {
    let totp = totp(secret, account)?;
    let address = totp.to_url().map_err(|fault| AuthError::Sealed(fault.to_string()))?;
    let code = QrCode::with_error_correction_level(address.as_bytes(), EcLevel::M)
        .map_err(|fault| AuthError::Sealed(fault.to_string()))?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    let picture = picture.split_once("?>").map_or(picture.as_str(), |(_, svg)| svg).to_owned();
    let base32 = base32(secret);
    let groups: Vec<&str> =
        base32.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    Ok(Shown { typed: groups.join(" "), picture })
}

fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    bits.chunks(5)
        .map(|five| {
            let index =
                (0..5).fold(0, |sum, at| sum * 2 + usize::from(five.get(at).copied().unwrap_or(false)));
            char::from(ALPHABET[index])
        })
        .collect()
}

/// The step a code belongs to, if it is right now, one step early or one late.
pub fn step(secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<i64> {
    let code: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let seconds = u64::try_from(now.timestamp()).ok()?;
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let step = totp(secret, "code").ok()?.check(&code, seconds)?;
    i64::try_from(step).ok()
}

/// Codes that each work once, as `ABCDE-FGHJK`, and what is kept of them.
pub fn recovery(random: &mut ThreadRng) -> (Vec<String>, Vec<Vec<u8>>) {
    let codes: Vec<String> = (0..CODES)
        .map(|_| {
            let letters: Vec<u8> =
                random.random::<[u8; 10]>().iter().map(|byte| LETTERS[usize::from(byte % 32)]).collect();
            let text = String::from_utf8_lossy(&letters).into_owned();
            format!("{}-{}", &text[..5], &text[5..])
        })
        .collect();
    let hashes = codes.iter().map(|code| recovery_hash(code)).collect();
    (codes, hashes)
}

/// What is kept of a recovery code, however it is typed. Fifty random bits behind a throttle.
pub fn recovery_hash(code: &str) -> Vec<u8> {
    let bare: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    Sha256::digest(bare.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: its secret, its times, the last six digits of its codes.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            let now = DateTime::from_timestamp(seconds, 0).expect("a time");
            assert_eq!(step(secret, code, now), Some(seconds / 30));
            assert_eq!(step(secret, &format!("{} {}", &code[..3], &code[3..]), now), Some(seconds / 30));
        }
    }

    #[test]
    fn other_times_and_other_texts_do_not_pass() {
        let now = DateTime::from_timestamp(1_111_111_109, 0).expect("a time");
        let late = DateTime::from_timestamp(1_111_111_109 + 90, 0).expect("a time");
        assert_eq!(step(b"12345678901234567890", "081804", late), None);
        for wrong in ["", "08180", "0818044", "abcdef", "٠٨١٨٠٤", "-81804"] {
            assert_eq!(step(b"12345678901234567890", wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_is_what_is_kept() {
        let shown = show(b"12345678901234567890", "ann:x@example.org").expect("shown");
        assert_eq!(shown.typed, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert!(shown.picture.starts_with("<svg") && !shown.picture.contains("style"));
    }

    #[test]
    fn a_recovery_code_may_be_typed_loosely() {
        let (codes, hashes) = recovery(&mut rand::rng());
        assert_eq!((codes.len(), hashes.len()), (10, 10));
        assert_eq!(recovery_hash(&codes[3].replace('-', " ").to_lowercase()), hashes[3]);
    }
}
