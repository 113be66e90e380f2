//! What a value is when it is not a secret: a reference, a flag, a number, a placeholder, a name.

use std::sync::LazyLock;

use regex::Regex;

/// Beginnings of values that point elsewhere, in lower case.
#[rustfmt::skip]
const REFERENCE_PREFIXES: &[&str] = &[
    "@microsoft.keyvault(", "@microsoft.appconfiguration(", "{{resolve:", "/aws/reference/secretsmanager/",
    "secretref:", "vault:", "keyvault:", "akv:", "akvs:", "ssm:", "awsssm:", "aws-ssm:", "awssm:",
    "secretsmanager:", "gcpsm:", "sm://", "gsm://", "op://", "rds!", "ref+", "kms:", "enc[", "{cipher}",
    "aqicah",
];

static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:",
        r"arn:aws[a-z-]*:(?:secretsmanager|ssm|kms):\S+",
        r"|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_][A-Za-z0-9_]*|%[A-Za-z_][A-Za-z0-9_.:-]*%",
        r"|\{\{.*\}\}|#\{[^}]*\}#?|__[A-Za-z0-9_.]+__|@@[A-Za-z0-9_.]+@@",
        r"|https://[a-z0-9-]+\.(?:vault|managedhsm)\.[a-z.]+/(?:secrets|keys|certificates)/\S*",
        r"|projects/[^/\s]+/secrets/\S+",
        r")$",
    ))
    .ok()
});

/// Whether the whole value points at a vault, a parameter or another variable.
pub(super) fn is_reference(value: &str) -> bool {
    let lower: String = value.chars().take(40).collect::<String>().to_ascii_lowercase();
    REFERENCE_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
        || REFERENCE.as_ref().is_some_and(|pattern| pattern.is_match(value))
}

/// Whether a template or reference stands inside the value.
pub(super) fn has_reference(value: &str) -> bool {
    ["${", "$(", "{{", "<%", "#{"].iter().any(|mark| value.contains(mark))
        || (value.starts_with('{') && value.ends_with('}'))
        || matches!(value, "%s" | "%v" | "%d" | "%@")
}

/// Words that say that a value is to be filled in, even within something shaped like a key.
#[rustfmt::skip]
const FILLERS: &[&str] = &[
    "example", "placeholder", "dummy", "redacted", "replaceme", "replace-me", "replace_me", "your-",
    "your_", "xxxx", "****", "....",
];
/// Words that say so in a value of no known shape.
#[rustfmt::skip]
const LOOSE_FILLERS: &[&str] = &[
    "todo", "fixme", "insert", "yourkey", "yourtoken", "yourpassword", "yoursecret", "sample", "notreal",
    "not-real", "not_real", "fake", "foobar", "to-be-", "to_be_", "lorem", "unused", "not-used", "not_used",
    "deprecated", "managed-by", "managed_by", "0123456789", "1234567890", "abcdefghij",
];

/// Whether the value stands in for another: `<your-key>`, `xxxx`, `****`, `AKIA…EXAMPLE`.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'', '`']);
    let lower = value.to_ascii_lowercase();
    let framed = [('<', '>'), ('[', ']'), ('{', '}'), ('(', ')')];
    value.is_empty()
        || framed.iter().any(|(open, close)| value.starts_with(*open) && value.ends_with(*close))
        || FILLERS.iter().any(|filler| lower.contains(filler))
        || few_characters(&lower)
}

/// Whether a value of no known shape stands in for another: beside the usual words, `sample`,
/// `todo` and counting count too.
pub(super) fn is_loose_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    LOOSE_FILLERS.iter().any(|filler| lower.contains(filler)) || is_placeholder(value)
}

/// At most two different characters: `xxxxxxxx`, `000-000`.
fn few_characters(value: &str) -> bool {
    let mut seen = [None; 2];
    for character in value.chars() {
        if seen.contains(&Some(character)) {
            continue;
        }
        let Some(free) = seen.iter_mut().find(|place| place.is_none()) else { return false };
        *free = Some(character);
    }
    true
}

