//! Whom a resource policy lets in.

use super::document::{BadPolicy, Selection, Statement, parse};
use super::narrowing::{NARROWING, OF_THE_SOURCE, narrowed, narrowed_by, narrowing, shuts_out_all};
use crate::model::{Grant, ResourcePolicy};

/// Reads a resource policy and boils it down, seen from `own_account`.
pub fn resource_policy(document: &str, own_account: &str) -> Result<ResourcePolicy, BadPolicy> {
    Ok(boiled_down(parse(document)?.statements, own_account))
}

/// What statements amount to, seen from `own_account`.
pub fn boiled_down(statements: Vec<Statement>, own_account: &str) -> ResourcePolicy {
    let (allows, denies): (Vec<_>, Vec<_>) = statements.into_iter().partition(|one| one.allows);
    let mut found = ResourcePolicy::default();
    for statement in allows {
        if denies.iter().any(|deny| shuts_out_all(deny, &statement)) {
            continue;
        }
        let statement = &narrowed_by(&denies, statement);
        if statement.not_principals && !narrowed(statement, NARROWING) {
            found.public.push(grant(statement, "everyone but a few"));
        }
        for (kind, value) in &statement.principals {
            sort(statement, kind, value, own_account, &mut found);
        }
    }
    found
}

/// The services a resource policy lets in, each with the source its condition names, if one.
/// Services are triggers; nothing where the document cannot be read.
pub fn services(document: &str, own_account: &str) -> Vec<(String, String)> {
    let Ok(document) = parse(document) else { return Vec::new() };
    let allowing = document.statements.iter().filter(|one| one.allows);
    allowing
        .flat_map(|one| {
            let source = one.conditions.iter().find(|condition| condition.key == "aws:sourcearn");
            let source =
                source.and_then(|condition| condition.values.first()).map_or(own_account, String::as_str);
            let services = one.principals.iter().filter(|(kind, _)| kind == "Service");
            services.map(move |(_, service)| (service.clone(), source.to_owned()))
        })
        .collect()
}

fn sort(statement: &Statement, kind: &str, value: &str, own_account: &str, found: &mut ResourcePolicy) {
    // An account number is an account, also where an emulator files it under services.
    let kind = if is_account(value) { "AWS" } else { kind };
    match (kind, value) {
        ("Service", service) if narrowed(statement, OF_THE_SOURCE) || !needs_a_source(service) => {
            others(statement, OF_THE_SOURCE, own_account, found);
        }
        ("Service", service) => found.open_services.push(grant(statement, service)),
        (_, "*") => everyone(statement, own_account, found),
        ("AWS", principal) => {
            let account = account_of(principal);
            if account != own_account {
                found.accounts.push(grant(statement, account));
            }
        }
        _ => {}
    }
}

/// *Everyone*, less those whom the conditions shut out.
fn everyone(statement: &Statement, own_account: &str, found: &mut ResourcePolicy) {
    if narrowed(statement, NARROWING) {
        others(statement, NARROWING, own_account, found);
    } else {
        found.public.push(grant(statement, "*"));
    }
}

/// The other accounts that the conditions with these keys name.
fn others(statement: &Statement, keys: &[&str], own_account: &str, found: &mut ResourcePolicy) {
    let named: Vec<Vec<Option<&str>>> = narrowing(statement, keys)
        .map(|one| one.values.iter().map(|value| named_account(&one.key, value)).collect())
        .collect();
    // All conditions must hold: one that leaves our own account alone shuts out the others.
    if named.iter().any(|accounts| accounts.iter().all(|one| *one == Some(own_account))) {
        return;
    }
    let mut others: Vec<&str> = named.into_iter().flatten().flatten().collect();
    others.retain(|account| *account != own_account);
    others.sort_unstable();
    others.dedup();
    found.accounts.extend(others.into_iter().map(|account| grant(statement, account)));
}

/// Services that act for whoever set them up, in any account, and so must say for whom. Those that
/// call only with the caller's own credentials need not.
fn needs_a_source(service: &str) -> bool {
    !matches!(service, "edgelambda.amazonaws.com" | "replicator.lambda.amazonaws.com")
}

/// The account that a value of this condition key names, if it names one.
fn named_account<'a>(key: &str, value: &'a str) -> Option<&'a str> {
    match key {
        "aws:sourceaccount" | "aws:sourceowner" | "aws:principalaccount" | "kms:calleraccount" => Some(value),
        "aws:sourcearn" | "aws:principalarn" => value.split(':').nth(4).filter(|one| is_account(one)),
        _ => None,
    }
}

