//! Passwords: argon2id (RFC 9106) with the parameters OWASP's password storage sheet asks for
//! at least: 19 MiB, two passes, one lane.

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::AuthError;

/// Fewer letters are guessed (NIST SP 800-63B asks for 15 where a password stands alone, 8 beside a
/// second factor).
const SHORTEST: usize = 12;
/// More are no password.
const LONGEST: usize = 1_024;
/// Each hashing takes 19 MiB and a core: so many at once, the rest waits.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// What is hashed against where there is no such person, so that the time tells nothing.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$9JQqGLO6mWSsMoxFOWOPQEtGQVoyoQuv0uUA8dMeBzY";

/// Whether this may become a password.
pub fn acceptable(password: &str, email: &str) -> Result<(), AuthError> {
    let wrong = |problem: String| Err(AuthError::Invalid { field: "password", problem });
    let letters = password.chars().count();
    if letters < SHORTEST {
        return wrong(format!("use at least {SHORTEST} characters"));
    }
    if password.len() > LONGEST {
        return wrong(format!("use at most {LONGEST} bytes"));
    }
    let lower = password.to_lowercase();
    let distinct = lower.chars().collect::<std::collections::BTreeSet<_>>().len();
    let name = email.split('@').next().unwrap_or("");
    if distinct < 5 || (name.len() > 3 && lower.contains(name)) || lower.contains("parallax") {
        return wrong("too easy to guess: avoid repeated letters, your name and ours".into());
    }
    Ok(())
}

/// The hash that is kept; `salt` is random.
pub async fn hash(password: &str, salt: [u8; 16]) -> Result<String, AuthError> {
    let password = password.to_owned();
    heavy(move || {
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|fault| AuthError::Sealed(fault.to_string()))
    })
    .await?
}

/// Whether this is the password; where there is no hash it takes as long and is not.
pub async fn verify(password: &str, hash: Option<&str>) -> Result<bool, AuthError> {
    if password.len() > LONGEST {
        return Ok(false);
    }
    let (password, known) = (password.to_owned(), hash.is_some());
    let hash = hash.unwrap_or(NOBODY).to_owned();
    heavy(move || Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok() && known)
        .await
}

async fn heavy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AuthError> {
    let _turn = AT_ONCE.acquire().await.map_err(|fault| AuthError::Sealed(fault.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|fault| AuthError::Sealed(fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let hash = hash("correct horse battery", [7; 16]).await.expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse battery", Some(&hash)).await.expect("an answer"));
        assert!(!verify("correct horse batterz", Some(&hash)).await.expect("an answer"));
        assert!(!verify("correct horse battery", None).await.expect("an answer"));
        assert!(argon2::password_hash::phc::PasswordHash::new(NOBODY).is_ok(), "nobody costs the same time");
    }

    #[test]
    fn what_is_easy_to_guess_is_refused() {
        for weak in ["short", "aaaaaaaaaaaaaaa", "ann.smith-2026!", "Parallax-2026-x"] {
            assert!(acceptable(weak, "ann.smith@example.org").is_err(), "{weak}");
        }
        assert!(acceptable("correct horse battery", "ann.smith@example.org").is_ok());
    }
}
