//! What a role amounts to: administrator, whole services, ways to raise itself.

use super::document::{Document, Selection, Statement};
use crate::model::Identity;

/// The documents that bear on a role.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Policies by name, attached and inline.
    pub policies: Vec<(String, Document)>,
    /// The permissions boundary: what is not allowed there too is not allowed.
    pub boundary: Option<Document>,
}

/// Known ways from a few rights to all of them: name, and the actions it takes together. After the
/// public write-ups of privilege escalation in AWS.
const ESCALATIONS: &[(&str, &[&str])] = &[
    ("attach a policy to a role", &["iam:AttachRolePolicy"]),
    ("attach a policy to a user", &["iam:AttachUserPolicy"]),
    ("attach a policy to a group", &["iam:AttachGroupPolicy"]),
    ("write a role's inline policy", &["iam:PutRolePolicy"]),
    ("write a user's inline policy", &["iam:PutUserPolicy"]),
    ("write a group's inline policy", &["iam:PutGroupPolicy"]),
    ("write a new version of a policy", &["iam:CreatePolicyVersion"]),
    ("choose another version of a policy", &["iam:SetDefaultPolicyVersion"]),
    ("change who may assume a role", &["iam:UpdateAssumeRolePolicy"]),
    ("make access keys for others", &["iam:CreateAccessKey"]),
    ("make or change passwords of others", &["iam:CreateLoginProfile"]),
    ("change passwords of others", &["iam:UpdateLoginProfile"]),
    ("join a group", &["iam:AddUserToGroup"]),
    ("pass a role to a new function", &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]),
    ("pass a role to a new instance", &["iam:PassRole", "ec2:RunInstances"]),
    ("pass a role to a new task", &["iam:PassRole", "ecs:RunTask", "ecs:RegisterTaskDefinition"]),
    ("pass a role to a new stack", &["iam:PassRole", "cloudformation:CreateStack"]),
    ("pass a role to a Glue endpoint", &["iam:PassRole", "glue:CreateDevEndpoint"]),
    ("replace the code of other functions", &["lambda:UpdateFunctionCode"]),
    ("assume any role", &["sts:AssumeRole"]),
];

/// Calls that each make all rights of rights over IAM. A guardrail that forbids one leaves the others.
const TAKEOVERS: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:PutRolePolicy",
    "iam:CreatePolicyVersion",
    "iam:AttachUserPolicy",
    "iam:PutUserPolicy",
    "iam:UpdateAssumeRolePolicy",
];

/// No action has this name, so whatever holds it holds all of IAM, but for what it leaves out by name.
const ANY_OF_IAM: &str = "iam:~";

/// Ways to silence the audit trail.
const SILENCING: &[(&str, &[&str])] = &[
    ("stop the audit trail", &["cloudtrail:StopLogging"]),
    ("delete the audit trail", &["cloudtrail:DeleteTrail"]),
    ("change the audit trail", &["cloudtrail:UpdateTrail"]),
    ("choose what the audit trail records", &["cloudtrail:PutEventSelectors"]),
    ("delete logs", &["logs:DeleteLogGroup"]),
];

/// Actions a function needs for its own logs, traces and network cards, which name no resource.
const HARMLESS: &[&str] = &[
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "cloudwatch:PutMetricData",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
];

/// Openings of actions that only look.
const LOOKING: &[&str] = &[
    "Get", "List", "Describe", "BatchGet", "Head", "Query", "Scan", "Search", "Lookup", "View", "Check",
    "Select",
];

/// Boils the policies of the role `id` down.
pub fn identity(id: &str, name: &str, sources: &Sources) -> Identity {
    let admin_because: Vec<String> = sources
        .policies
        .iter()
        .filter(|(_, document)| document.statements.iter().any(administers))
        .map(|(policy, _)| policy.clone())
        .collect();
    let admin = !admin_because.is_empty() && TAKEOVERS.iter().any(|action| allows(sources, action));
    let ways = ESCALATIONS.iter().chain(SILENCING);
    Identity {
        id: id.to_owned(),
        name: name.to_owned(),
        admin,
        admin_because: if admin { admin_because } else { Vec::new() },
        full_services: full_services(sources),
        unscoped_actions: unscoped_actions(sources),
        broad_scopes: Vec::new(),
        escalations: ways
            .filter(|(_, actions)| actions.iter().all(|action| allows(sources, action)))
            .map(|(way, _)| (*way).to_owned())
            .collect(),
    }
}

