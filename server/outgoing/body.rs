//! The body of an answer, up to a bound.

use reqwest::Response;

/// Why a body is not here.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// More than the bound.
    #[error("the answer is larger than {0} bytes")]
    Bound(usize),
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
}

/// Reads a body of at most `most` bytes; a longer one is not read to its end.
pub async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await? {
        if body.len() + part.len() > most {
            return Err(Unread::Bound(most));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
