//! IAM and STS: form in, XML out.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::role::{Role, customer_document};
use super::{Call, form, page, policy, respond};
use crate::demo::names::TEAMS;

/// The service's own page size.
const PAGE: u64 = 100;
/// The most a page of it holds.
const MOST: u64 = 1_000;
const MANAGED: [&str; 7] = [
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AdministratorAccess",
    "AmazonS3FullAccess",
    "AmazonDynamoDBFullAccess",
    "AmazonSQSFullAccess",
];

/// Answers one call, named by its `Action` field.
pub fn answer(call: &Call<'_>, service: &str) -> Response<Body> {
    let asked = Form(form(call.body));
    match (service, asked.get("Action")) {
        ("sts", "GetCallerIdentity") => xml(
            "GetCallerIdentity",
            &format!(
                "<UserId>AIDASAMPLE</UserId><Account>{0}</Account><Arn>arn:aws:iam::{0}:user/parallax</Arn>",
                call.account().id
            ),
        ),
        ("iam", action @ "GetAccountAuthorizationDetails") if !call.estate.lists_roles(call.account) => {
            let message = format!("User is not authorized to perform: iam:{action}");
            error(StatusCode::FORBIDDEN, "AccessDenied", &message)
        }
        ("iam", "GetAccountAuthorizationDetails") => details(call, &asked),
        ("iam", "ListRoles") => list_roles(call, &asked),
        ("iam", "ListAccountAliases") => xml(
            "ListAccountAliases",
            &format!(
                "<IsTruncated>false</IsTruncated><AccountAliases><member>{}</member></AccountAliases>",
                call.account().alias
            ),
        ),
        ("iam", "GetPolicy" | "GetPolicyVersion") => of_policy(call, &asked),
        ("iam", _) => of_role(call, &asked),
        (_, other) => error(StatusCode::BAD_REQUEST, "InvalidAction", &format!("no {other} here")),
    }
}

/// An error as these services send it.
pub fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>\
         <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>",
        escape(message)
    );
    respond(status, "text/xml", body)
}

struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    fn marker(&self) -> Option<&str> {
        Some(self.get("Marker")).filter(|text| !text.is_empty())
    }

    /// Whether a filter of `GetAccountAuthorizationDetails` lets `kind` through.
    fn wants(&self, kind: &str) -> bool {
        let mut filters = self.0.iter().filter(|(key, _)| key.starts_with("Filter.member")).peekable();
        filters.peek().is_none() || filters.any(|(_, value)| value == kind)
    }
}

fn of_role(call: &Call<'_>, asked: &Form) -> Response<Body> {
    let (action, name) = (asked.get("Action"), asked.get("RoleName"));
    let Some(role) = Role::find(call.estate, call.account, name) else {
        let message = format!("The role with name {name} cannot be found.");
        return error(StatusCode::NOT_FOUND, "NoSuchEntity", &message);
    };
    if role.hidden(call.estate) && action != "GetRole" {
        let message = format!("User is not authorized to perform: iam:{action} on resource: role {name}");
        return error(StatusCode::FORBIDDEN, "AccessDenied", &message);
    }
    match action {
        "GetRole" => xml(action, &format!("<Role>{}</Role>", summary(&role))),
        "ListRolePolicies" => {
            let names: String = role.inline().iter().map(|(name, _)| member(name)).collect();
            xml(action, &format!("<IsTruncated>false</IsTruncated><PolicyNames>{names}</PolicyNames>"))
        }
        "GetRolePolicy" => match role.inline().iter().find(|(name, _)| *name == asked.get("PolicyName")) {
            Some((policy, document)) => xml(
                action,
                &format!(
                    "<RoleName>{name}</RoleName><PolicyName>{policy}</PolicyName><PolicyDocument>{}</PolicyDocument>",
                    encoded(document)
                ),
            ),
            None => error(StatusCode::NOT_FOUND, "NoSuchEntity", "no such policy"),
        },
        "ListAttachedRolePolicies" => {
            let body = format!(
                "<IsTruncated>false</IsTruncated><AttachedPolicies>{}</AttachedPolicies>",
                attached(&role)
            );
            xml(action, &body)
        }
        other => error(StatusCode::BAD_REQUEST, "InvalidAction", &format!("no {other} here")),
    }
}

