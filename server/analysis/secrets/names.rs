//! Judges a value by its name: password-like names with values that can be passwords.

use super::{checks, hit, values};
use crate::model::SecretHit;

mod words;

use words::{
    ABOUT, GENERATED, GENERATED_ENDINGS, JOINED, NOT_SECRET, PASSWORD_ENDINGS, PASSWORDS, SECRET_KEYS,
};

/// What a name promises of its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// A password, which people choose: any word may be one.
    Password,
    /// A secret, token or key, which machines make.
    Generated,
}

/// Whether `value` under `name` is a secret.
pub(super) fn judge(name: &str, value: &str) -> Option<SecretHit> {
    let value = value.trim().trim_matches(['"', '\'', '`']);
    let promise = promise(name)?;
    let silent = values::is_reference(value)
        || values::has_reference(value)
        || values::is_loose_placeholder(value)
        || values::is_flag(value)
        || values::is_location(value)
        || value.chars().any(char::is_control);
    (!silent && keeps(promise, value)).then(|| hit("password-like-name", value, 0))
}

/// Whether `name` promises a secret at all; a cheap test before the value is looked at.
fn promise(name: &str) -> Option<Promise> {
    let words = words(name);
    for (place, word) in words.iter().enumerate() {
        let Some(promise) = promise_of(&words, place, word) else { continue };
        let after = words.get(place + 1..).unwrap_or_default();
        let before = words.get(..place).unwrap_or_default();
        let about = after.iter().any(|word| ABOUT.contains(&word.as_str()));
        if !about && !before.iter().any(|word| NOT_SECRET.contains(&word.as_str())) {
            return Some(promise);
        }
    }
    None
}

fn promise_of(words: &[String], place: usize, word: &str) -> Option<Promise> {
    // `secret key`, `token secret key`: the pair is one thing, judged at its `key`.
    if words.get(place + 1).is_some_and(|next| next == "key") && SECRET_KEYS.contains(&word) {
        return None;
    }
    if PASSWORDS.contains(&word) || JOINED.contains(&word) || ends(word, PASSWORD_ENDINGS) {
        return Some(Promise::Password);
    }
    let pair = word == "key" && place > 0 && SECRET_KEYS.contains(&words[place - 1].as_str());
    (pair || GENERATED.contains(&word) || ends(word, GENERATED_ENDINGS)).then_some(Promise::Generated)
}

/// Whether a word is one of these with another before it, as in `PGPASSWORD`.
fn ends(word: &str, endings: &[&str]) -> bool {
    let before = endings.iter().find_map(|ending| word.strip_suffix(ending));
    before.is_some_and(|before| !before.is_empty() && !NOT_SECRET.contains(&before))
}

/// `DB_PASSWORD`, `dbPassword`, `Db.Password-1` as words in lower case; digits at the end of a word
/// are dropped.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before = '_';
    for character in name.chars().take(200) {
        let camel = character.is_ascii_uppercase() && before.is_ascii_lowercase();
        if (camel || !character.is_ascii_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_ascii_alphanumeric() {
            word.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    words.push(word);
    for word in &mut words {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if letters > 0 && !["sha1", "sha256", "md5"].contains(&word.as_str()) {
            word.truncate(letters);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether the value keeps what its name promises.
fn keeps(promise: Promise, value: &str) -> bool {
    let length = value.chars().count();
    // The vaults' names end in a few random letters: `prod/orders/db-x7Kp2Q`.
    let named =
        value.rsplit_once('-').filter(|(_, suffix)| suffix.len() == 6).map_or(value, |(name, _)| name);
    if values::is_wordy(named, 2) {
        return false;
    }
    match promise {
        Promise::Password => {
            let number = values::is_measure(value) && length < 6;
            (4..=256).contains(&length) && !number
        }
        Promise::Generated => {
            let digits = value.bytes().any(|byte| byte.is_ascii_digit());
            let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
            let mixed = digits && letters || (length >= 20 && !values::is_camel(value));
            (8..=4096).contains(&length)
                && mixed
                && !value.contains(' ')
                && !values::is_measure(value)
                && (length >= 20 || !values::is_wordy(value, 1))
                && checks::entropy(value) >= 2.5
        }
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_password_is_one_where_nothing_divides_its_name() {
        for name in ["PGPASSWORD", "DBPASSWORD", "SMTPPASSWORD", "userpasswd", "DBPWD", "SSHPASS"] {
            assert!(judge(name, "hunter2xyz").is_some(), "{name}");
        }
        for name in ["CLIENTSECRET", "AUTHTOKEN", "GITHUBTOKEN", "MYAPIKEY"] {
            assert!(judge(name, "k9v2Qx7LmZp4Rt8s").is_some(), "{name}");
        }
    }

    #[test]
    fn words_that_end_alike_are_left_alone() {
        for (name, value) in [
            ("PGPASSFILE", "hunter2xyz"),
            ("BYPASS", "hunter2xyz"),
            ("COMPASS", "hunter2xyz"),
            ("NEXTTOKEN", "k9v2Qx7LmZp4Rt8s"),
            ("CSRFTOKEN", "k9v2Qx7LmZp4Rt8s"),
            ("MAXTOKEN", "k9v2Qx7LmZp4Rt8s"),
            ("FORGOTPASSWORD", "k9v2Qx7LmZp4Rt8s"),
            ("PGPASSWORD_FILE", "hunter2xyz"),
            ("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential"),
            ("AUTH_SECRET", "com.acme.orders.SecretProvider"),
        ] {
            assert!(judge(name, value).is_none(), "{name}");
        }
    }
}
