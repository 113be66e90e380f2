//! Policy documents as the language allows them to be written.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A document that is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a policy document: {0}")]
pub struct BadPolicy(pub String);

/// A policy document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Its statements.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its id, or its position from 1.
    pub name: String,
    /// Allows; otherwise it denies.
    pub allows: bool,
    /// Actions named.
    pub actions: Selection,
    /// Resources named.
    pub resources: Selection,
    /// Principals: kind (`AWS`, `Service`, …, or `*`) and value. Empty in identity policies.
    pub principals: Vec<(String, String)>,
    /// Everyone but those named.
    pub not_principals: bool,
    /// Condition keys in lower case with their operator and values.
    pub conditions: Vec<Condition>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Operator: `StringEquals`, `ArnLike`.
    pub operator: String,
    /// Key in lower case: `aws:sourceaccount`.
    pub key: String,
    /// Values.
    pub values: Vec<String>,
}

/// What a statement names, or names as left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These.
    These(Vec<String>),
    /// All but these.
    AllBut(Vec<String>),
}

impl Selection {
    /// Whether `value` is selected; `*` and `?` in patterns are wild, case does not matter.
    pub fn holds(&self, value: &str) -> bool {
        match self {
            Self::These(patterns) => patterns.iter().any(|pattern| matches(pattern, value)),
            Self::AllBut(patterns) => !patterns.iter().any(|pattern| matches(pattern, value)),
        }
    }

    /// Whether it selects everything there is, or everything but a few.
    pub fn is_every(&self) -> bool {
        match self {
            Self::These(patterns) => {
                patterns.iter().any(|one| one.chars().all(|c| matches!(c, '*' | ':')) && one.contains('*'))
            }
            Self::AllBut(_) => true,
        }
    }
}

impl Statement {
    /// Whether it speaks of `action` on every resource that the action has. A statement that denies speaks
    /// of it only where no condition spares anything.
    pub fn covers(&self, action: &str) -> bool {
        self.is_unconditional() && self.actions.holds(action) && self.is_on_every(service_of(action))
    }

    /// Whether it names every resource of a service.
    pub fn is_on_every(&self, service: &str) -> bool {
        match &self.resources {
            Selection::These(patterns) => {
                self.resources.is_every() || patterns.iter().any(|one| is_every_of(one, service))
            }
            Selection::AllBut(_) => true,
        }
    }

    /// Whether no condition narrows it; an allowing one is not narrowed by what every caller's request meets.
    pub fn is_unconditional(&self) -> bool {
        self.conditions.iter().all(|one| self.allows && MET_BY_ALL.contains(&one.key.as_str()))
    }
}

/// Keys of conditions that a caller of an account meets without being anybody in particular.
const MET_BY_ALL: &[&str] = &["aws:securetransport", "aws:requestedregion", "aws:currenttime"];

/// The service an action is of.
pub fn service_of(action: &str) -> &str {
    action.split(':').next().unwrap_or_default()
}

