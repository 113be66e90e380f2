//! Carries an asset's own history from its previous facts into the next.
//!
//! A source tells what is; only we know what was. Where a fact could not be read this time its last
//! known value waits beside it, so that one denied call never forgets, and nothing looks new only
//! because it could be read again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::model::{Asset, CodeVersion, Fact, Facts, FunctionFacts, RepositoryFacts, TagMove, Trigger};

/// Most tag moves kept of one repository.
const MOST_TAG_MOVES: usize = 100;
/// Most code changes kept of one function.
const MOST_CODE_CHANGES: usize = 50;

/// Carries what `previous` remembers into `next`, and adds what changed since.
///
/// `first_seen` is when the asset was first seen: triggers it had then are as old as itself.
pub fn carry(previous: Option<&Asset>, first_seen: DateTime<Utc>, next: &mut Asset, now: DateTime<Utc>) {
    match (&mut next.facts, previous.map(|asset| &asset.facts)) {
        (Facts::Repository(next), Some(Facts::Repository(previous))) => repository(previous, next, now),
        (Facts::Repository(next), _) => {
            // Watched from its first sight on, so that the second look finds nothing changed.
            next.tag_moves =
                if next.image_tags.known().is_some() { Fact::Known(Vec::new()) } else { Fact::default() };
            repository(&next.clone(), next, now);
        }
        (Facts::Function(next), Some(Facts::Function(previous))) => {
            function(previous, first_seen, next, now);
        }
        (Facts::Function(next), _) => function(&FunctionFacts::default(), first_seen, next, now),
        (Facts::Image(_), _) => {}
    }
}

fn repository(previous: &RepositoryFacts, next: &mut RepositoryFacts, now: DateTime<Utc>) {
    let before = previous.image_tags.known().or(previous.last_image_tags.known());
    let mut moves = previous.tag_moves.known().cloned().unwrap_or_default();
    if let Some(after) = next.image_tags.known() {
        let digests: HashMap<&str, &str> =
            before.into_iter().flatten().map(|tag| (tag.tag.as_str(), tag.digest.as_str())).collect();
        moves.extend(after.iter().filter_map(|tag| {
            let from = *digests.get(tag.tag.as_str())?;
            (from != tag.digest).then(|| TagMove {
                tag: tag.tag.clone(),
                from: from.to_owned(),
                to: tag.digest.clone(),
                seen_at: now,
            })
        }));
        next.last_image_tags = Fact::default();
    } else {
        next.last_image_tags = before.cloned().map_or_else(Fact::default, Fact::Known);
    }
    keep_newest(&mut moves, MOST_TAG_MOVES);
    // Of tags never read before, though the repository was known, no move can be told.
    let told = before.is_some() || previous.tag_moves.known().is_some();
    next.tag_moves = if told { Fact::Known(moves) } else { Fact::default() };
}

fn function(
    previous: &FunctionFacts,
    first_seen: DateTime<Utc>,
    next: &mut FunctionFacts,
    now: DateTime<Utc>,
) {
    let triggers = previous.triggers.known().or(previous.last_triggers.known());
    next.last_triggers = match &mut next.triggers {
        Fact::Known(found) => {
            let aliases = previous.latest_aliases.known().is_some();
            date_triggers(triggers, (first_seen, aliases), found, now);
            Fact::default()
        }
        Fact::Unknown(_) => triggers.cloned().map_or_else(Fact::default, Fact::Known),
    };

    let code = previous.code.known().or(previous.last_code.known());
    let mut changes = previous.code_changes.known().cloned().unwrap_or_default();
    next.last_code = match &next.code {
        Fact::Known(found) => {
            changes.extend(code.and_then(|before| changed_at(before, found, now)));
            Fact::default()
        }
        Fact::Unknown(_) => code.cloned().map_or_else(Fact::default, Fact::Known),
    };
    keep_newest(&mut changes, MOST_CODE_CHANGES);
    next.code_changes = Fact::Known(changes);
}

