//! What a role amounts to: administrator, whole services, ways to raise itself.

use super::document::{Document, Selection, Statement, matches};
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

/// Calls by which a role that may make them on itself raises its own rights.
const OF_ITSELF: &[&str] = &["iam:AttachRolePolicy", "iam:PutRolePolicy"];

/// Services by which it is told whether a role may do everything on most there are.
const SERVICES: &[&str] = &[
    "cloudformation",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "iam",
    "kms",
    "lambda",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "states",
];

/// Actions that look at what is kept, and not only at what there is.
const OF_DATA: &[&str] = &[
    "s3:GetObject",
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "secretsmanager:GetSecretValue",
    "secretsmanager:BatchGetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "kms:Decrypt",
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
            .filter(|(_, actions)| {
                actions.iter().all(|action| allows(sources, action) || allows_on_itself(sources, id, action))
            })
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

/// Whether `action` is allowed on the role itself, by its name.
fn allows_on_itself(sources: &Sources, role: &str, action: &str) -> bool {
    let on_itself = |one: &Statement| {
        let Selection::These(patterns) = &one.resources else { return false };
        let named = patterns.iter().any(|pattern| matches(pattern, role));
        one.is_unconditional() && one.actions.holds(action) && named
    };
    OF_ITSELF.contains(&action)
        && allowing(sources).any(on_itself)
        && !denied(sources, action)
        && bounded(sources, action)
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
        .is_none_or(|document| document.statements.iter().any(|one| one.allows && one.covers(action)))
}

/// The actions that its policies and its boundary name.
fn named(sources: &Sources) -> impl Iterator<Item = &str> {
    let documents = sources.policies.iter().map(|(_, document)| document).chain(&sources.boundary);
    documents
        .flat_map(|document| &document.statements)
        .filter(|one| one.allows)
        .filter_map(|one| match &one.actions {
            Selection::These(actions) => Some(actions),
            Selection::AllBut(_) => None,
        })
        .flatten()
        .map(String::as_str)
}

/// Services it may do everything on, where they are named or where it may do everything on most there are.
fn full_services(sources: &Sources) -> Vec<String> {
    let full = |service: &str| allows(sources, &format!("{service}:~"));
    let mut services: Vec<String> = named(sources)
        .filter_map(|action| action.strip_suffix(":*"))
        .filter(|service| !service.contains('*') && *service != "logs" && *service != "xray")
        .map(str::to_lowercase)
        .filter(|service| full(service))
        .collect();
    let (open, closed): (Vec<&str>, Vec<&str>) = SERVICES.iter().partition(|service| full(service));
    match (open.len() > closed.len(), closed.is_empty()) {
        (true, true) => services = vec!["every service".to_owned()],
        (true, false) => services = vec![format!("most services, not {}", closed.join(", "))],
        (false, _) => services.extend(open.into_iter().map(str::to_owned)),
    }
    services.sort();
    services.dedup();
    services
}

fn unscoped_actions(sources: &Sources) -> Vec<String> {
    let mut actions: Vec<String> = named(sources)
        .filter(|action| {
            let Some((_, verb)) = action.split_once(':') else { return false };
            verb != "*" && (is_of_data(action) || !LOOKING.iter().any(|opening| verb.starts_with(opening)))
        })
        .filter(|action| !HARMLESS.iter().any(|one| action.eq_ignore_ascii_case(one)))
        .filter(|action| allows(sources, action))
        .map(str::to_owned)
        .collect();
    actions.sort();
    actions.dedup();
    actions.truncate(20);
    actions
}

fn is_of_data(action: &str) -> bool {
    OF_DATA.iter().any(|one| matches(action, one))
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
        assert_eq!(services(&[power], None), ["most services, not iam"]);
        assert_eq!(services(&[ALL, deny], None), ["most services, not iam"]);
        let s3 = r#"{"Effect":"Allow","Action":["s3:*","iam:*"],"Resource":"*"}"#;
        assert_eq!(services(&[power], Some(s3)), ["s3"]);
        let all_but = r#"{"Effect":"Deny","NotAction":"s3:*","Resource":"*"}"#;
        assert_eq!(services(&[ALL, all_but], None), ["s3"]);
        let nothing = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
        assert!(services(&[ALL, nothing], None).is_empty());
        let one = r#"{"Effect":"Allow","Action":["sqs:SendMessage","dynamodb:DeleteItem"],"Resource":"*"}"#;
        assert!(services(&[ALL], Some(one)).is_empty());
        assert_eq!(role(&[ALL], Some(one)).unscoped_actions, ["dynamodb:DeleteItem", "sqs:SendMessage"]);
    }

    #[test]
    fn a_boundary_that_is_narrow_where_it_counts_leaves_no_administrator() {
        let boundary = r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":["iam:CreateRole","iam:AttachRolePolicy","iam:PutRolePolicy"],"Resource":"arn:aws:iam::*:role/app-*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::1:policy/b"}}}]"#;
        let found = role(&[ALL], Some(boundary));
        assert_eq!((found.admin, found.escalations.len()), (false, 0), "{found:?}");
    }

    #[test]
    fn rights_on_all_of_a_service_and_over_itself_count_however_they_are_written() {
        let found = role(
            &[
                r#"{"Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::*"}"#,
                r#"{"Effect":"Allow","Action":["iam:PassRole","iam:AttachRolePolicy"],"Resource":"arn:aws:iam::111122223333:role/*"}"#,
            ],
            None,
        );
        assert_eq!(found.full_services, ["s3"]);
        assert_eq!(found.escalations, ["attach a policy to a role"]);
        let itself = r#"{"Effect":"Allow","Action":"iam:PutRolePolicy","Resource":"arn"}"#;
        assert_eq!(role(&[itself], None).escalations, ["write a role's inline policy"]);
        let other = itself.replace("\"arn\"", "\"other\"");
        assert!(role(&[other.as_str()], None).escalations.is_empty());
        let region = r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}"#;
        assert!(role(&[region], None).admin);
        let secrets = r#"{"Effect":"Allow","Action":["secretsmanager:GetSecretValue","ec2:DescribeInstances"],"Resource":"*"}"#;
        assert_eq!(role(&[secrets], None).unscoped_actions, ["secretsmanager:GetSecretValue"]);
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