/// Words that switch or say that there is nothing.
#[rustfmt::skip]
const FLAGS: &[&str] = &[
    "yes", "no", "true", "false", "on", "off", "enabled", "disabled", "enable", "disable", "none", "null",
    "nil", "undefined", "n/a", "na", "empty", "auto", "default", "optional", "required", "always", "never",
    "unset", "basic", "bearer", "oauth", "oauth2", "jwt", "iam", "plain", "plaintext", "hashed", "rotate",
    "prompt", "stdin", "env", "file", "vault", "secretsmanager", "keyvault", "ssm",
];

/// Whether the value switches something.
pub(super) fn is_flag(value: &str) -> bool {
    FLAGS.iter().any(|flag| value.eq_ignore_ascii_case(flag))
}

/// Whether the value is a number, a duration, a size, a share or a version.
pub(super) fn is_measure(value: &str) -> bool {
    static MEASURE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^(?:[-+]?\d+(?:[.,]\d+)*\s*(?:[a-z]{1,7}|%)?|pt?(?:\d+[ymwdhs])+|v\d+(?:\.\d+)*)$")
            .ok()
    });
    MEASURE.as_ref().is_some_and(|pattern| pattern.is_match(value))
}

/// Whether the value is a path, an address, an ARN or a mail address without a secret inside.
pub(super) fn is_location(value: &str) -> bool {
    // Base64 may begin with a slash too: one long random segment is not a path.
    let several = value.matches('/').count() > 1 && !value.contains(['+', '=']) && value.len() != 40;
    let path = value.starts_with("./") || value.starts_with("~/");
    let path = path || value.starts_with('/') && (several || !looks_random(value));
    let windows = value.get(1..3) == Some(":\\");
    let address = value.contains("://") || value.starts_with("arn:") || value.starts_with("urn:");
    let mail = value.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && host.contains('.')
            && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
    });
    let file = [".pem", ".key", ".json", ".txt", ".crt", ".p12", ".pfx", ".jks", ".yaml", ".yml", ".env"];
    path || windows || address || mail || file.iter().any(|end| value.ends_with(end))
}

/// Whether the value is words joined by separators, as names of things are: `prod/db-password`,
/// `MY_SECRET_NAME`, `orders-api-v2`. `least` words are needed.
pub(super) fn is_wordy(value: &str, least: usize) -> bool {
    let mut words = 0;
    for word in value.split(['-', '_', '/', '.', ':']) {
        if word.is_empty() {
            continue;
        }
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = word.len() - letters.len();
        let one_case = letters.chars().all(|c| c.is_ascii_lowercase())
            || letters.chars().all(|c| c.is_ascii_uppercase())
            || letters.chars().skip(1).all(|c| c.is_ascii_lowercase());
        if !one_case || digits > 4 || letters.len() > 16 || !letters.chars().all(|c| c.is_ascii_alphabetic())
        {
            return false;
        }
        words += 1;
    }
    words >= least
}

/// Whether the value is words run together or dotted, as names of classes and settings are:
/// `ManagedIdentityCredential`, `com.acme.orders.SecretProvider`.
pub(super) fn is_camel(value: &str) -> bool {
    let mut words = 0;
    for part in value.split('.') {
        let mut rest = part;
        while !rest.is_empty() {
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| c.is_ascii_uppercase())
                .map_or(rest.len(), |(at, _)| at);
            let (word, after) = rest.split_at(end);
            let tail = word.chars().skip(1).all(|c| c.is_ascii_lowercase());
            if word.len() < 3 || !tail || !word.chars().all(|c| c.is_ascii_alphabetic()) {
                return false;
            }
            words += 1;
            rest = after;
        }
    }
    words >= 2
}

/// Whether the value looks made by a machine: long, mixed, of high entropy.
pub(super) fn looks_random(value: &str) -> bool {
    let long = value.len() >= 16;
    let digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let letter = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
    long && digit && letter && plain && super::checks::entropy(value) >= 3.0 && !is_wordy(value, 1)
}
