//! Calls to one registry: logged in, a few at a time, tried again where that may help.
//!
//! `oci-client` lends its manifest types (see `wire`). Its transport reads bodies without a bound
//! and follows redirects anywhere, so the calls themselves are ours.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::sync::Semaphore;
use tokio::time::{sleep, sleep_until};
use url::Url;

use super::address::Address;
use super::auth::{Auth, Challenge, Login};
use super::transport::{Answer, Request, Transport, same_origin};
use crate::collect::CollectError;
use crate::collect::image::Fault;
use crate::outgoing::{Guard, Zone};

/// Calls under way at once.
const AT_ONCE: usize = 12;
/// Tries of a call whose failures may pass.
const TRIES: u32 = 4;
/// How long a call may be put off by throttling, in all.
const PATIENCE: Duration = Duration::from_mins(2);
/// Longest single wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const PROBE_LIMIT: usize = 1 << 20;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// We, with our login.
    Us,
    /// Anybody, without one.
    Anyone,
}

/// One thing asked of the registry.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) who: Who,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    pub(super) scope: String,
    pub(super) limit: usize,
}

/// A registry we can ask.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) address: Address,
    transport: Transport,
    us: Auth,
    anyone: Auth,
    at_once: Semaphore,
    /// Nobody asks before this moment.
    not_before: Mutex<Option<Instant>>,
    /// Calls throttled since one was not.
    turned_away: AtomicU32,
    zone: Zone,
    open: bool,
    no_referrers: AtomicBool,
}

impl Client {
    /// Finds out whether `address` is a registry, what it asks for, and whether it takes `login`.
    pub(super) async fn connect(address: Address, login: Login, guard: &Guard) -> Result<Self, CollectError> {
        let what = format!("registry {}", address.name);
        let guard = match guard.around(&address.base).await {
            Ok(guard) => guard,
            Err(no) => return Err(CollectError::Invalid { what, problem: no.to_string() }),
        };
        let zone = guard.nearest();
        let unreachable = |fault: &Fault, plain: bool| CollectError::Unreachable {
            what: what.clone(),
            cause: format!("{fault}{}", hint(fault, plain)),
        };
        let plain = address.base.scheme() == "http";
        let transport = Transport::new(guard, !plain).map_err(|fault| unreachable(&fault, plain))?;
        let mut client = Self {
            address,
            transport,
            us: Auth::new(login),
            anyone: Auth::new(Login::Anonymous),
            at_once: Semaphore::new(AT_ONCE),
            not_before: Mutex::new(None),
            turned_away: AtomicU32::new(0),
            zone,
            open: false,
            no_referrers: AtomicBool::new(false),
        };
        let root =
            client.ask(Who::Anyone, "v2/", "", PROBE_LIMIT).map_err(|fault| unreachable(&fault, plain))?;
        match client.patiently(&root, || client.bare(&root)).await {
            Ok(_) => client.open = true,
            Err(Fault::Refused { .. }) if client.us.challenge().is_some() => {
                client.log_in(&root, &what).await?;
            }
            Err(fault @ (Fault::Refused { .. } | Fault::NotFound { .. } | Fault::Status { .. })) => {
                let hint = hint(&fault, plain);
                let problem = format!("no registry answers at {}: {fault}{hint}", root.url);
                return Err(CollectError::Invalid { what, problem });
            }
            Err(fault) => return Err(unreachable(&fault, plain)),
        }
        Ok(client)
    }

    /// The first request: without login, learning what is asked for.
    async fn bare(&self, ask: &Ask) -> Result<Answer, Fault> {
        let answer = self.transport.send(&request(ask, None)).await?;
        if answer.status.as_u16() == 401 && self.us.learn(&answer.challenges) {
            self.anyone.learn(&answer.challenges);
        }
        answer.good()
    }

    /// Shows our login once, so that a wrong password is an error and not a thousand gaps.
    async fn log_in(&self, root: &Ask, what: &str) -> Result<(), CollectError> {
        let refused = |code: String| CollectError::Credentials { what: what.to_owned(), code };
        if self.us.is_anonymous() {
            return match self.us.challenge() {
                Some(Challenge::Basic) => {
                    Err(refused("none given, and it asks for a user and a password".into()))
                }
                _ => Ok(()),
            };
        }
        let ask = Ask { who: Who::Us, ..root.clone() };
        match self.call(&ask).await {
            // Some token servers give none without a scope: each call will tell for itself.
            Ok(_) | Err(Fault::Status { status: 400, .. }) => Ok(()),
            Err(Fault::Refused { code, .. }) => Err(refused(code)),
            Err(fault) => Err(CollectError::Unreachable {
                what: what.to_owned(),
                cause: format!("logging in: {fault}"),
            }),
        }
    }

    /// Whether the API answers without any login.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether we read without a login.
    pub(super) fn is_anonymous(&self) -> bool {
        self.us.is_anonymous()
    }

    /// How near to us the registry is.
    pub(super) fn zone(&self) -> Zone {
        self.zone
    }

    /// Whether the registry may keep lists of what refers to an image.
    pub(super) fn lists_referrers(&self) -> bool {
        !self.no_referrers.load(Ordering::Relaxed)
    }

