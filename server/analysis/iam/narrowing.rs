//! What narrows *everyone*: the conditions of a statement, and what others forbid all but a few.

use super::document::{Condition, Selection, Statement};

/// Condition keys that narrow *everyone* to callers one can name.
pub const NARROWING: &[&str] = &[
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceowner",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceip",
    "aws:vpcsourceip",
    "lambda:eventsourcetoken",
    "kms:calleraccount",
];
/// Those of them that name the account behind a service's call.
pub const OF_THE_SOURCE: &[&str] = &[
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceowner",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    // The skill that Alexa calls for.
    "lambda:eventsourcetoken",
];

/// Keys by which a deny spares AWS's own services.
const SPARES_AWS: &[&str] = &["aws:principalisawsservice", "aws:viaawsservice"];

/// Services whose ARNs carry no account.
const ACCOUNTLESS: &[&str] = &["s3", "apigateway", "route53"];

/// Whether a condition with one of these keys narrows the statement.
pub fn narrowed(statement: &Statement, keys: &[&str]) -> bool {
    narrowing(statement, keys).next().is_some()
}

/// The conditions with one of these keys that narrow the statement.
pub fn narrowing<'a>(statement: &'a Statement, keys: &[&str]) -> impl Iterator<Item = &'a Condition> {
    statement.conditions.iter().filter(move |one| keys.contains(&one.key.as_str()) && narrows(one))
}

/// A condition narrows when it demands a value and the value is not everybody's.
fn narrows(condition: &Condition) -> bool {
    let operator = condition.operator.to_lowercase();
    // A request without the key passes `IfExists` and, having no value that differs, `ForAllValues`.
    let demands = !operator.contains("not")
        && !operator.ends_with("ifexists")
        && !operator.starts_with("forallvalues")
        && operator != "null";
    let open = |value: &String| match condition.key.as_str() {
        "aws:sourceip" | "aws:vpcsourceip" => matches!(value.as_str(), "" | "*" | "0.0.0.0/0" | "::/0"),
        "aws:sourcearn" | "aws:principalarn" => value.is_empty() || names_any_account(value),
        // The organisation counts; below it, any part of it is ours to name.
        "aws:principalorgpaths" | "aws:sourceorgpaths" => wild(value.split('/').next().unwrap_or_default()),
        _ => value.is_empty() || wild(value),
    };
    demands && !condition.values.is_empty() && !condition.values.iter().any(open)
}

/// Whether `deny` forbids everybody all that `allow` allows.
pub fn shuts_out_all(deny: &Statement, allow: &Statement) -> bool {
    deny.conditions.is_empty() && is_about_all(deny, allow)
}

/// Whether `deny` speaks of everybody, and of every action of `allow`.
fn is_about_all(deny: &Statement, allow: &Statement) -> bool {
    let everybody = !deny.not_principals && deny.principals.iter().any(|(_, value)| value == "*");
    let actions = match (&allow.actions, &deny.actions) {
        (_, denied) if matches!(denied, Selection::These(_)) && denied.is_every() => true,
        (Selection::These(allowed), denied) => allowed.iter().all(|action| denied.holds(action)),
        (Selection::AllBut(_), _) => false,
    };
    everybody && actions
}

/// The statement with what others demand of everybody: to forbid all but some is to demand one of them.
pub fn narrowed_by(denies: &[Statement], mut allow: Statement) -> Statement {
    let demanded: Vec<Condition> =
        denies.iter().filter(|deny| is_about_all(deny, &allow)).filter_map(demand).collect();
    allow.conditions.extend(demanded);
    allow
}

/// What a deny demands, where it forbids all but those whom one condition names.
fn demand(deny: &Statement) -> Option<Condition> {
    let spares = |one: &&Condition| {
        let spared = one.values.iter().all(|value| value.eq_ignore_ascii_case("false"));
        SPARES_AWS.contains(&one.key.as_str()) && spared
    };
    let beside = |one: &&Condition| !spares(one);
    let [condition] = deny.conditions.iter().filter(beside).collect::<Vec<_>>()[..] else { return None };
    let operator = condition.operator.to_lowercase();
    // Of a request without the key, `ForAnyValue` forbids nothing; the others forbid it.
    if !operator.contains("not") || operator.starts_with("foranyvalue") {
        return None;
    }
    let operator =
        operator.trim_start_matches("forallvalues:").trim_end_matches("ifexists").replace("not", "");
    Some(Condition { operator, key: condition.key.clone(), values: condition.values.clone() })
}

/// Whether things of any account answer to this ARN.
fn names_any_account(arn: &str) -> bool {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    match fields.as_slice() {
        [_, _, service, _, _, thing] if ACCOUNTLESS.contains(service) => *thing == "*",
        [_, _, _, _, account, _] => account.is_empty() || wild(account),
        _ => wild(arn),
    }
}

fn wild(text: &str) -> bool {
    text.contains(['*', '?'])
}
