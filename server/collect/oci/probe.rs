//! The test of a registry: whether it answers, takes our login, lists its repositories and lets one
//! of them be read.

use super::address::{is_repository, is_tag};
use super::client::{Client, Who};
use super::listing::CATALOGUE_SCOPE;
use super::wire::{Catalogue, Tags};
use super::{Address, login};
use crate::collect::image::Fault;
use crate::collect::image::wire::json;
use crate::collect::{Access, CollectError};
use crate::model::{RegistrySpec, Tested, Try};

/// Rows asked for: the first page says enough.
const ROWS: &str = "n=50";
const LIMIT: usize = 1 << 20;
const API: &str = "GET /v2/";
const CATALOGUE: &str = "GET /v2/_catalog";
const TAGS: &str = "GET /v2/…/tags/list";

/// Tries every kind of call.
pub async fn test(spec: &RegistrySpec, access: &Access, tested: &mut Tested) -> Result<(), CollectError> {
    let address = Address::parse(&spec.address, spec.plain_http)?;
    tested.account.clone_from(&address.name);
    let login = login(&spec.credentials, access.secret.as_ref())?;
    let client = Client::connect(address, login, &access.guard).await?;
    let said = match (client.is_open(), client.is_anonymous()) {
        (true, true) => "answers anybody",
        (true, false) => "answers anybody: the login was not asked for",
        (false, true) => "answers; it may ask for a login further in",
        (false, false) => "takes the login",
    };
    tested.tries.push(Try::works(API, "", said));
    let first = if let Some(named) = spec.repositories.first() {
        tested.tries.push(Try::untried(CATALOGUE, "the repositories to read are named"));
        Some(client.address.repository(named))
    } else {
        let listed = catalogue(&client).await;
        tested.tries.push(told(CATALOGUE, "", CATALOGUE_SCOPE, "repositories", &listed));
        listed.ok().and_then(|names| names.into_iter().find(|name| is_repository(name)))
    };
    tested.tries.push(match first {
        None => Try::untried(TAGS, "there is no repository to try it on"),
        Some(repository) => {
            let scope = format!("repository:{repository}:pull");
            let listed = tags(&client, &repository, &scope).await;
            told(TAGS, &repository, &scope, "tags", &listed)
        }
    });
    Ok(())
}

async fn catalogue(client: &Client) -> Result<Vec<String>, Fault> {
    let ask = client.ask(Who::Us, &format!("v2/_catalog?{ROWS}"), CATALOGUE_SCOPE, LIMIT)?;
    let answer = client.call(&ask).await?;
    Ok(json::<Catalogue>("the catalogue", &answer.body)?.repositories.unwrap_or_default())
}

async fn tags(client: &Client, repository: &str, scope: &str) -> Result<Vec<String>, Fault> {
    let ask = client.ask(Who::Us, &format!("v2/{repository}/tags/list?{ROWS}"), scope, LIMIT)?;
    let answer = client.call(&ask).await?;
    let tags = json::<Tags>("the tag list", &answer.body)?.tags.unwrap_or_default();
    Ok(tags.into_iter().filter(|tag| is_tag(tag)).collect())
}

/// At least so many: the first page was asked for alone.
fn told(call: &str, on: &str, scope: &str, what: &str, listed: &Result<Vec<String>, Fault>) -> Try {
    match listed {
        Ok(names) => Try::works(call, on, format!("answered, {} {what} on the first page", names.len())),
        Err(fault) if fault.is_refusal() => Try::denied(call, on, fault.code(), scope),
        Err(fault) => Try::failed(call, on, fault.to_string()),
    }
}