    /// It does not: nobody need ask again.
    pub(super) fn lacks_referrers(&self) {
        self.no_referrers.store(true, Ordering::Relaxed);
    }

    /// A GET of `path`, which may carry a query.
    pub(super) fn ask(&self, who: Who, path: &str, scope: &str, limit: usize) -> Result<Ask, Fault> {
        let url = self.address.base.join(path).map_err(|error| Fault::Unreadable(error.to_string()))?;
        let (scope, accept) = (scope.to_owned(), "application/json");
        Ok(Ask { who, method: Method::GET, url, accept, scope, limit })
    }

    /// The page after `answer`, if it names one. It must be on this registry and of the same list.
    pub(super) fn next_page(&self, ask: &Ask, answer: &Answer) -> Result<Option<Ask>, Fault> {
        let Some(link) = answer.link.as_deref().and_then(super::wire::next_link) else { return Ok(None) };
        let url = ask.url.join(link).map_err(|error| Fault::Unreadable(format!("the next page: {error}")))?;
        if !same_origin(&url, &self.address.base) || url.path() != ask.url.path() {
            return Err(Fault::LedAstray(url.origin().ascii_serialization()));
        }
        if url == ask.url {
            return Err(Fault::Bound("the next page is this page again".into()));
        }
        Ok(Some(Ask { url, ..ask.clone() }))
    }

    /// Asks, logged in, and tries again where that may help.
    pub(super) async fn call(&self, ask: &Ask) -> Result<Answer, Fault> {
        self.patiently(ask, || self.logged_in(ask)).await
    }

    /// Gives up the tokens of a scope that is done with.
    pub(super) fn forget(&self, scope: &str) {
        self.us.forget(scope);
        self.anyone.forget(scope);
    }

    async fn logged_in(&self, ask: &Ask) -> Result<Answer, Fault> {
        let auth = if ask.who == Who::Us { &self.us } else { &self.anyone };
        let header = auth.header(&self.transport, &ask.scope).await?;
        let answer = self.transport.send(&request(ask, header)).await?;
        if answer.status.as_u16() != 401 || !auth.learn(&answer.challenges) {
            return answer.good();
        }
        auth.forget(&ask.scope);
        match auth.header(&self.transport, &ask.scope).await? {
            Some(header) => self.transport.send(&request(ask, Some(header))).await?.good(),
            None => answer.good(),
        }
    }

    async fn patiently<F>(&self, ask: &Ask, attempt: impl Fn() -> F) -> Result<Answer, Fault>
    where
        F: Future<Output = Result<Answer, Fault>>,
    {
        let started = Instant::now();
        let mut tries = 0;
        loop {
            let outcome = {
                let _permit = self.at_once.acquire().await;
                self.wait_for_turn().await;
                attempt().await
            };
            let fault = match outcome {
                Err(fault) if fault.is_passing() => fault,
                settled => {
                    self.turned_away.store(0, Ordering::Relaxed);
                    return settled;
                }
            };
            tries += 1;
            let wait = pause(&fault, tries);
            let throttled = matches!(fault, Fault::Throttled { .. });
            if (!throttled && tries >= TRIES) || started.elapsed() + wait > PATIENCE {
                return Err(fault);
            }
            tracing::debug!(path = ask.url.path(), %fault, wait_ms = wait.as_millis(), "trying again");
            // One call turned away waits alone; several in a row mean all of us.
            if throttled && self.turned_away.fetch_add(1, Ordering::Relaxed) > 0 {
                self.put_off(wait);
            } else {
                sleep(wait).await;
            }
        }
    }

    fn put_off(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = Some(not_before.map_or(until, |earlier| earlier.max(until)));
    }

    async fn wait_for_turn(&self) {
        let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(moment) = not_before {
            sleep_until(moment.into()).await;
        }
    }
}

fn request(ask: &Ask, authorization: Option<reqwest::header::HeaderValue>) -> Request {
    Request {
        method: ask.method.clone(),
        url: ask.url.clone(),
        accept: ask.accept,
        authorization,
        limit: ask.limit,
    }
}

/// How long to wait: what the registry wishes, or a doubling time with jitter.
fn pause(fault: &Fault, tries: u32) -> Duration {
    let jitter = f64::from(rand::random::<u8>()) / 256.0;
    match fault {
        Fault::Throttled { after: Some(after) } => {
            (*after).min(LONGEST_WAIT) + Duration::from_millis(250).mul_f64(jitter)
        }
        _ => (Duration::from_millis(200) * 2_u32.pow(tries.min(8)))
            .min(LONGEST_WAIT)
            .mul_f64(0.5 + jitter / 2.0),
    }
}

/// What a user may have meant when TLS and no TLS met.
fn hint(fault: &Fault, plain: bool) -> &'static str {
    match fault {
        Fault::Network(words)
            if !plain && (words.contains("InvalidContentType") || words.contains("corrupt message")) =>
        {
            "; it does not speak TLS: use --plain-http if that is meant"
        }
        Fault::Status { status: 400, .. } if plain => "; it may speak TLS: try without --plain-http",
        Fault::Network(words) if plain && words.contains("invalid HTTP") => {
            "; it may speak TLS: try without --plain-http"
        }
        _ => "",
    }
}
