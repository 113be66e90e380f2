//! Addresses, names, tags and digests: what may go into a URL, and what the URL is.

use url::Url;

use crate::collect::CollectError;

/// The registry that `docker.io` stands for.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// Where a registry is.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// As the user typed it: the first part of every native id.
    pub(super) name: String,
    /// Where its API begins.
    pub(super) base: Url,
}

impl Address {
    /// Reads `host` or `host:port`.
    pub(super) fn parse(text: &str, plain_http: bool) -> Result<Self, CollectError> {
        let invalid = |problem: &str| CollectError::Invalid {
            what: format!("registry address {text:?}"),
            problem: problem.into(),
        };
        if text.contains("://") {
            return Err(invalid("write host or host:port, without a scheme"));
        }
        if text.is_empty() || text.contains(|c: char| "/?#@\\%".contains(c) || c.is_whitespace()) {
            return Err(invalid("write host or host:port and nothing else"));
        }
        let hub = matches!(text, "docker.io" | "index.docker.io");
        let host = if hub { DOCKER_HUB } else { text };
        let scheme = if plain_http { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{host}/")).map_err(|error| invalid(&error.to_string()))?;
        Ok(Self { name: text.to_ascii_lowercase(), base })
    }

    /// A repository's name as the API wants it: the short names of Docker Hub are in `library`.
    pub(super) fn repository(&self, name: &str) -> String {
        let short = self.base.host_str() == Some(DOCKER_HUB) && !name.contains('/');
        if short { format!("library/{name}") } else { name.to_owned() }
    }

    /// The native id of a repository.
    pub(super) fn repository_id(&self, repository: &str) -> String {
        format!("{}/{repository}", self.name)
    }

    /// The native id of an image.
    pub(super) fn image_id(&self, repository: &str, digest: &str) -> String {
        format!("{}/{repository}@{digest}", self.name)
    }
}

/// Whether `name` is a repository name as the distribution API defines it.
pub(super) fn is_repository(name: &str) -> bool {
    name.len() <= 255 && name.split('/').all(is_component)
}

/// Lower-case letters and digits, with `.`, `_`, `__` or dashes between them.
fn is_component(part: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let edges =
        bytes.first().is_some_and(|b| alphanumeric(*b)) && bytes.last().is_some_and(|b| alphanumeric(*b));
    edges
        && bytes
            .split(|byte| alphanumeric(*byte))
            .all(|between| matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|b| *b == b'-'))
}

/// Whether `tag` is a tag as the distribution API defines it.
pub(super) fn is_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|b| word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_a_host_and_perhaps_a_port() {
        let local = Address::parse("127.0.0.1:5000", true).expect("an address");
        assert_eq!(local.base.as_str(), "http://127.0.0.1:5000/");
        assert_eq!(local.image_id("a/b", "sha256:0"), "127.0.0.1:5000/a/b@sha256:0");
        let hub = Address::parse("docker.io", false).expect("an address");
        assert_eq!(hub.base.as_str(), "https://registry-1.docker.io/");
        assert_eq!((hub.repository("nginx"), hub.repository("a/b")), ("library/nginx".into(), "a/b".into()));
        for wrong in ["https://ghcr.io", "ghcr.io/owner", "user@host", "", "host:port", "a b", "host?x"] {
            let message = Address::parse(wrong, false).expect_err(wrong).to_string();
            assert!(message.contains(&format!("{wrong:?}")), "{message}");
        }
    }

    #[test]
    fn names_that_climb_or_smuggle_are_no_names() {
        for good in ["a", "library/nginx", "a.b/c_d/e__f/g---h", "0/1"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "/", "a//b", "../x", "a/..", "A", "a b", "a?b", "a___b", "a..b", "-a", "a%2f"] {
            assert!(!is_repository(bad), "{bad}");
        }
        assert!(is_tag("v1.0_x-Y") && !is_tag("") && !is_tag(".a") && !is_tag("a/b") && !is_tag("a?n"));
    }

    proptest! {
        #[test]
        fn a_name_that_passes_changes_no_other_part_of_a_url(name in "\\PC{0,20}") {
            if is_repository(&name) {
                let address = Address::parse("host", false).expect("an address");
                let url = address.base.join(&format!("v2/{name}/tags/list")).expect("a url");
                prop_assert_eq!(url.path(), format!("/v2/{name}/tags/list"));
                prop_assert!(url.query().is_none());
            }
        }
    }
}