/// Triggers by the policy of an alias are no newer than the function where aliases were not read before.
fn date_triggers(
    before: Option<&Vec<Trigger>>,
    (first_seen, aliases): (DateTime<Utc>, bool),
    found: &mut [Trigger],
    now: DateTime<Utc>,
) {
    let dates: HashMap<(&str, &str, Option<&str>), _> =
        before.into_iter().flatten().map(|trigger| (identity(trigger), trigger.first_seen)).collect();
    let otherwise = if before.is_some() { now } else { first_seen };
    for trigger in found {
        let unread = !aliases && trigger.qualifier.is_some() && trigger.kind.contains('.');
        trigger.first_seen = match dates.get(&identity(trigger)) {
            Some(known) => Some(known.unwrap_or(first_seen)),
            None if unread => Some(first_seen),
            None => Some(otherwise),
        };
    }
}

fn identity(trigger: &Trigger) -> (&str, &str, Option<&str>) {
    (&trigger.kind, &trigger.source, trigger.qualifier.as_deref())
}

/// The moment the code changed: the source's own where it lies in the past, ours otherwise.
fn changed_at(before: &CodeVersion, after: &CodeVersion, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let changed = !after.digest.is_empty() && !before.digest.is_empty() && before.digest != after.digest;
    changed.then(|| after.changed_at.filter(|moment| *moment <= now).unwrap_or(now))
}

