//! Where failed asynchronous work of a function goes: a dead-letter queue, or what is set for the function or
//! for the alias that events come by.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::FunctionConfiguration;

use super::caller::Operation;
use super::region::Reader;
use crate::model::{AsyncFailure, Fact, Unknown};

pub(super) const ASYNC: Operation = Operation::of(
    "lambda:GetFunctionEventInvokeConfig",
    "failed asynchronous work",
    &["ResourceNotFoundException"],
);

/// What becomes of failed events of `function` that come by these aliases, or by none: they are lost if one of
/// the ways keeps none, whatever others there may be.
pub async fn read(
    reader: &Reader,
    client: &Client,
    function: &FunctionConfiguration,
    (ways, missing): (Vec<Option<String>>, Option<Unknown>),
) -> Fact<AsyncFailure> {
    let queue = function.dead_letter_config.as_ref().and_then(|queue| queue.target_arn.clone());
    let mut kept = queue.filter(|arn| !arn.is_empty());
    if kept.is_some() {
        return Fact::Known(AsyncFailure { destination: kept });
    }
    let arn = function.function_arn.as_deref().unwrap_or_default();
    let name = function.function_name.as_deref().unwrap_or_default();
    for way in ways {
        let ask = client.get_function_event_invoke_config().function_name(name).set_qualifier(way);
        kept = match reader.caller.call(ASYNC, arn, ask.send()).await {
            Fact::Known(answer) => answer
                .and_then(|one| one.destination_config)
                .and_then(|one| one.on_failure)
                .and_then(|one| one.destination)
                .filter(|arn| !arn.is_empty()),
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        if kept.is_none() {
            return Fact::Known(AsyncFailure { destination: None });
        }
    }
    missing.map_or(Fact::Known(AsyncFailure { destination: kept }), Fact::Unknown)
}
