//! Whether the code of functions must be signed: by the rules of a region and the functions each is for,
//! where that may be listed and takes fewer calls; else function by function.
//!
//! The rules are read before the functions: one that is given to a function meanwhile is seen by the next
//! pass.

use std::collections::HashMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::types::{CodeSigningConfig, CodeSigningPolicy};

use super::caller::{Caller, Operation};
use super::normalise::qualified;
use crate::model::{CodeSigning, Fact};

const NONE: &[&str] = &["ResourceNotFoundException"];
pub(super) const SIGNING: Operation =
    Operation::of("lambda:GetFunctionCodeSigningConfig", "code signing", NONE);
const RULE: Operation = Operation::of("lambda:GetCodeSigningConfig", "code signing", NONE);
const RULES: Operation = Operation::of("lambda:ListCodeSigningConfigs", "code signing at once", &[]);
const FUNCTIONS: Operation =
    Operation::of("lambda:ListFunctionsByCodeSigningConfig", "code signing at once", &[]);

/// Of fewer functions than this, each is asked for by itself.
const FEWEST: usize = 10;
/// Rules followed at most.
const MOST_RULES: usize = 100;

/// The rules of one region.
pub struct Signing<'a> {
    caller: &'a Caller,
    client: &'a Client,
    listed: Option<HashMap<String, CodeSigning>>,
}

impl<'a> Signing<'a> {
    /// Reads the rules of a region that has so many functions at least.
    pub async fn read(caller: &'a Caller, client: &'a Client, functions: usize) -> Self {
        let listed = if functions < FEWEST { None } else { listed(caller, client, functions).await };
        Self { caller, client, listed }
    }

    /// Whether the code of a function must be signed; images cannot be.
    pub async fn of(&self, arn: &str, name: &str, image: bool) -> Fact<CodeSigning> {
        if image {
            return Fact::unknown("images are signed in their registry, not by Lambda");
        }
        if let Some(listed) = &self.listed {
            return Fact::Known(listed.get(arn).copied().unwrap_or(CodeSigning::Off));
        }
        let send = self.client.get_function_code_signing_config().function_name(name).send();
        let rule = match self.caller.call(SIGNING, arn, send).await {
            Fact::Known(answer) => {
                answer.map(|one| one.code_signing_config_arn).filter(|arn| !arn.is_empty())
            }
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        let Some(rule) = rule else { return Fact::Known(CodeSigning::Off) };
        let send = self.client.get_code_signing_config().code_signing_config_arn(&rule).send();
        self.caller.call(RULE, arn, send).await.map(|answer| {
            answer.and_then(|one| one.code_signing_config).map_or(CodeSigning::Warn, |one| enforced(&one))
        })
    }
}

fn enforced(rule: &CodeSigningConfig) -> CodeSigning {
    let policy = rule.code_signing_policies().and_then(|one| one.untrusted_artifact_on_deployment.as_ref());
    if policy == Some(&CodeSigningPolicy::Enforce) { CodeSigning::Enforce } else { CodeSigning::Warn }
}

/// What each function that has a rule is held to; none where not all of it could be read, or there are
/// so many rules that asking each of the functions is no slower.
async fn listed(caller: &Caller, client: &Client, functions: usize) -> Option<HashMap<String, CodeSigning>> {
    let most = MOST_RULES.min(functions);
    let rules = caller.attempt(RULES, async {
        let mut pages = client.list_code_signing_configs().into_paginator().send();
        let mut found: Vec<CodeSigningConfig> = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(page?.code_signing_configs.unwrap_or_default());
            if found.len() > most {
                break;
            }
        }
        Ok::<_, SdkError<_, _>>(found)
    });
    let rules = rules.await.filter(|rules| rules.len() <= most)?;
    let mut held = HashMap::new();
    for rule in rules {
        let arn = rule.code_signing_config_arn();
        let functions = caller.attempt(FUNCTIONS, async {
            let ask = client.list_functions_by_code_signing_config().code_signing_config_arn(arn);
            let mut pages = ask.into_paginator().send();
            let mut found: Vec<String> = Vec::new();
            while let Some(page) = pages.next().await {
                found.extend(page?.function_arns.unwrap_or_default());
            }
            Ok::<_, SdkError<_, _>>(found)
        });
        held.extend(functions.await?.iter().map(|function| (qualified(function).0, enforced(&rule))));
    }
    Some(held)
}
