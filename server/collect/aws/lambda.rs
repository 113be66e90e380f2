//! Lambda functions of one region.

use std::collections::{HashMap, VecDeque};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::FunctionConfiguration;
use futures::StreamExt;
use futures::stream;

use super::caller::Operation;
use super::normalise::{self, Asked, Shared};
use super::region::Reader;
use super::signing::Signing;
use super::{aliases, failures, metrics, trail, urls};
use crate::collect::Stopped;
use crate::collect::touched::Touched;
use crate::model::{Asset, Fact, Facts, FunctionFacts, Mark, Trigger};

pub(super) const LIST: Operation = Operation::listing("lambda:ListFunctions", "functions");
pub(super) const FUNCTION: Operation =
    Operation::of("lambda:GetFunction", "tags, concurrency and image", &[]);
pub(super) const UPDATES: Operation =
    Operation::of("lambda:GetRuntimeManagementConfig", "runtime updates", &[]);
pub(super) const RECURSION: Operation = Operation::of("lambda:GetFunctionRecursionConfig", "loops", &[]);
pub(super) const MAPPINGS: Operation = Operation::of("lambda:ListEventSourceMappings", "triggers", &[]);

/// Functions read together: three metrics each fill one request for metrics.
const TOGETHER: usize = 150;
/// Functions of one region read at once.
const AT_ONCE: usize = 16;

/// Reads every function of the region; those that are `listed`, if they are, and else those it lists.
pub async fn read(reader: &Reader, listed: Option<Vec<FunctionConfiguration>>) -> Result<(), Stopped> {
    let client = Client::new(&reader.config);
    let triggers = triggers(reader, &client).await;
    let mut once: Option<(Signing<'_>, Touched)> = None;
    let phase = format!("functions in {}", reader.region);
    let mut pages = listed.is_none().then(|| client.list_functions().into_paginator().send());
    let (mut waiting, mut done) = (VecDeque::from(listed.unwrap_or_default()), 0);
    loop {
        let last = match &mut pages {
            None => true,
            Some(pages) => {
                match reader.caller.call(LIST, &reader.region, async { pages.next().await.transpose() }).await
                {
                    Fact::Known(Some(Some(page))) => {
                        waiting.extend(page.functions.unwrap_or_default());
                        false
                    }
                    Fact::Known(_) | Fact::Unknown(_) => true,
                }
            }
        };
        while waiting.len() >= TOGETHER || (last && !waiting.is_empty()) {
            let batch: Vec<_> = waiting.drain(..waiting.len().min(TOGETHER)).collect();
            done += batch.len() as u64;
            let (signing, touched) = match &mut once {
                Some(read) => read,
                unread => unread.insert(tokio::join!(
                    Signing::read(&reader.caller, &client, batch.len()),
                    trail::functions(reader, batch.len())
                )),
            };
            let region = OfRegion { client: &client, triggers: &triggers, signing, touched };
            read_batch(reader, &region, batch).await?;
            reader.run.progress(&phase, done, None).await?;
        }
        if last {
            return Ok(());
        }
    }
}

/// What is read once for all functions of the region.
struct OfRegion<'a> {
    client: &'a Client,
    triggers: &'a Fact<HashMap<String, Vec<Trigger>>>,
    signing: &'a Signing<'a>,
    touched: &'a Touched,
}

