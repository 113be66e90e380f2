//! Secrets that look real to a detector (right length, right checksum) and open nothing: each is
//! drawn, none is written down.

use super::seed::Draw;

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A variable that gives a secret away: its name and its value.
pub fn variable(draw: &mut Draw) -> (&'static str, String) {
    match draw.below(7) {
        0 => ("AWS_ACCESS_KEY", access_key(draw)),
        1 => ("GITHUB_TOKEN", github_token(draw)),
        2 => ("STRIPE_API_KEY", format!("sk_live_{}", draw.text(BASE62, 24))),
        3 => ("DATABASE_URL", database_url(draw)),
        4 => ("SLACK_WEBHOOK", slack_webhook(draw)),
        5 => ("SENDGRID_API_KEY", format!("SG.{}.{}", draw.text(BASE62, 22), draw.text(BASE62, 43))),
        _ => ("DB_PASSWORD", password(draw)),
    }
}

/// A long-lived AWS access key id.
pub fn access_key(draw: &mut Draw) -> String {
    format!("AKIA{}", draw.text(BASE32, 16))
}

/// A personal access token with a right checksum: the CRC-32 of its random part in base 62.
pub fn github_token(draw: &mut Draw) -> String {
    let random = draw.text(BASE62, 30);
    let mut rest = u64::from(crc32(random.as_bytes()));
    let mut tail = [b'0'; 6];
    for digit in tail.iter_mut().rev() {
        *digit = BASE62[usize::try_from(rest % 62).unwrap_or_default()];
        rest /= 62;
    }
    format!("ghp_{random}{}", tail.map(char::from).iter().collect::<String>())
}

/// A password somebody made up.
pub fn password(draw: &mut Draw) -> String {
    format!("{}{}!{}", draw.text(b"BCDFGHJKLMNP", 1), draw.text(BASE62, 11), draw.below(90) + 10)
}

/// The key of a storage account, as part of a connection string.
pub fn storage_connection(draw: &mut Draw, account: &str) -> String {
    format!(
        "DefaultEndpointsProtocol=https;AccountName={account};AccountKey={}==;EndpointSuffix=core.windows.net",
        draw.text(BASE64, 86)
    )
}

fn database_url(draw: &mut Draw) -> String {
    let password = draw.text(BASE62, 18);
    format!("postgres://app:{password}@db-{}.orders.internal:5432/app", draw.below(40))
}

fn slack_webhook(draw: &mut Draw) -> String {
    let (team, hook) = (draw.text(BASE32, 9), draw.text(BASE32, 9));
    format!("https://hooks.slack.com/services/T{team}/B{hook}/{}", draw.text(BASE62, 24))
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::seed::Place;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn every_kind_is_one_a_detector_finds() {
        use crate::analysis::secrets::{FingerprintKey, inspect, scan_text};
        let key = FingerprintKey::new([3; 32]);
        let mut kinds = std::collections::BTreeSet::new();
        for index in 0..300 {
            let mut draw = Place::root(9).nth(index).draw("secret");
            let (name, value) = variable(&mut draw);
            let found = inspect(name, &value, &key);
            assert!(found.secret.is_some(), "{name}");
            kinds.insert(name);
            let token = github_token(&mut draw);
            assert!(!scan_text(&format!("RUN |1 GITHUB_TOKEN={token} /bin/sh -c fetch")).is_empty());
            let storage = storage_connection(&mut draw, "stbilling");
            assert!(inspect("AzureWebJobsStorage", &storage, &key).secret.is_some());
        }
        assert_eq!(kinds.len(), 7);
    }

    #[test]
    fn tokens_have_their_lengths() {
        let mut draw = Place::root(1).draw("secret");
        assert_eq!(github_token(&mut draw).len(), 40);
        assert_eq!(access_key(&mut draw).len(), 20);
    }
}
