//! What an account has to be told to let us read it: whom to trust, what to allow, and both as a
//! template that can be deployed. Made by code, so that they name what is really called.

use serde_json::{Value, json};

use super::actions::{ACTIONS, LIST_ACCOUNTS};

/// What the role is called unless somebody says otherwise.
pub const ROLE: &str = "parallax-reader";

/// Whom to let in, and under which condition.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// Who we are on AWS: an account or a role.
    pub principal: &'a str,
    /// The word that has to come with each request to assume the role.
    pub external_id: &'a str,
    /// What the role is called.
    pub role: &'a str,
    /// It may list the accounts of its organisation too.
    pub organisation: bool,
}

impl Grant<'_> {
    /// The role's trust policy: only we, and only with this connection's own word. Without the
    /// condition, whoever uses the same service could have it read this account for them.
    pub fn trust(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": self.principal },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "sts:ExternalId": self.external_id } },
            }],
        })
    }

    /// The least it has to be allowed: reading, nothing else.
    pub fn policy(&self) -> Value {
        let mut actions = ACTIONS.to_vec();
        if self.organisation {
            actions.push(LIST_ACCOUNTS);
        }
        json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
        })
    }

    /// Both as a CloudFormation template, for a stack or a stack set.
    pub fn template(&self) -> Value {
        json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "Lets Parallax read the posture of this account: one role, read only.",
            "Resources": { "Reader": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": self.role,
                    "Description": "Read access for Parallax",
                    "AssumeRolePolicyDocument": self.trust(),
                    "Policies": [{ "PolicyName": "read-posture", "PolicyDocument": self.policy() }],
                },
            } },
            "Outputs": { "RoleArn": {
                "Description": "Paste this where Parallax asks for the role",
                "Value": { "Fn::GetAtt": ["Reader", "Arn"] },
            } },
        })
    }
}

/// As people read and paste it.
pub fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

/// The account and role behind an identity: a session's own name changes, its role does not.
pub fn principal_of(arn: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        [_, partition, "sts", _, account, rest] => match rest.strip_prefix("assumed-role/") {
            Some(role) => {
                let role = role.split('/').next().unwrap_or(role);
                format!("arn:{partition}:iam::{account}:role/{role}")
            }
            None => format!("arn:{partition}:iam::{account}:root"),
        },
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::iam;

    const GRANT: Grant<'static> = Grant {
        principal: "arn:aws:iam::111122223333:role/parallax",
        external_id: "plx-abc",
        role: ROLE,
        organisation: false,
    };

    #[test]
    fn the_role_lets_in_nobody_without_the_word() {
        let trust = GRANT.trust();
        let statements = trust["Statement"].as_array().expect("statements");
        assert!(statements.iter().all(|one| one["Condition"]["StringEquals"]["sts:ExternalId"] == "plx-abc"));
        assert_eq!(GRANT.template()["Resources"]["Reader"]["Properties"]["AssumeRolePolicyDocument"], trust);
    }

    #[test]
    fn the_policy_changes_nothing() {
        let text = pretty(&GRANT.policy());
        assert!(iam::parse(&text).is_ok(), "{text}");
        let verbs = ["Get", "BatchGet", "List", "Lookup", "Describe"];
        for action in ACTIONS {
            let (_, verb) = action.split_once(':').expect("a service and a verb");
            assert!(verbs.iter().any(|one| verb.starts_with(one)), "{action}");
        }
        assert!(!text.contains(LIST_ACCOUNTS));
        assert!(pretty(&Grant { organisation: true, ..GRANT }.policy()).contains(LIST_ACCOUNTS));
    }

    #[test]
    fn a_session_is_told_as_its_role() {
        for (arn, principal) in [
            ("arn:aws:sts::1:assumed-role/reader/i-0abc", "arn:aws:iam::1:role/reader"),
            ("arn:aws:iam::1:user/ann", "arn:aws:iam::1:user/ann"),
            ("arn:aws:sts::1:federated-user/ann", "arn:aws:iam::1:root"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(principal_of(arn), principal);
        }
    }
}