/// All of IAM on everything: written so, as *everything*, or as *everything but* something else.
fn administers(statement: &Statement) -> bool {
    statement.allows && statement.covers(ANY_OF_IAM)
}

fn allowing(sources: &Sources) -> impl Iterator<Item = &Statement> {
    sources.policies.iter().flat_map(|(_, document)| &document.statements).filter(|one| one.allows)
}

/// Whether `action` is allowed on every resource.
fn allows(sources: &Sources, action: &str) -> bool {
    allowing(sources).any(|one| one.covers(action)) && !denied(sources, action) && bounded(sources, action)
}

fn denied(sources: &Sources, action: &str) -> bool {
    let statements = sources.policies.iter().flat_map(|(_, document)| &document.statements);
    let mut all = statements.chain(sources.boundary.iter().flat_map(|document| &document.statements));
    all.any(|one| !one.allows && one.covers(action))
}

fn bounded(sources: &Sources, action: &str) -> bool {
    sources
        .boundary
        .as_ref()
        .is_none_or(|document| document.statements.iter().any(|one| one.allows && one.actions.holds(action)))
}

/// Statements that speak of every resource, unconditionally.
fn on_everything(statements: &[Statement]) -> impl Iterator<Item = &Statement> {
    statements.iter().filter(|one| one.allows && one.resources.is_every() && one.conditions.is_empty())
}

/// The actions such statements of its policies name.
fn named_on_everything(sources: &Sources) -> impl Iterator<Item = &str> {
    sources
        .policies
        .iter()
        .flat_map(|(_, document)| on_everything(&document.statements))
        .filter_map(|one| match &one.actions {
            Selection::These(actions) => Some(actions),
            Selection::AllBut(_) => None,
        })
        .flatten()
        .map(String::as_str)
}

/// Services it may do everything on. Where it may do everything on all of them, or all but a few, its
/// boundary says on which.
fn full_services(sources: &Sources) -> Vec<String> {
    let mut services: Vec<String> = named_on_everything(sources)
        .filter_map(whole_service)
        .filter(|service| {
            !denied(sources, &format!("{service}:Anything"))
                && bounded(sources, &format!("{service}:Anything"))
        })
        .collect();
    let policies = sources.policies.iter().flat_map(|(_, document)| on_everything(&document.statements));
    for all in policies.filter_map(|one| every_service(&one.actions)) {
        match &sources.boundary {
            None => services.push(all),
            Some(boundary) => services.extend(on_everything(&boundary.statements).flat_map(|one| {
                match (&one.actions, every_service(&one.actions)) {
                    (_, Some(_)) => vec![all.clone()],
                    (Selection::These(actions), None) => {
                        actions.iter().filter_map(|action| whole_service(action)).collect()
                    }
                    (Selection::AllBut(_), None) => Vec::new(),
                }
            })),
        }
    }
    services.sort();
    services.dedup();
    services
}

fn whole_service(action: &str) -> Option<String> {
    let service = action.strip_suffix(":*")?;
    let counts = !service.contains('*') && service != "logs" && service != "xray";
    counts.then(|| service.to_lowercase())
}

/// Names what holds every service, or all but a few.
fn every_service(actions: &Selection) -> Option<String> {
    match actions {
        Selection::These(_) => actions.is_every().then(|| "every service".to_owned()),
        Selection::AllBut(few) => Some(format!("every service but {}", few.join(", "))),
    }
}