fn keep_newest<T>(list: &mut Vec<T>, most: usize) {
    let surplus = list.len().saturating_sub(most);
    list.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AssetKey, ImageTag, Platform, Provider};
    use chrono::TimeDelta;

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(number)
    }

    fn asset(facts: Facts) -> Asset {
        let key = AssetKey {
            provider: Provider::Aws,
            account: "1".into(),
            region: "r".into(),
            native_id: "n".into(),
        };
        Asset { key, name: "n".into(), platform: Platform::LambdaZip, facts }
    }

    fn tags(digest: &str) -> Fact<Vec<ImageTag>> {
        Fact::Known(vec![ImageTag { tag: "1.0".into(), digest: digest.into(), pushed_at: None }])
    }

    fn repository_with(image_tags: Fact<Vec<ImageTag>>) -> Asset {
        asset(Facts::Repository(Box::new(RepositoryFacts { image_tags, ..RepositoryFacts::default() })))
    }

    fn moves(asset: &Asset) -> Vec<TagMove> {
        match &asset.facts {
            Facts::Repository(facts) => facts.tag_moves.known().cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_tag_that_moved_while_tags_were_unreadable_is_still_noticed() {
        let mut first = repository_with(tags("sha256:a"));
        carry(None, day(0), &mut first, day(0));
        let mut dark = repository_with(Fact::denied("denied", "ecr:ListImages"));
        carry(Some(&first), day(0), &mut dark, day(1));
        assert!(moves(&dark).is_empty());
        let mut after = repository_with(tags("sha256:b"));
        carry(Some(&dark), day(0), &mut after, day(2));
        let found = moves(&after);
        assert_eq!((found.len(), found[0].seen_at), (1, day(2)));
        assert_eq!((found[0].from.as_str(), found[0].to.as_str()), ("sha256:a", "sha256:b"));
        let mut same = repository_with(tags("sha256:b"));
        carry(Some(&after), day(0), &mut same, day(3));
        assert_eq!(moves(&same), found, "looking again adds nothing");
        let Facts::Repository(facts) = &same.facts else { panic!("a repository") };
        assert!(facts.last_image_tags.is_not_read(), "the copy is dropped once tags are read");
    }

    #[test]
    fn moves_are_told_from_the_first_sight_of_tags_but_not_of_tags_long_unread() {
        let untold = |asset: &Asset| match &asset.facts {
            Facts::Repository(facts) => facts.tag_moves.is_not_read(),
            _ => false,
        };
        let mut first = repository_with(tags("sha256:a"));
        carry(None, day(0), &mut first, day(0));
        let mut second = repository_with(tags("sha256:a"));
        carry(Some(&first), day(0), &mut second, day(1));
        assert!(!untold(&second));
        assert_eq!(first.facts, second.facts, "looking twice is no change");
        let mut late = repository_with(tags("sha256:a"));
        carry(Some(&repository_with(Fact::default())), day(0), &mut late, day(1));
        assert!(untold(&late), "known of old, read for the first time");
        let mut never = repository_with(Fact::default());
        carry(Some(&repository_with(Fact::default())), day(0), &mut never, day(1));
        assert!(untold(&never));
    }

    #[test]
    fn tag_moves_are_bounded_and_the_newest_stay() {
        let mut previous = repository_with(tags("sha256:0"));
        carry(None, day(0), &mut previous, day(0));
        for number in 1..150 {
            let mut next = repository_with(tags(&format!("sha256:{number}")));
            carry(Some(&previous), day(0), &mut next, day(number));
            previous = next;
        }
        let found = moves(&previous);
        assert_eq!((found.len(), found[99].seen_at), (100, day(149)));
    }

    fn function_with(sources: Option<&[&str]>, digest: &str) -> Asset {
        let triggers = sources.map_or_else(
            || Fact::denied("denied", "lambda:ListEventSourceMappings"),
            |sources| {
                Fact::Known(
                    sources
                        .iter()
                        .map(|source| Trigger {
                            kind: "sqs".into(),
                            source: (*source).into(),
                            ..Trigger::default()
                        })
                        .collect(),
                )
            },
        );
        let code = Fact::Known(CodeVersion { digest: digest.into(), changed_at: None });
        asset(Facts::Function(Box::new(FunctionFacts { triggers, code, ..FunctionFacts::default() })))
    }

    fn ages(asset: &Asset) -> Vec<DateTime<Utc>> {
        match &asset.facts {
            Facts::Function(facts) => {
                facts.triggers.known().into_iter().flatten().filter_map(|one| one.first_seen).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_trigger_keeps_its_age_through_a_denied_read_and_only_a_new_one_is_new() {
        let mut first = function_with(Some(&["a"]), "1");
        carry(None, day(0), &mut first, day(0));
        assert_eq!(ages(&first), [day(0)]);
        let mut dark = function_with(None, "1");
        carry(Some(&first), day(0), &mut dark, day(5));
        let mut after = function_with(Some(&["a", "b"]), "1");
        carry(Some(&dark), day(0), &mut after, day(9));
        assert_eq!(ages(&after), [day(0), day(9)]);
    }

    #[test]
    fn triggers_read_for_the_first_time_are_as_old_as_the_asset() {
        let dark = function_with(None, "1");
        let mut after = function_with(Some(&["a"]), "1");
        carry(Some(&dark), day(0), &mut after, day(9));
        assert_eq!(ages(&after), [day(0)]);
    }

    #[test]
    fn a_trigger_of_an_alias_is_new_only_where_aliases_were_read_before() {
        let with = |aliases: Option<&str>, alias: Option<&str>| {
            let mut asset = function_with(Some(&["a"]), "1");
            let Facts::Function(facts) = &mut asset.facts else { panic!("a function") };
            if let (Fact::Known(triggers), Some(alias)) = (&mut facts.triggers, alias) {
                let (kind, source) = ("s3.amazonaws.com".into(), "uploads".into());
                triggers.push(Trigger { kind, source, qualifier: Some(alias.into()), first_seen: None });
            }
            if aliases.is_some() {
                facts.latest_aliases = Fact::Known(Vec::new());
            }
            asset
        };
        for (read_before, dated) in [(None, day(0)), (Some("read"), day(9))] {
            let mut first = with(read_before, None);
            carry(None, day(0), &mut first, day(0));
            let mut after = with(Some("read"), Some("live"));
            carry(Some(&first), day(0), &mut after, day(9));
            assert_eq!(ages(&after), [day(0), dated]);
        }
    }

    #[test]
    fn a_change_of_code_is_dated_and_kept() {
        let mut first = function_with(Some(&[]), "1");
        carry(None, day(0), &mut first, day(0));
        let mut second = function_with(Some(&[]), "2");
        carry(Some(&first), day(0), &mut second, day(1));
        let mut third = function_with(Some(&[]), "2");
        carry(Some(&second), day(0), &mut third, day(2));
        let Facts::Function(facts) = &third.facts else { panic!("a function") };
        assert_eq!(facts.code_changes.known(), Some(&vec![day(1)]));
    }
}
