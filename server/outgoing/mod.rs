//! Requests to addresses that people or sources name: registries, providers, webhooks, trackers. They
//! must not reach, through us, what only we can reach.
//!
//! One rule: a guard has a nearest zone, and nothing nearer is asked. Names are judged after they are
//! resolved, on every connection, and the connection goes to the very address that was judged, so a
//! name that changes its mind in between gains nothing. Redirects are not followed: who wants to
//! follow one asks the guard again. Knows no source and no purpose.

mod body;
mod zone;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use tokio::time::timeout;
use url::{Host, Url};

use crate::config::Reach;
pub use body::{Unread, read};
pub use zone::Zone;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);

/// Why an address is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another scheme than http and https, or no host.
    #[error("{0} is not an http or https address")]
    Scheme(String),
    /// Nearer to us than this guard lets anybody go.
    #[error("{0} is on a network that may not be asked from here")]
    Near(String),
    /// A user name or password stands in the address, where it would be shown and logged.
    #[error("{0} holds a user name or password; give them on their own")]
    Login(String),
}

/// Lets through what is no nearer to us than `nearest`.
#[derive(Clone)]
pub struct Guard {
    nearest: Zone,
    names: Arc<dyn Resolve>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Guard({:?})", self.nearest)
    }
}

impl Guard {
    /// A guard that goes as far as the operator allows.
    pub fn new(reach: Reach) -> Self {
        Self::to(match reach {
            Reach::Internet => Zone::Public,
            Reach::Private => Zone::Private,
            Reach::Loopback => Zone::Loopback,
        })
    }

    /// A guard that goes as near as `nearest`.
    pub fn to(nearest: Zone) -> Self {
        Self { nearest, names: Arc::new(System) }
    }

    /// The same guard over other names than the system's.
    #[must_use]
    pub fn over(self, names: Arc<dyn Resolve>) -> Self {
        Self { names, ..self }
    }

    /// The guard for what the server at `base` leads to: no nearer than that server itself, which may
    /// be no nearer than this guard goes. A name that does not resolve is left to the connection to
    /// fail on (or to a proxy to resolve), under the strictest rule.
    pub async fn around(&self, base: &Url) -> Result<Self, Refused> {
        self.check(base)?;
        let nearest = match base.host() {
            Some(Host::Ipv4(address)) => Zone::of(address.into()),
            Some(Host::Ipv6(address)) => Zone::of(address.into()),
            Some(Host::Domain(name)) => self.nearest_of(name).await,
            None => Zone::Public,
        };
        if !self.allows(nearest) {
            return Err(Refused::Near(base.origin().ascii_serialization()));
        }
        Ok(Self { nearest, names: Arc::clone(&self.names) })
    }

    async fn nearest_of(&self, name: &str) -> Zone {
        let Ok(asked) = name.parse::<Name>() else { return Zone::Public };
        let found = timeout(RESOLVE_WITHIN, self.names.resolve(asked)).await.ok().and_then(Result::ok);
        found.and_then(|all| all.map(|one| Zone::of(one.ip())).max()).unwrap_or(Zone::Public)
    }

    /// How near it goes.
    pub fn nearest(&self) -> Zone {
        self.nearest
    }

    fn allows(&self, zone: Zone) -> bool {
        zone != Zone::Never && zone <= self.nearest
    }

    /// Whether `url` may be asked, as far as it can be told before its name is resolved. Numbers are
    /// judged in every spelling: the address was parsed as the URL standard says (WHATWG URL, host
    /// parsing), which reads decimal, octal and hexadecimal forms.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        let place = || url.origin().ascii_serialization();
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Login(place()));
        }
        let zone = match url.host() {
            Some(Host::Ipv4(address)) => Zone::of(address.into()),
            Some(Host::Ipv6(address)) => Zone::of(address.into()),
            Some(Host::Domain(_)) => Zone::Public,
            None => return Err(Refused::Scheme(url.scheme().to_owned())),
        };
        if self.allows(zone) { Ok(()) } else { Err(Refused::Near(place())) }
    }

    /// A client whose every connection this guard judges; it follows no redirect. Its caller checks
    /// each address with [`Guard::check`] first, since a number is never resolved.
    pub fn client(&self, within: Duration) -> Result<reqwest::Client, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("parallax/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN.min(within))
            .timeout(within)
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(self.clone()));
        if self.nearest == Zone::Loopback {
            builder = builder.no_proxy();
        }
        builder.build()
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, asked) = (self.clone(), name.as_str().to_owned());
        let finding = self.names.resolve(name);
        Box::pin(async move {
            let found = finding.await?;
            let allowed: Vec<SocketAddr> = found.filter(|one| guard.allows(Zone::of(one.ip()))).collect();
            if allowed.is_empty() {
                return Err(Refused::Near(asked).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Names as this machine knows them.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn admits(nearest: Zone, url: &str) -> bool {
        Guard::to(nearest).check(&Url::parse(url).expect("a url")).is_ok()
    }

    #[test]
    fn nothing_leads_inwards() {
        assert!(admits(Zone::Public, "https://1.1.1.1/") && admits(Zone::Public, "https://example.org/"));
        for inward in [
            "http://10.0.0.1/",
            "http://127.0.0.1/",
            "http://[::1]/",
            "http://[fd00::1]/",
            "http://100.64.0.1/",
            "http://[::ffff:10.0.0.1]/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
        ] {
            assert!(!admits(Zone::Public, inward), "{inward}");
        }
        assert!(admits(Zone::Private, "http://192.168.0.1/") && !admits(Zone::Private, "http://127.0.0.1/"));
        assert!(admits(Zone::Loopback, "http://127.0.0.1/") && admits(Zone::Loopback, "http://8.8.8.8/"));
    }

    #[test]
    fn metadata_odd_schemes_and_logins_are_never_asked() {
        for never in [
            "http://169.254.169.254/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://255.255.255.255/",
            "file:///etc/passwd",
            "ftp://1.1.1.1/",
            "https://ann:secret@1.1.1.1/",
        ] {
            assert!(!admits(Zone::Loopback, never), "{never}");
        }
        let told = Guard::to(Zone::Loopback).check(&Url::parse("https://ann:secret@h/").expect("a url"));
        assert!(!told.expect_err("refused").to_string().contains("secret"));
    }

    /// A name that is public when it is first looked at and on this machine from then on.
    struct Fickle(AtomicUsize);

    impl Resolve for Fickle {
        fn resolve(&self, _: Name) -> Resolving {
            let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
            let address: [u8; 4] = if first { [192, 0, 9, 1] } else { [127, 0, 0, 1] };
            Box::pin(async move { Ok(Box::new(std::iter::once(SocketAddr::from((address, 0)))) as Addrs) })
        }
    }

    #[tokio::test]
    async fn a_name_that_changes_its_mind_is_judged_each_time() {
        let guard = Guard::new(Reach::Internet).over(Arc::new(Fickle(AtomicUsize::new(0))));
        let name = || "fickle.example".parse::<Name>().expect("a name");
        assert!(guard.resolve(name()).await.is_ok(), "public at first");
        let Err(refused) = guard.resolve(name()).await else { panic!("it leads to this machine now") };
        assert!(refused.to_string().contains("fickle.example"), "{refused}");
        let sent =
            guard.client(Duration::from_secs(2)).expect("a client").get("http://fickle.example:1/").send();
        assert!(sent.await.is_err());
    }
}