fn of_policy(call: &Call<'_>, asked: &Form) -> Response<Body> {
    let (action, arn) = (asked.get("Action"), asked.get("PolicyArn"));
    let name = arn.rsplit('/').next().unwrap_or_default();
    let Some(document) = policy::managed(name).or_else(|| customer_document(call.account, name)) else {
        return error(StatusCode::NOT_FOUND, "NoSuchEntity", &format!("Policy {arn} does not exist."));
    };
    if action == "GetPolicy" {
        return xml(
            action,
            &format!(
                "<Policy><PolicyName>{name}</PolicyName><Arn>{arn}</Arn><DefaultVersionId>v1</DefaultVersionId></Policy>"
            ),
        );
    }
    xml(action, &format!("<PolicyVersion>{}</PolicyVersion>", version(&document)))
}

fn details(call: &Call<'_>, asked: &Form) -> Response<Body> {
    let roles = if asked.wants("Role") { Role::positions(call.estate, call.account) } else { 0 };
    let size = asked.get("MaxItems").parse().unwrap_or(PAGE).clamp(1, MOST);
    let (range, next) = page(asked.marker(), roles, size);
    let last = next.is_none();
    let found: String = range
        .filter_map(|position| Role::at(call.estate, call.account, position))
        .map(|role| member(&whole(&role)))
        .collect();
    let mut policies = String::new();
    if last && asked.wants("LocalManagedPolicy") {
        for team in TEAMS {
            let name = format!("{team}-data-access");
            let arn = format!("arn:aws:iam::{}:policy/{name}", call.account().id);
            policies.extend(
                customer_document(call.account, &name).map(|document| managed(&name, &arn, &document)),
            );
        }
    }
    if last && asked.wants("AWSManagedPolicy") {
        for name in MANAGED {
            let arn = policy::managed_arn(name);
            policies.extend(policy::managed(name).map(|document| managed(name, &arn, &document)));
        }
    }
    let body =
        format!("<RoleDetailList>{found}</RoleDetailList><Policies>{policies}</Policies>{}", paging(next));
    xml("GetAccountAuthorizationDetails", &body)
}

fn list_roles(call: &Call<'_>, asked: &Form) -> Response<Body> {
    let (range, next) = page(asked.marker(), Role::positions(call.estate, call.account), PAGE);
    let found: String = range
        .filter_map(|position| Role::at(call.estate, call.account, position))
        .map(|role| member(&summary(&role)))
        .collect();
    xml("ListRoles", &format!("<Roles>{found}</Roles>{}", paging(next)))
}

fn paging(next: Option<String>) -> String {
    match next {
        Some(marker) => format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
        None => "<IsTruncated>false</IsTruncated>".into(),
    }
}

fn summary(role: &Role) -> String {
    format!(
        "<Path>/service-role/</Path><RoleName>{}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn>\
         <CreateDate>2025-06-01T08:00:00Z</CreateDate><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>",
        role.name,
        role.id(),
        role.arn(),
        encoded(&Role::trust())
    )
}

fn whole(role: &Role) -> String {
    let inline: String = role
        .inline()
        .iter()
        .map(|(name, document)| {
            member(&format!(
                "<PolicyName>{name}</PolicyName><PolicyDocument>{}</PolicyDocument>",
                encoded(document)
            ))
        })
        .collect();
    format!(
        "{}<RolePolicyList>{inline}</RolePolicyList><AttachedManagedPolicies>{}</AttachedManagedPolicies>",
        summary(role),
        attached(role)
    )
}

fn attached(role: &Role) -> String {
    let managed = role.attached().into_iter().map(|name| (name.to_string(), policy::managed_arn(name)));
    managed
        .chain(role.customer_managed())
        .map(|(name, arn)| member(&format!("<PolicyName>{name}</PolicyName><PolicyArn>{arn}</PolicyArn>")))
        .collect()
}

fn managed(name: &str, arn: &str, document: &Value) -> String {
    member(&format!(
        "<PolicyName>{name}</PolicyName><Arn>{arn}</Arn><Path>/</Path><DefaultVersionId>v1</DefaultVersionId>\
         <AttachmentCount>1</AttachmentCount><IsAttachable>true</IsAttachable>\
         <PolicyVersionList>{}</PolicyVersionList>",
        member(&version(document))
    ))
}

fn version(document: &Value) -> String {
    format!(
        "<Document>{}</Document><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion>\
         <CreateDate>2025-06-01T08:00:00Z</CreateDate>",
        encoded(document)
    )
}

fn member(inner: &str) -> String {
    format!("<member>{inner}</member>")
}

/// Documents travel percent-encoded inside the XML.
fn encoded(document: &Value) -> String {
    utf8_percent_encode(&document.to_string(), NON_ALPHANUMERIC).to_string()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn xml(action: &str, result: &str) -> Response<Body> {
    let body = format!(
        "<{action}Response><{action}Result>{result}</{action}Result><ResponseMetadata>\
         <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></{action}Response>"
    );
    respond(StatusCode::OK, "text/xml", body)
}
