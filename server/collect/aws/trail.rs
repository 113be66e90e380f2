//! What was touched since a moment, by the account's own record: the event history of CloudTrail.
//!
//! Lists tell when code or configuration of a function changed; what they do not show (policies, URLs,
//! limits, tags) is asked for thing by thing, at the fifteen calls a second that Lambda allows an account.
//! The history says which things need not be asked again. It is on in every account for ninety days and
//! nobody can change it, but it is minutes late. So it is always asked from the beginning of a whole reading
//! on, and a whole reading comes at least once in 24 hours.
//!
//! Events are looked up by name: a region's history is mostly of others. What a call that AWS adds later
//! changes is therefore seen by the next whole reading and not before. Where the history may not be read,
//! where an event does not say what it is about or there are more than we follow, anything may have been
//! touched.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::http::HttpResponse;
use aws_sdk_cloudtrail::error::SdkError;
use aws_sdk_cloudtrail::operation::lookup_events::{LookupEventsError, LookupEventsOutput};
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use serde_json::Value;

use super::caller::Operation;
use super::region::Reader;
use crate::collect::touched::{Touched, asked_from};

pub(super) const LOOKUP: Operation = Operation::of("cloudtrail:LookupEvents", "what changed since", &[]);

/// Of fewer things than this, each is asked for by itself: the history takes half a minute.
const FEWEST: usize = 40;
/// Pages of one event's history; each holds fifty.
const MOST_PAGES: usize = 10;
/// The history answers two calls a second.
const PACE: Duration = Duration::from_millis(500);

/// Which things of a service the history is asked about, and how it names them.
struct Kind {
    /// Who made the event.
    source: &'static str,
    /// The parameter that names the thing.
    parameter: &'static str,
    /// What stands before the name in an ARN.
    marker: &'static str,
    /// Events that change what lists do not show.
    events: &'static [&'static str],
}

/// CloudTrail records every call of Lambda's management interface, under the operation's name and, for older
/// operations, the version of the interface behind it: most of these are on
/// <https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html>, both versions of some.
const FUNCTIONS: Kind = Kind {
    source: "lambda.amazonaws.com",
    parameter: "functionName",
    marker: ":function:",
    events: &[
        "CreateFunction20150331",
        "DeleteFunction20150331",
        "DeleteFunction",
        "AddPermission20150331",
        "AddPermission20150331v2",
        "RemovePermission20150331",
        "RemovePermission20150331v2",
        "PutResourcePolicy",
        "DeleteResourcePolicy",
        "CreateFunctionUrlConfig",
        "CreateFunctionUrlConfig20211031",
        "UpdateFunctionUrlConfig",
        "UpdateFunctionUrlConfig20211031",
        "DeleteFunctionUrlConfig",
        "DeleteFunctionUrlConfig20211031",
        "CreateAlias20150331",
        "UpdateAlias20150331",
        "DeleteAlias20150331",
        "PutFunctionConcurrency20171031",
        "DeleteFunctionConcurrency20171031",
        "PutFunctionEventInvokeConfig",
        "UpdateFunctionEventInvokeConfig",
        "DeleteFunctionEventInvokeConfig",
        "PutRuntimeManagementConfig",
        "PutFunctionRecursionConfig",
        "TagResource20170331",
        "TagResource20170331v2",
        "UntagResource20170331",
        "UntagResource20170331v2",
    ],
};

/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html>
const REPOSITORIES: Kind = Kind {
    source: "ecr.amazonaws.com",
    parameter: "repositoryName",
    marker: ":repository/",
    events: &[
        "CreateRepository",
        "DeleteRepository",
        "SetRepositoryPolicy",
        "DeleteRepositoryPolicy",
        "PutLifecyclePolicy",
        "DeleteLifecyclePolicy",
        "TagResource",
        "UntagResource",
    ],
};

/// Tags may also be given to things of many services at once.
const TAGGING: &str = "tagging.amazonaws.com";
const OF_ANY_SERVICE: &[&str] = &["TagResources", "UntagResources"];

