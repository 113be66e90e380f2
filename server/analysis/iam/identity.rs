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
    let admin =
        !admin_because.is_empty() && !denied(sources, "iam:CreateUser") && bounded(sources, "iam:CreateUser");
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

/// Everything on everything, also when written as *everything but* something that is not IAM.
fn administers(statement: &Statement) -> bool {
    let every = match &statement.actions {
        Selection::These(_) => statement.actions.is_every(),
        Selection::AllBut(_) => statement.actions.holds("iam:CreateUser"),
    };
    statement.allows && every && statement.resources.is_every() && statement.conditions.is_empty()
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

/// Named actions on every resource, unconditionally.
fn on_everything(sources: &Sources) -> impl Iterator<Item = &str> {
    allowing(sources)
        .filter(|one| one.resources.is_every() && one.conditions.is_empty())
        .filter_map(|one| match &one.actions {
            Selection::These(actions) => Some(actions),
            Selection::AllBut(_) => None,
        })
        .flatten()
        .map(String::as_str)
}

fn full_services(sources: &Sources) -> Vec<String> {
    let mut services: Vec<String> = on_everything(sources)
        .filter_map(|action| action.strip_suffix(":*"))
        .filter(|service| !service.contains('*') && *service != "logs" && *service != "xray")
        .filter(|service| {
            !denied(sources, &format!("{service}:Anything"))
                && bounded(sources, &format!("{service}:Anything"))
        })
        .map(str::to_lowercase)
        .collect();
    services.sort();
    services.dedup();
    services
}

fn unscoped_actions(sources: &Sources) -> Vec<String> {
    let mut actions: Vec<String> = on_everything(sources)
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