/// Whether an ARN names every resource of a service, or every one of a type of it: `arn:aws:s3:::*`,
/// `arn:aws:dynamodb:*:*:table/*`, `arn:aws:iam::111122223333:role/*`.
fn is_every_of(arn: &str, service: &str) -> bool {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, of, _, _, resource] = fields.as_slice() else { return false };
    if !of.eq_ignore_ascii_case(service) {
        return false;
    }
    match resource.split_once(['/', ':']) {
        None => *resource == "*",
        // What stands before the slash in S3 is the bucket, not a type.
        Some((bucket, key)) if *of == "s3" => bucket == "*" && key == "*",
        Some((kind, rest)) => rest == "*" && kind.chars().all(|c| c.is_ascii_alphabetic() || c == '-'),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::Many(many) => many,
            Self::One(one) => vec![one],
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Flag(bool),
    Number(serde_json::Number),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawPrincipal {
    Everyone(String),
    Some(BTreeMap<String, OneOrMany<String>>),
}

#[derive(Deserialize)]
struct RawDocument {
    #[serde(rename = "Statement")]
    statement: OneOrMany<RawStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawStatement {
    sid: Option<String>,
    effect: String,
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
    principal: Option<RawPrincipal>,
    not_principal: Option<RawPrincipal>,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany<Scalar>>>,
}

/// Reads a policy document.
pub fn parse(text: &str) -> Result<Document, BadPolicy> {
    let raw: RawDocument = serde_json::from_str(text).map_err(|fault| BadPolicy(fault.to_string()))?;
    let statements = raw
        .statement
        .into_vec()
        .into_iter()
        .enumerate()
        .map(|(position, one)| statement(position, one))
        .collect::<Result<_, _>>()?;
    Ok(Document { statements })
}

fn statement(position: usize, raw: RawStatement) -> Result<Statement, BadPolicy> {
    let name = raw.sid.filter(|sid| !sid.is_empty()).unwrap_or_else(|| format!("statement {}", position + 1));
    let allows = match raw.effect.as_str() {
        "Allow" => true,
        "Deny" => false,
        other => return Err(BadPolicy(format!("{name}: effect {other:?}"))),
    };
    let actions = selection(raw.action, raw.not_action)
        .ok_or_else(|| BadPolicy(format!("{name}: neither Action nor NotAction")))?;
    // Trust and some resource policies name no resource: they speak of the one they hang on.
    let resources = selection(raw.resource, raw.not_resource).unwrap_or(Selection::These(vec!["*".into()]));
    let not_principals = raw.not_principal.is_some();
    let principals = raw.principal.or(raw.not_principal).map_or(Vec::new(), principals);
    let conditions = raw
        .condition
        .into_iter()
        .flat_map(|(operator, keys)| {
            keys.into_iter().map(move |(key, values)| Condition {
                operator: operator.clone(),
                key: key.to_lowercase(),
                values: values.into_vec().into_iter().map(Scalar::text).collect(),
            })
        })
        .collect();
    Ok(Statement { name, allows, actions, resources, principals, not_principals, conditions })
}

fn selection(these: Option<OneOrMany<String>>, but: Option<OneOrMany<String>>) -> Option<Selection> {
    match (these, but) {
        (Some(these), _) => Some(Selection::These(these.into_vec())),
        (None, Some(but)) => Some(Selection::AllBut(but.into_vec())),
        (None, None) => None,
    }
}

fn principals(raw: RawPrincipal) -> Vec<(String, String)> {
    match raw {
        RawPrincipal::Everyone(value) => vec![("*".into(), value)],
        RawPrincipal::Some(kinds) => kinds
            .into_iter()
            .flat_map(|(kind, values)| values.into_vec().into_iter().map(move |value| (kind.clone(), value)))
            .collect(),
    }
}

/// Whether `pattern`, with `*` and `?` wild, matches all of `value`; case does not matter. Linear
/// in the product of the lengths at worst, so a hostile policy costs little.
pub fn matches(pattern: &str, value: &str) -> bool {
    if pattern.is_ascii() && value.is_ascii() {
        return wild(pattern.as_bytes(), value.as_bytes(), (b'*', b'?'), |a, b| a.eq_ignore_ascii_case(&b));
    }
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    wild(&lower(pattern), &lower(value), ('*', '?'), |a, b| a == b)
}

fn wild<T: Copy + PartialEq>(
    pattern: &[T],
    value: &[T],
    (many, one): (T, T),
    same: impl Fn(T, T) -> bool,
) -> bool {
    let (mut p, mut v) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while v < value.len() {
        if p < pattern.len() && pattern[p] == many {
            star = Some((p, v));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == one || same(pattern[p], value[v])) {
            p += 1;
            v += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            v = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == many)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wildcards_match_as_the_language_says() {
        for (pattern, value, expected) in [
            ("*", "s3:GetObject", true),
            ("s3:*", "S3:getobject", true),
            ("s3:Get*", "s3:PutObject", false),
            ("s3:?etObject", "s3:GetObject", true),
            ("iam:*Policy*", "iam:CreatePolicyVersion", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn strings_and_lists_read_alike() {
        let one =
            parse(r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#).expect("a policy");
        let many = parse(r#"{"Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["*"]}]}"#)
            .expect("a policy");
        assert_eq!(one, many);
        assert!(parse(r#"{"Statement":[{"Effect":"Perhaps","Action":"*"}]}"#).is_err());
        assert!(parse("<html>").is_err());
    }

    #[test]
    fn an_arn_may_name_all_of_a_service() {
        let covers = |resource: &str, action: &str| {
            let text =
                format!(r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"{resource}"}}}}"#);
            parse(&text).expect("a policy").statements[0].covers(action)
        };
        for (resource, action) in [
            ("*", "s3:PutObject"),
            ("arn:aws:s3:::*", "s3:PutObject"),
            ("arn:aws:s3:::*/*", "s3:PutObject"),
            ("arn:aws:dynamodb:*:*:*", "dynamodb:PutItem"),
            ("arn:aws:dynamodb:eu-west-1:111122223333:table/*", "dynamodb:PutItem"),
            ("arn:aws:iam::111122223333:role/*", "iam:AttachRolePolicy"),
            ("arn:aws:lambda:*:*:function:*", "lambda:UpdateFunctionCode"),
        ] {
            assert!(covers(resource, action), "{resource}");
        }
        for (resource, action) in [
            ("arn:aws:s3:::uploads/*", "s3:PutObject"),
            ("arn:aws:s3:::*", "dynamodb:PutItem"),
            ("arn:aws:dynamodb:*:*:table/orders", "dynamodb:PutItem"),
            ("arn:aws:iam::111122223333:role/app-*", "iam:AttachRolePolicy"),
            ("arn:aws:sqs:eu-west-1:111122223333:orders-*", "sqs:SendMessage"),
        ] {
            assert!(!covers(resource, action), "{resource}");
        }
    }

    #[test]
    fn a_condition_that_every_caller_meets_narrows_no_allow_and_spares_no_deny() {
        let unconditional = |effect: &str, condition: &str| {
            let text = format!(
                r#"{{"Statement":{{"Effect":"{effect}","Action":"*","Resource":"*","Condition":{{{condition}}}}}}}"#
            );
            parse(&text).expect("a policy").statements[0].is_unconditional()
        };
        let tls = r#""Bool":{"aws:SecureTransport":"true"}"#;
        assert!(unconditional("Allow", tls) && !unconditional("Deny", tls));
        assert!(!unconditional("Allow", r#""StringEquals":{"aws:PrincipalTag/team":"ops"}"#));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_value_matches_itself_and_a_star(value in "[a-z:?]{0,20}") {
            prop_assert!(matches(&value, &value));
            prop_assert!(matches("*", &value));
        }
    }
}