/// The functions of a region that may have been touched; the list has so many at least.
pub async fn functions(reader: &Reader, listed: usize) -> Touched {
    read(reader, &FUNCTIONS, listed).await
}

/// The repositories of a region that may have been touched; the list has so many at least.
pub async fn repositories(reader: &Reader, listed: usize) -> Touched {
    read(reader, &REPOSITORIES, listed).await
}

/// One event at most: whether the history may be read.
pub async fn one(client: &Client) -> Result<LookupEventsOutput, SdkError<LookupEventsError, HttpResponse>> {
    client
        .lookup_events()
        .set_lookup_attributes(by_name(OF_ANY_SERVICE[0]).map(|by| vec![by]))
        .max_results(1)
        .send()
        .await
}

async fn read(reader: &Reader, kind: &Kind, listed: usize) -> Touched {
    let Some(since) = reader.run.since().filter(|_| listed >= FEWEST) else { return Touched::default() };
    // One after the other: functions and repositories share what the region allows.
    let _turn = reader.history.lock().await;
    let (client, from) = (Client::new(&reader.config), DateTime::from_secs(asked_from(since).timestamp()));
    let mut touched = HashSet::new();
    for name in kind.events.iter().chain(OF_ANY_SERVICE) {
        if lookup(reader, &client, (kind, name), from, &mut touched).await.is_none() {
            return Touched::default();
        }
    }
    Touched::of(Some(touched))
}

/// Adds what the events of one name touched. None where not all of them could be read, or one does not say.
async fn lookup(
    reader: &Reader,
    client: &Client,
    (kind, name): (&Kind, &str),
    from: DateTime,
    touched: &mut HashSet<String>,
) -> Option<()> {
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let ask = client.lookup_events().lookup_attributes(by_name(name)?).start_time(from);
        if reader.config.endpoint_url().is_none() {
            tokio::time::sleep(PACE).await;
        }
        let page = reader.caller.attempt(LOOKUP, ask.set_next_token(next).send()).await?;
        for event in page.events() {
            touched.extend(kind.subjects(event)?);
        }
        next = page.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Some(());
        }
    }
    None
}

fn by_name(name: &str) -> Option<LookupAttribute> {
    let by = LookupAttribute::builder().attribute_key(LookupAttributeKey::EventName).attribute_value(name);
    by.build().ok()
}

/// What an event says of itself, in the history's own JSON.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_source: Option<String>,
    error_code: Option<String>,
    request_parameters: Option<Value>,
}

