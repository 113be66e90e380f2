//! Calls to AWS, one way for all: bounded concurrency, counted, and an error sorted into what it
//! means for the fact that was asked for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::model::{Fact, Gap};

/// Calls under way at once.
const AT_ONCE: usize = 32;
/// After so many answers that are no answer, an operation is not asked for again.
const PATIENCE: u32 = 3;

/// An operation as we speak of it.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// `lambda:GetPolicy`; also the permission it needs.
    pub call: &'static str,
    /// What stays dark without it.
    pub facet: &'static str,
    /// Error codes that mean *there is none*.
    pub none: &'static [&'static str],
    /// Whether assets may be missed without it.
    pub lists: bool,
}

impl Operation {
    /// An operation that reads something of one asset.
    pub const fn of(call: &'static str, facet: &'static str, none: &'static [&'static str]) -> Self {
        Self { call, facet, none, lists: false }
    }

    /// An operation that lists assets.
    pub const fn listing(call: &'static str, facet: &'static str) -> Self {
        Self { call, facet, none: &[], lists: true }
    }
}

/// What became of one kind of failure.
#[derive(Debug, Default)]
struct Failures {
    count: u64,
    first: String,
    message: String,
    facet: String,
    permission: Option<String>,
    lists: bool,
}

/// Makes calls and remembers what failed.
#[derive(Debug)]
pub struct Caller {
    places: Semaphore,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    failures: Mutex<BTreeMap<(&'static str, String), Failures>>,
    mute: Mutex<HashMap<&'static str, u32>>,
    missing: Mutex<HashSet<&'static str>>,
}

impl Caller {
    /// A caller with all its places free.
    pub fn new() -> Self {
        Self {
            places: Semaphore::new(AT_ONCE),
            counts: Mutex::default(),
            failures: Mutex::default(),
            mute: Mutex::default(),
            missing: Mutex::default(),
        }
    }

    /// A place among the calls under way, for a request that is none of AWS's own. The semaphore is
    /// never closed, so a place is always had in the end.
    pub async fn place(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.places.acquire().await
    }

    /// Makes a call about `subject`. Known none where AWS says that there is none; unknown, with a
    /// gap, where it does not say.
    pub async fn call<T, E, F>(&self, operation: Operation, subject: &str, send: F) -> Fact<Option<T>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata,
    {
        if held(&self.mute).get(operation.call).is_some_and(|count| *count >= PATIENCE) {
            return Fact::unknown(format!("{} is not offered by this endpoint", operation.call));
        }
        let _place = self.place().await;
        *held(&self.counts).entry(operation.call).or_default() += 1;
        match send.await {
            Ok(answer) => Fact::Known(Some(answer)),
            Err(error) => self.sort(operation, subject, &error),
        }
    }

    /// Makes a call that is only a shorter way to what others tell too: a failure is none of the run's.
    pub async fn attempt<T, E, F>(&self, operation: Operation, send: F) -> Option<T>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata,
    {
        let _place = self.place().await;
        *held(&self.counts).entry(operation.call).or_default() += 1;
        match send.await {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::debug!(call = operation.call, code = code(&error), "read the longer way");
                None
            }
        }
    }

    /// Whether the endpoint has said of this operation, with a web page, that there is no such call.
    pub fn is_missing(&self, operation: Operation) -> bool {
        held(&self.missing).contains(operation.call)
    }

    fn sort<T, E: ProvideErrorMetadata>(
        &self,
        operation: Operation,
        subject: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Fact<Option<T>> {
        let code = code(error);
        if operation.none.contains(&code.as_str()) {
            return Fact::Known(None);
        }
        let denied = is_denial(&code);
        if code == "html-body" {
            *held(&self.mute).entry(operation.call).or_default() += 1;
            // A proxy that is unwell sends pages too: they say nothing of what there is behind it.
            if matches!(status(error), Some(404 | 405 | 501)) {
                held(&self.missing).insert(operation.call);
            }
        }
        let reason = if denied {
            format!("{} denied", operation.call)
        } else {
            format!("{} failed: {code}", operation.call)
        };
        self.fail(operation, subject, &code, denied);
        if denied { Fact::denied(reason, operation.call) } else { Fact::unknown(reason) }
    }

    fn fail(&self, operation: Operation, subject: &str, code: &str, denied: bool) {
        let mut failures = held(&self.failures);
        let entry = failures.entry((operation.call, code.to_owned())).or_insert_with(|| Failures {
            first: subject.to_owned(),
            message: describe(code, denied),
            facet: operation.facet.to_owned(),
            permission: denied.then(|| operation.call.to_owned()),
            lists: operation.lists,
            ..Failures::default()
        });
        entry.count += 1;
    }

    /// Notes something that could not be read for a reason of ours.
    pub fn note(&self, operation: Operation, subject: &str, code: &str) {
        self.fail(operation, subject, code, false);
    }

    /// One gap for each call and code, however often it failed.
    pub fn gaps(&self) -> Vec<Gap> {
        held(&self.failures)
            .iter()
            .map(|((call, code), one)| Gap {
                facet: one.facet.clone(),
                call: (*call).to_owned(),
                code: code.clone(),
                message: if one.count == 1 {
                    format!("{} ({})", one.message, one.first)
                } else {
                    format!("{} ({} and {} more)", one.message, one.first, one.count - 1)
                },
                permission: one.permission.clone(),
                asset: (one.count == 1 && one.first.starts_with("arn:")).then(|| one.first.clone()),
                hides_assets: one.lists,
            })
            .collect()
    }

    /// How many calls were made, by operation.
    pub fn calls(&self) -> String {
        let counts = held(&self.counts);
        let total: u64 = counts.values().sum();
        let each: Vec<_> = counts.iter().map(|(call, count)| format!("{call} {count}")).collect();
        format!("{total} ({})", each.join(", "))
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error's code, or ours where AWS gave none.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    match error {
        SdkError::ServiceError(context) => match context.err().code() {
            Some(code) => code.split([':', '#']).next_back().unwrap_or(code).to_owned(),
            None => body_code(context.raw()),
        },
        SdkError::ResponseError(context) => body_code(context.raw()),
        SdkError::TimeoutError(_) => "timeout".into(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "timeout".into(),
        SdkError::DispatchFailure(_) => "unreachable".into(),
        _ => "not-sent".into(),
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    match error {
        SdkError::ServiceError(context) => Some(context.raw().status().as_u16()),
        SdkError::ResponseError(context) => Some(context.raw().status().as_u16()),
        _ => None,
    }
}

fn body_code(raw: &HttpResponse) -> String {
    let kind = raw.headers().get("content-type").unwrap_or("");
    match raw.status().as_u16() {
        200..=299 => "unreadable-body".into(),
        _ if kind.contains("html") => "html-body".into(),
        status => format!("http-{status}"),
    }
}

/// Whether the code says that we may not.
pub fn is_denial(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "UnauthorizedException"
            | "http-403"
            | "NotAuthorized"
            | "AuthorizationError"
            | "Forbidden"
    )
}

fn describe(code: &str, denied: bool) -> String {
    match code {
        _ if denied => "our credentials may not make this call".into(),
        "html-body" => "the endpoint answered with a web page instead of data".into(),
        "unreadable-body" => "the answer could not be read".into(),
        "timeout" => "no answer in time".into(),
        "unreachable" => "the connection broke".into(),
        "too-many" => "more than we keep of one list".into(),
        "digest-mismatch" => "what came is not what its digest names".into(),
        "bad-policy" => "the policy could not be read".into(),
        other => format!("the service answered {other}"),
    }
}