async fn read_batch(
    reader: &Reader,
    region: &OfRegion<'_>,
    batch: Vec<FunctionConfiguration>,
) -> Result<(), Stopped> {
    let seeing = stream::iter(batch).map(|configuration| see(reader, region, configuration));
    let mut seen: Vec<Seen> = seeing.buffered(AT_ONCE).collect().await;
    let key = |one: &Seen| normalise::key(reader, &one.configuration);
    let quiet = |one: &&Seen| !region.touched.may_hold(one.name());
    let marked = seen.iter().filter(quiet).filter_map(|one| Some((key(one), one.mark?)));
    let same = reader.run.unchanged(marked).await?;
    seen.retain(|one| !same.contains(&key(one)));
    let mut known = reader.run.standing(seen.iter().filter(quiet).map(key).collect()).await?;
    let told = known.values().filter_map(|before| metrics::told(reader, before)).collect();
    let activity = metrics::activity(reader, seen.iter().map(Seen::name), told).await;
    let mut reading = stream::iter(seen)
        .map(|one| {
            let before = known.remove(&key(&one));
            read_one(reader, region, &activity, one, before)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((asset, mark)) = reading.next().await {
        reader.run.marked(asset, mark).await?;
    }
    Ok(())
}

/// A function as its list, its role and the rest of its region show it, before it is asked about by itself.
struct Seen {
    configuration: FunctionConfiguration,
    facts: FunctionFacts,
    mark: Option<Mark>,
}

impl Seen {
    fn name(&self) -> &str {
        self.configuration.function_name.as_deref().unwrap_or_default()
    }
}

async fn see(reader: &Reader, region: &OfRegion<'_>, configuration: FunctionConfiguration) -> Seen {
    let arn = configuration.function_arn.clone().unwrap_or_default();
    let name = configuration.function_name.clone().unwrap_or_default();
    let role = configuration.role.clone().unwrap_or_default();
    let (signing, identity) = tokio::join!(
        region.signing.of(&arn, &name, normalise::is_image(&configuration)),
        reader.roles.identity(&role)
    );
    let shared = Shared {
        signing,
        identity,
        triggers: match region.triggers {
            Fact::Known(all) => Fact::Known(all.get(&arn).cloned().unwrap_or_default()),
            Fact::Unknown(why) => Fact::Unknown(why.clone()),
        },
    };
    let facts = normalise::listed(reader, &configuration, shared);
    // Days that are over are measured once: a mark speaks for those it was made on.
    let mark = metrics::days().and_then(|days| {
        Mark::of(&name, normalise::platform(normalise::is_image(&configuration)), &(days, &facts))
    });
    Seen { configuration, facts, mark }
}

async fn read_one(
    reader: &Reader,
    region: &OfRegion<'_>,
    activity: &metrics::Activities,
    seen: Seen,
    before: Option<Asset>,
) -> (Asset, Option<Mark>) {
    let Seen { configuration, facts, mark } = seen;
    let activity = activity.of(configuration.function_name.as_deref().unwrap_or_default());
    let before = before.and_then(|asset| match asset.facts {
        Facts::Function(before) => normalise::again(&facts, *before, normalise::is_image(&configuration)),
        _ => None,
    });
    let facts = if let Some(facts) = before {
        facts
    } else {
        let asked = Box::pin(ask(reader, region.client, &configuration)).await;
        normalise::function(reader, &configuration, facts, asked)
    };
    let facts = FunctionFacts { activity, ..facts };
    let mark = mark.filter(|_| normalise::is_whole(&facts, normalise::is_image(&configuration)));
    (normalise::asset(reader, &configuration, facts), mark)
}

/// Asks all there is to ask about one function.
async fn ask(reader: &Reader, client: &Client, configuration: &FunctionConfiguration) -> Asked {
    let arn = configuration.function_arn.clone().unwrap_or_default();
    let name = configuration.function_name.clone().unwrap_or_default();
    let (caller, name) = (&*reader.caller, name.as_str());
    let updates = async {
        if normalise::is_image(configuration) {
            return Fact::Known(None);
        }
        caller.call(UPDATES, &arn, client.get_runtime_management_config().function_name(name).send()).await
    };
    let of_ways = async {
        let aliases = aliases::read(reader, client, &arn, name).await;
        let ways = urls::read(reader, client, &arn, name, &aliases).await;
        let failures = failures::read(reader, client, configuration, ways.of_events(&reader.account)).await;
        (ways, failures, aliases)
    };
    let (function, (ways, failures, aliases), updates, recursion) = tokio::join!(
        caller.call(FUNCTION, &arn, client.get_function().function_name(name).send()),
        Box::pin(of_ways),
        updates,
        caller.call(RECURSION, &arn, client.get_function_recursion_config().function_name(name).send()),
    );
    Asked {
        function,
        ways,
        failures,
        aliases,
        updates: updates.map(|answer| answer.and_then(|one| one.update_runtime_on)),
        recursion: recursion.map(|answer| answer.and_then(|one| one.recursive_loop)),
    }
}

/// Event source mappings of the region, by function.
async fn triggers(reader: &Reader, client: &Client) -> Fact<HashMap<String, Vec<Trigger>>> {
    let listed = reader.caller.call(MAPPINGS, &reader.region, async {
        let mut pages = client.list_event_source_mappings().into_paginator().send();
        let mut found: HashMap<String, Vec<Trigger>> = HashMap::new();
        while let Some(page) = pages.next().await {
            for mapping in page?.event_source_mappings.unwrap_or_default() {
                let (function, qualifier) =
                    normalise::qualified(mapping.function_arn.as_deref().unwrap_or(""));
                let source = mapping.event_source_arn.unwrap_or_default();
                let kind = source.split(':').nth(2).unwrap_or("event source").to_owned();
                found.entry(function).or_default().push(Trigger {
                    kind,
                    source,
                    qualifier,
                    first_seen: None,
                });
            }
        }
        Ok::<_, aws_sdk_lambda::error::SdkError<_, _>>(found)
    });
    listed.await.map(Option::unwrap_or_default)
}
