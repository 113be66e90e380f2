//! What a registry sends beside images, as far as we read it. Everything a registry may leave out is
//! optional; what is left out is never invented.

use serde::Deserialize;

/// Manifests and indexes of both families; schema 1 last, so that it is only sent where there is
/// nothing else.
pub(super) const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1";

/// A page of the catalogue.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Catalogue {
    #[serde(default)]
    pub(super) repositories: Option<Vec<String>>,
}

/// A page of a repository's tags.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Tags {
    #[serde(default)]
    pub(super) tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: String,
}

/// The registry's own code in an error body, if it has one worth showing.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    let errors: Errors = serde_json::from_slice(body).ok()?;
    let code = errors.errors.into_iter().next()?.code;
    let tame = !code.is_empty()
        && code.len() <= 60
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    tame.then_some(code)
}

/// The target of `rel="next"` in a `Link` header.
pub(super) fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let (target, after) = rest.get(start + 1..)?.split_once('>')?;
        let (parameters, next) = match after.find('<') {
            Some(end) => after.split_at(end),
            None => (after, ""),
        };
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            key.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        });
        if is_next {
            return Some(target);
        }
        rest = next;
    }
    None
}

/// What refers to an image.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Referrers {
    #[serde(default)]
    pub(super) manifests: Vec<Referrer>,
}

/// One thing that refers to an image.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Referrer {
    pub(super) artifact_type: Option<String>,
}

impl Referrer {
    /// Whether it is a signature, or a signed statement. A bill of materials and the unsigned
    /// provenance of a build tool are neither: anybody who can push can write them.
    pub(super) fn signs(&self) -> bool {
        let kind = self.artifact_type.as_deref().unwrap_or_default();
        ["cosign.artifact.sig", "notary.signature", "sigstore.bundle"]
            .iter()
            .any(|known| kind.contains(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        assert_eq!(next_link(r#"</v2/_catalog?last=b&n=2>; rel="next""#), Some("/v2/_catalog?last=b&n=2"));
        assert_eq!(next_link(r"<a>; rel=prev, <b>; rel=next"), Some("b"));
        assert_eq!(next_link("<a>; rel=prev"), None);
        assert_eq!(next_link("a"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
            let _ = error_code(&bytes);
            let _ = next_link(&text);
        }
    }
}
