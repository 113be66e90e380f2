//! Where a registry may send us. It names addresses of its own choosing (redirects to blob stores,
//! token servers), and must not thereby reach what only we can reach.
//!
//! The rule: nothing leads inwards. A registry on the internet leads only to the internet, one on a
//! private network also to private addresses, one on this machine also to this machine; nothing
//! leads to link-local addresses, where clouds keep their metadata. Names are judged after they
//! are resolved, on every connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;
use url::{Host, Url};

/// How near to us an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Zone {
    /// The internet.
    Public,
    /// A private network.
    Private,
    /// This machine.
    Loopback,
    /// Nowhere we go: link-local, multicast, unspecified.
    Never,
}

/// Lets through what is no nearer to us than the registry itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    nearest: Zone,
}

impl Guard {
    /// A guard for the registry at `base`. A name that does not resolve is left to the connection
    /// to fail on (or to a proxy to resolve), under the strictest rule.
    pub(super) async fn around(base: &Url) -> Self {
        let port = base.port_or_known_default().unwrap_or(443);
        let nearest = match base.host() {
            Some(Host::Ipv4(address)) => zone(address.into()),
            Some(Host::Ipv6(address)) => zone(address.into()),
            Some(Host::Domain(name)) => {
                let found = timeout(Duration::from_secs(5), tokio::net::lookup_host((name, port))).await;
                let found = found.ok().and_then(Result::ok);
                found.and_then(|all| all.map(|one| zone(one.ip())).max()).unwrap_or(Zone::Public)
            }
            None => Zone::Public,
        };
        Self { nearest }
    }

    /// How near the registry is.
    pub(super) fn nearest(self) -> Zone {
        self.nearest
    }

    fn allows(self, address: IpAddr) -> bool {
        let zone = zone(address);
        zone != Zone::Never && zone <= self.nearest
    }

    /// Whether `url` may be asked, as far as it can be told before its name is resolved.
    pub(super) fn admits(self, url: &Url) -> bool {
        matches!(url.scheme(), "http" | "https")
            && match url.host() {
                Some(Host::Ipv4(address)) => self.allows(address.into()),
                Some(Host::Ipv6(address)) => self.allows(address.into()),
                Some(Host::Domain(_)) => true,
                None => false,
            }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|one| guard.allows(one.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("{} is at no address this registry may lead to", name.as_str()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn zone(address: IpAddr) -> Zone {
    match address.to_canonical() {
        IpAddr::V4(address) => zone4(address),
        IpAddr::V6(address) => zone6(address),
    }
}

fn zone4(address: Ipv4Addr) -> Zone {
    let [a, b, ..] = address.octets();
    if address.is_loopback() {
        Zone::Loopback
    } else if a == 0 || a >= 224 || address.is_link_local() {
        Zone::Never
    } else if address.is_private()
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
    {
        Zone::Private
    } else {
        Zone::Public
    }
}

fn zone6(address: Ipv6Addr) -> Zone {
    /// Where AWS keeps its metadata, in the midst of a private range.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
    if address.is_loopback() {
        Zone::Loopback
    } else if address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address == METADATA
    {
        Zone::Never
    } else if address.is_unique_local() {
        Zone::Private
    } else {
        Zone::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(nearest: Zone, url: &str) -> bool {
        Guard { nearest }.admits(&Url::parse(url).expect("a url"))
    }

    #[test]
    fn nothing_leads_inwards() {
        assert!(admits(Zone::Public, "https://1.1.1.1/"));
        for inward in [
            "http://10.0.0.1/",
            "http://127.0.0.1/",
            "http://[::1]/",
            "http://100.64.0.1/",
            "http://[::ffff:10.0.0.1]/",
            "http://2130706433/",
        ] {
            assert!(!admits(Zone::Public, inward), "{inward}");
        }
        assert!(admits(Zone::Private, "http://192.168.0.1/") && !admits(Zone::Private, "http://127.0.0.1/"));
        assert!(admits(Zone::Loopback, "http://127.0.0.1/") && admits(Zone::Loopback, "http://8.8.8.8/"));
    }

    #[test]
    fn metadata_and_odd_schemes_are_never_asked() {
        for never in [
            "http://169.254.169.254/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://255.255.255.255/",
            "file:///etc/passwd",
            "ftp://1.1.1.1/",
        ] {
            assert!(!admits(Zone::Loopback, never), "{never}");
        }
    }
}
