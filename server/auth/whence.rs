//! From where a request comes: the peer, or whom the proxy in front names.

use std::net::IpAddr;

/// The visitor's address. `forwarded` is the X-Forwarded-For header where a proxy of ours sets it:
/// its last entry is the one the proxy itself saw; all before it is the visitor's own word.
pub fn whence(forwarded: Option<&str>, peer: Option<IpAddr>) -> String {
    let named = forwarded.and_then(|all| all.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
    named.or(peer).map_or_else(|| "unknown".to_owned(), |address| address.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxys_word_counts_and_the_visitors_does_not() {
        let peer = Some(IpAddr::from([10, 0, 0, 1]));
        assert_eq!(whence(Some("1.1.1.1, 192.0.2.7"), peer), "192.0.2.7");
        assert_eq!(whence(Some("nonsense"), peer), "10.0.0.1");
        assert_eq!(whence(None, Some("::ffff:192.0.2.1".parse().expect("an address"))), "192.0.2.1");
        assert_eq!(whence(None, None), "unknown");
    }
}