impl Kind {
    /// The names of what an event touched; none where it does not say. What failed touched nothing.
    fn subjects(&self, event: &Event) -> Option<Vec<String>> {
        let record: Record = serde_json::from_str(event.cloud_trail_event()?).ok()?;
        let ours = |source: &String| source == self.source || source == TAGGING;
        let other = record.event_source.as_ref().is_some_and(|source| !ours(source));
        if other || record.error_code.is_some_and(|code| !code.is_empty()) {
            return Some(Vec::new());
        }
        let (mut found, mut told) = (Vec::new(), false);
        for (parameter, value) in record.request_parameters.as_ref()?.as_object()? {
            let named = parameter == self.parameter;
            for text in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
                let Some(text) = text.as_str() else { continue };
                // The ARN of something else: what it is about is told, and is none of these.
                told |= text.starts_with("arn:");
                found.extend(self.name(text, named));
            }
        }
        (told || !found.is_empty()).then_some(found)
    }

    /// The bare name: an ARN without what is before and after it, a name without its qualifier.
    fn name(&self, text: &str, named: bool) -> Option<String> {
        let bare = match text.split_once(self.marker) {
            Some((_, rest)) => rest,
            None if named => text.strip_prefix("function:").unwrap_or(text),
            None => return None,
        };
        // `111122223333:function:orders` was cut above; `orders:live` is still to be cut.
        bare.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(record: &Value) -> Event {
        Event::builder().cloud_trail_event(record.to_string()).build()
    }

    fn lambda(parameters: &Value) -> Event {
        event(&serde_json::json!({ "eventSource": "lambda.amazonaws.com", "requestParameters": parameters }))
    }

    fn touched(kind: &Kind, event: &Event) -> Option<Vec<String>> {
        kind.subjects(event)
    }

    #[test]
    fn a_function_is_found_however_it_was_named() {
        for name in [
            "orders",
            "orders:live",
            "111122223333:function:orders",
            "111122223333:function:orders:7",
            "arn:aws:lambda:eu-west-1:111122223333:function:orders",
            "arn:aws:lambda:eu-west-1:111122223333:function:orders:live",
        ] {
            let by_name = lambda(&serde_json::json!({ "functionName": name, "statementId": "s3" }));
            assert_eq!(touched(&FUNCTIONS, &by_name), Some(vec!["orders".to_owned()]), "{name}");
        }
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
        let tagged = lambda(&serde_json::json!({ "resource": arn, "tags": { "team": "billing" } }));
        assert_eq!(touched(&FUNCTIONS, &tagged), Some(vec!["orders".to_owned()]));
        let repository = serde_json::json!({
            "eventSource": "ecr.amazonaws.com",
            "requestParameters": { "resourceArn": "arn:aws:ecr:eu-west-1:1:repository/team/app", "tags": [] },
        });
        assert_eq!(touched(&REPOSITORIES, &event(&repository)), Some(vec!["team/app".to_owned()]));
    }

    #[test]
    fn tags_given_to_many_things_at_once_are_found_and_those_of_others_are_not() {
        let given = |arns: &[&str]| {
            event(&serde_json::json!({
                "eventSource": "tagging.amazonaws.com",
                "requestParameters": { "resourceARNList": arns, "tags": { "team": "billing" } },
            }))
        };
        let (bucket, function) = ("arn:aws:s3:::bucket", "arn:aws:lambda:eu-west-1:1:function:orders");
        assert_eq!(touched(&FUNCTIONS, &given(&[bucket, function])), Some(vec!["orders".to_owned()]));
        assert_eq!(touched(&FUNCTIONS, &given(&[bucket])), Some(Vec::new()));
        assert_eq!(touched(&REPOSITORIES, &given(&[function])), Some(Vec::new()));
        let mapping = "arn:aws:lambda:eu-west-1:1:event-source-mapping:0b1c";
        assert_eq!(
            touched(&FUNCTIONS, &lambda(&serde_json::json!({ "resource": mapping }))),
            Some(Vec::new())
        );
    }

    #[test]
    fn what_does_not_say_what_it_is_about_may_be_about_anything() {
        for parameters in [Value::Null, serde_json::json!({}), serde_json::json!({ "statementId": "s3" })] {
            assert_eq!(touched(&FUNCTIONS, &lambda(&parameters)), None);
        }
        assert_eq!(touched(&FUNCTIONS, &Event::builder().build()), None);
        assert_eq!(touched(&FUNCTIONS, &Event::builder().cloud_trail_event("{").build()), None);
    }

    #[test]
    fn what_failed_or_is_of_another_service_touched_nothing() {
        let refused = serde_json::json!({
            "eventSource": "lambda.amazonaws.com", "errorCode": "AccessDenied", "requestParameters": null,
        });
        assert_eq!(touched(&FUNCTIONS, &event(&refused)), Some(Vec::new()));
        let other = serde_json::json!({
            "eventSource": "ecs.amazonaws.com", "requestParameters": { "resourceArn": "arn:aws:ecs:r:1:x" },
        });
        assert_eq!(touched(&REPOSITORIES, &event(&other)), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn any_record_is_read_or_doubted(text in "\\PC{0,80}") {
            let _ = touched(&FUNCTIONS, &Event::builder().cloud_trail_event(text.clone()).build());
            let named = touched(&FUNCTIONS, &lambda(&serde_json::json!({ "functionName": text })));
            prop_assert!(named.is_none_or(|names| names.iter().all(|name| !name.contains(':'))));
        }
    }
}