fn unscoped_actions(sources: &Sources) -> Vec<String> {
    let mut actions: Vec<String> = named_on_everything(sources)
        .filter(|action| {
            let Some((_, verb)) = action.split_once(':') else { return false };
            verb != "*" && !LOOKING.iter().any(|opening| verb.starts_with(opening))
        })
        .filter(|action| !HARMLESS.iter().any(|one| action.eq_ignore_ascii_case(one)))
        .filter(|action| !denied(sources, action) && bounded(sources, action))
        .map(str::to_owned)
        .collect();
    actions.sort();
    actions.dedup();
    actions.truncate(20);
    actions
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn role(policies: &[&str], boundary: Option<&str>) -> Identity {
        let read = |text: &str| parse(&format!(r#"{{"Statement":{text}}}"#)).expect("a policy");
        let policies = policies.iter().enumerate().map(|(n, text)| (format!("p{n}"), read(text))).collect();
        identity("arn", "role", &Sources { policies, boundary: boundary.map(read) })
    }

    const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

    #[test]
    fn everything_on_everything_is_an_administrator() {
        for text in [
            ALL,
            r#"{"Effect":"Allow","Action":["*:*"],"Resource":["*"]}"#,
            r#"{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","NotAction":"iam:CreateUser","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"IAM:*","Resource":"*"}"#,
        ] {
            assert!(role(&[text], None).admin, "{text}");
        }
        assert_eq!(role(&[ALL], None).admin_because, ["p0"]);
    }

    #[test]
    fn what_is_narrowed_is_not_an_administrator() {
        for text in [
            r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::one"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":true}}}"#,
        ] {
            assert!(!role(&[text], None).admin, "{text}");
        }
        let deny = r#"{"Effect":"Deny","Action":"iam:*","Resource":"*"}"#;
        assert!(!role(&[ALL, deny], None).admin);
        assert!(!role(&[ALL], Some(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#)).admin);
        assert!(role(&[ALL], Some(ALL)).admin);
    }

    #[test]
    fn a_guardrail_against_one_way_leaves_the_others() {
        let deny = |action: &str| format!(r#"{{"Effect":"Deny","Action":"{action}","Resource":"*"}}"#);
        assert!(role(&[ALL, &deny("iam:CreateUser")], None).admin);
        assert!(role(&[ALL, &deny("iam:AttachRolePolicy")], None).admin);
        let boundary = format!("[{ALL},{}]", deny("iam:CreateUser"));
        assert!(role(&[ALL], Some(&boundary)).admin);
        let power = r#"{"Effect":"Allow","NotAction":["iam:*","organizations:*"],"Resource":"*"}"#;
        let iam = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#;
        let both = role(&[power, iam], None);
        assert_eq!((both.admin, both.admin_because), (true, vec!["p1".to_owned()]));
    }

    #[test]
    fn everything_but_administration_is_still_whole_services() {
        let power = r#"{"Effect":"Allow","NotAction":["iam:*","organizations:*"],"Resource":"*"}"#;
        let deny = r#"{"Effect":"Deny","Action":"iam:*","Resource":"*"}"#;
        let services = |policies: &[&str], boundary: Option<&str>| {
            let found = role(policies, boundary);
            assert!(!found.admin, "{policies:?}");
            found.full_services
        };
        assert_eq!(services(&[power], None), ["every service but iam:*, organizations:*"]);
        assert_eq!(services(&[ALL, deny], None), ["every service"]);
        let s3 = r#"{"Effect":"Allow","Action":["s3:*","sqs:SendMessage"],"Resource":"*"}"#;
        assert_eq!(services(&[ALL], Some(s3)), ["s3"]);
        let one = r#"{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}"#;
        assert!(services(&[ALL], Some(one)).is_empty());
    }

    #[test]
    fn whole_services_and_open_writes_are_named() {
        let found = role(
            &[
                r#"{"Effect":"Allow","Action":["s3:*","DynamoDB:*","sqs:SendMessage","ec2:DescribeInstances","logs:*","logs:PutLogEvents"],"Resource":"*"}"#,
            ],
            None,
        );
        assert_eq!(found.full_services, ["dynamodb", "s3"]);
        assert_eq!(found.unscoped_actions, ["sqs:SendMessage"]);
    }

    #[test]
    fn a_pattern_that_holds_something_harmless_holds_more() {
        for action in ["ec2:Delete*", "cloudwatch:Put*", "ec2:*NetworkInterface", "logs:?reateLogGroup*"] {
            let text =
                format!(r#"{{"Effect":"Allow","Action":["{action}","LOGS:putlogevents"],"Resource":"*"}}"#);
            assert_eq!(role(&[text.as_str()], None).unscoped_actions, [action]);
        }
    }

    #[test]
    fn a_way_up_needs_all_its_steps() {
        let half = role(&[r#"{"Effect":"Allow","Action":["iam:PassRole"],"Resource":"*"}"#], None);
        assert!(half.escalations.is_empty(), "{:?}", half.escalations);
        let whole = role(
            &[r#"{"Effect":"Allow","Action":["iam:PassRole","ec2:RunInstances"],"Resource":"*"}"#],
            None,
        );
        assert_eq!(whole.escalations, ["pass a role to a new instance"]);
        let quiet = role(&[r#"{"Effect":"Allow","Action":"cloudtrail:Stop*","Resource":"*"}"#], None);
        assert_eq!(quiet.escalations, ["stop the audit trail"]);
    }
}