/// `123456789012` of an ARN, or the principal itself.
fn account_of(principal: &str) -> &str {
    principal.split(':').nth(4).filter(|account| !account.is_empty()).unwrap_or(principal)
}

fn is_account(value: &str) -> bool {
    value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn grant(statement: &Statement, principal: &str) -> Grant {
    let actions = match &statement.actions {
        Selection::These(actions) => actions.clone(),
        Selection::AllBut(actions) => vec![format!("all but {}", actions.join(", "))],
    };
    Grant { statement: statement.name.clone(), principal: principal.to_owned(), actions }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(statement: &str) -> ResourcePolicy {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        resource_policy(&text, "111122223333").expect("a policy")
    }

    fn everyone(condition: &str) -> ResourcePolicy {
        read(&format!(
            r#"{{"Sid":"s","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"x"{condition}}}"#
        ))
    }

    #[test]
    fn everyone_is_public_unless_a_condition_names_them() {
        assert_eq!(everyone("").public.len(), 1);
        for narrow in [
            r#","Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"}}"#,
            r#","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::one"}}"#,
            r#","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
            r#","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
        ] {
            assert!(everyone(narrow).public.is_empty(), "{narrow}");
        }
        for open in [
            r#","Condition":{"StringLike":{"aws:SourceArn":"*"}}"#,
            r#","Condition":{"StringNotEquals":{"aws:SourceAccount":"1"}}"#,
            r#","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#,
            r#","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}"#,
        ] {
            assert_eq!(everyone(open).public.len(), 1, "{open}");
        }
    }

    #[test]
    fn other_accounts_and_open_services_are_told_apart() {
        let found = read(
            r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::444455556666:role/x"]},"Action":"lambda:InvokeFunction"}"#,
        );
        assert_eq!(
            found.accounts.iter().map(|one| one.principal.as_str()).collect::<Vec<_>>(),
            ["444455556666"]
        );
        let service = |condition: &str| {
            read(&format!(
                r#"{{"Effect":"Allow","Principal":{{"Service":"s3.amazonaws.com"}},"Action":"lambda:InvokeFunction"{condition}}}"#
            ))
        };
        assert_eq!(service("").open_services.len(), 1);
        assert!(
            service(r#","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::one"}}"#)
                .open_services
                .is_empty()
        );
    }

    #[test]
    fn a_service_that_acts_for_another_account_lets_that_account_in() {
        let by = |condition: &str| {
            read(&format!(
                r#"{{"Effect":"Allow","Principal":{{"Service":"sns.amazonaws.com"}},"Action":"lambda:InvokeFunction","Condition":{{{condition}}}}}"#
            ))
        };
        let topic =
            |account: &str| format!(r#""ArnLike":{{"aws:SourceArn":"arn:aws:sns:eu-west-1:{account}:t"}}"#);
        assert_eq!(accounts(&by(&topic("444455556666"))), ["444455556666"]);
        assert_eq!(by(&topic("111122223333")), ResourcePolicy::default());
        let skill = by(r#""StringEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.1"}"#);
        assert_eq!(skill, ResourcePolicy::default());
    }

    #[test]
    fn star_for_aws_narrowed_to_another_account_is_that_account() {
        let found = everyone(r#","Condition":{"StringEquals":{"aws:SourceAccount":"444455556666"}}"#);
        assert_eq!(found.accounts[0].principal, "444455556666");
        assert!(found.public.is_empty());
    }

    fn accounts(found: &ResourcePolicy) -> Vec<&str> {
        found.accounts.iter().map(|one| one.principal.as_str()).collect()
    }

    #[test]
    fn every_foreign_account_of_a_condition_is_let_in() {
        for (condition, expected) in [
            (
                r#""StringEquals":{"aws:PrincipalAccount":["111122223333","444455556666"]}"#,
                vec!["444455556666"],
            ),
            (
                r#""StringEquals":{"aws:SourceAccount":["777788889999","444455556666"]}"#,
                vec!["444455556666", "777788889999"],
            ),
            (r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::444455556666:role/x"}"#, vec!["444455556666"]),
            (
                r#""ArnLike":{"aws:PrincipalArn":["arn:aws:iam::111122223333:role/x","arn:aws:iam::444455556666:*"]}"#,
                vec!["444455556666"],
            ),
            (r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:444455556666:t"}"#, vec!["444455556666"]),
            (r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/x"}"#, vec![]),
            (
                r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:444455556666:*"},"StringEquals":{"aws:SourceAccount":"111122223333"}"#,
                vec![],
            ),
        ] {
            let found = everyone(&format!(r#","Condition":{{{condition}}}"#));
            assert!(found.public.is_empty(), "{condition}");
            assert_eq!(accounts(&found), expected, "{condition}");
        }
    }

    #[test]
    fn a_pattern_that_everybody_meets_narrows_nothing() {
        for open in [
            r#""StringLike":{"aws:PrincipalOrgID":"o-*"}"#,
            r#""StringLike":{"aws:SourceVpc":"vpc-*"}"#,
            r#""StringLike":{"aws:PrincipalArn":"*:role/x"}"#,
            r#""StringLike":{"aws:SourceAccount":"?????2223333"}"#,
            r#""StringLike":{"aws:PrincipalOrgPaths":"*/r-1/*"}"#,
            r#""ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}"#,
            r#""StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}"#,
        ] {
            assert_eq!(everyone(&format!(r#","Condition":{{{open}}}"#)).public.len(), 1, "{open}");
        }
        for narrow in [
            r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-1/r-1/*"}"#,
            r#""StringEquals":{"aws:SourceVpce":["vpce-1","vpce-2"]}"#,
        ] {
            assert!(everyone(&format!(r#","Condition":{{{narrow}}}"#)).public.is_empty(), "{narrow}");
        }
    }

    #[test]
    fn what_a_deny_leaves_is_what_is_let_in() {
        let with = |deny: &str| {
            read(&format!(
                r#"{{"Effect":"Allow","Principal":"*","Action":["ecr:BatchGetImage"]}},{{"Effect":"Deny",{deny}}}"#
            ))
        };
        for closed in [
            r#""Principal":"*","Action":"ecr:*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
            r#""Principal":"*","Action":"*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-1"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}"#,
            r#""Principal":{"AWS":"*"},"Action":"ecr:BatchGet*","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
            r#""Principal":"*","Action":"*""#,
        ] {
            assert_eq!(with(closed), ResourcePolicy::default(), "{closed}");
        }
        for open in [
            r#""Principal":"*","Action":"ecr:PutImage","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
            r#""Principal":"*","Action":"*","Condition":{"StringNotLike":{"aws:PrincipalOrgID":"o-*"}}"#,
            r#""Principal":"*","Action":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"},"Bool":{"aws:SecureTransport":"false"}}"#,
            r#""Principal":{"AWS":"444455556666"},"Action":"*""#,
            r#""Principal":"*","Action":"*","Condition":{"StringNotEqualsIfExists":{"aws:SourceOrgID":"o-1"},"Bool":{"aws:PrincipalIsAWSService":"true"}}"#,
            r#""Principal":"*","Action":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#,
        ] {
            assert_eq!(with(open).public.len(), 1, "{open}");
        }
        let other = with(
            r#""Principal":"*","Action":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"444455556666"}}"#,
        );
        assert_eq!((other.public.len(), accounts(&other)), (0, vec!["444455556666"]));
    }

    #[test]
    fn an_arn_of_any_account_narrows_nothing() {
        for open in [
            "arn:aws:sns:*:*:*",
            "arn:aws:sns:eu-west-1:*:orders",
            "arn:aws:sns:eu-west-1::orders",
            "arn:aws:sns:*",
            "arn:aws:*",
            "arn:*",
            "arn:aws:s3:::*",
        ] {
            let condition = format!(r#","Condition":{{"ArnLike":{{"aws:SourceArn":"{open}"}}}}"#);
            assert_eq!(everyone(&condition).public.len(), 1, "{open}");
            let service = read(&format!(
                r#"{{"Effect":"Allow","Principal":{{"Service":"sns.amazonaws.com"}},"Action":"lambda:InvokeFunction"{condition}}}"#
            ));
            assert_eq!(service.open_services.len(), 1, "{open}");
        }
        for narrow in ["arn:aws:s3:::uploads*", "arn:aws:sns:*:111122223333:*"] {
            let condition = format!(r#","Condition":{{"ArnLike":{{"aws:SourceArn":"{narrow}"}}}}"#);
            assert_eq!(everyone(&condition), ResourcePolicy::default(), "{narrow}");
        }
        let anyone = everyone(r#","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}}"#);
        assert_eq!(anyone.public.len(), 1);
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic(value in "[\\[\\]{}\":,a-zA-Z*]{0,120}") {
            let _ = resource_policy(&value, "1");
        }
    }
}
