//! `Microsoft.Authorization`: who holds which role, and what roles there are.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::app::{App, shared_principal};
use super::{Call, not_found, ok, plan};
use crate::demo::estate::SUBSCRIPTIONS;
use crate::demo::names::TEAMS;
use crate::demo::seed::Draw;

/// Built-in roles: id, name, what they allow.
const ROLES: [(&str, &str, &[&str]); 7] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", &["*"]),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor", &["*"]),
    (
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        &["*/read", "Microsoft.Authorization/*"],
    ),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", &["*/read"]),
    (
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "Storage Blob Data Contributor",
        &["Microsoft.Storage/storageAccounts/blobServices/containers/read"],
    ),
    ("4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User", &[]),
    (
        "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "AcrPull",
        &["Microsoft.ContainerRegistry/registries/pull/read"],
    ),
];
const PAGE: u64 = 100;

/// Answers one call on `rest`, the path after the provider's name.
pub fn answer(call: &Call<'_>, subscription: usize, rest: &[&str]) -> Response<Body> {
    let lowered: Vec<String> = rest.iter().map(|part| part.to_ascii_lowercase()).collect();
    match lowered.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["roleassignments"] => match call.query("$filter").and_then(principal) {
            Some(principal) => ok(&json!({ "value": of_principal(call, subscription, &principal) })),
            None => every(call, subscription),
        },
        ["roledefinitions"] => ok(
            &json!({ "value": (0..ROLES.len()).map(|role| definition(subscription, role)).collect::<Vec<_>>() }),
        ),
        ["roledefinitions", id] => match ROLES.iter().position(|(known, ..)| known == id) {
            Some(role) => ok(&definition(subscription, role)),
            None => not_found(call.path),
        },
        _ => not_found(call.path),
    }
}

/// The principal a filter like `principalId eq '…'` or `assignedTo('…')` names.
fn principal(filter: &str) -> Option<String> {
    let named = ["principalid", "assignedto"].iter().any(|word| filter.to_ascii_lowercase().contains(word));
    filter.split('\'').nth(1).filter(|_| named).map(str::to_string)
}

fn every(call: &Call<'_>, subscription: usize) -> Response<Body> {
    let teams = TEAMS.len() as u64;
    call.listed(teams + call.estate.apps(subscription), PAGE, |index| match index.checked_sub(teams) {
        None => of_team(call, subscription, super::at(index)),
        Some(index) => of_app(call, &App::new(call.estate, subscription, index)),
    })
}

fn of_principal(call: &Call<'_>, subscription: usize, principal: &str) -> Vec<Value> {
    let team = (0..TEAMS.len()).find(|team| shared_principal(subscription, *team) == principal);
    match (team, App::of_principal(call.estate, principal)) {
        (Some(team), _) => of_team(call, subscription, team),
        (None, Some(app)) => of_app(call, &app),
        (None, None) => Vec::new(),
    }
}

fn of_team(call: &Call<'_>, subscription: usize, team: usize) -> Vec<Value> {
    let mut draw = call.estate.root().at("team").nth(team as u64).nth(subscription as u64).draw("roles");
    let group = group_scope(subscription, &plan::group(subscription, team));
    let mut found = vec![(4, group.clone()), (5, group.clone())];
    if draw.chance(25.0) {
        found.push((1, group));
    }
    assignments(subscription, &shared_principal(subscription, team), &found, &mut draw)
}

fn of_app(call: &Call<'_>, app: &App) -> Vec<Value> {
    let Some(principal) = app.principal() else {
        return Vec::new();
    };
    let mut draw = call.estate.root().at("roles").at(&principal).draw("roles");
    let (group, whole) = (group_scope(app.subscription, &app.group()), scope(app.subscription));
    let mut found = vec![(4, group.clone())];
    if draw.chance(55.0) {
        found.push((5, group.clone()));
    }
    if draw.chance(13.0) {
        found.push((draw.weighted(&[(6, 3), (2, 1)]), whole.clone()));
    }
    if draw.chance(6.0) {
        found.push((draw.weighted(&[(4, 1), (2, 0), (1, 2)]), if draw.chance(40.0) { whole } else { group }));
    }
    assignments(app.subscription, &principal, &found, &mut draw)
}

fn scope(subscription: usize) -> String {
    format!("/subscriptions/{}", SUBSCRIPTIONS[subscription].0)
}

fn group_scope(subscription: usize, group: &str) -> String {
    format!("{}/resourceGroups/{group}", scope(subscription))
}

fn assignments(
    subscription: usize,
    principal: &str,
    held: &[(usize, String)],
    draw: &mut Draw,
) -> Vec<Value> {
    held.iter()
        .map(|(role, at)| {
            let name = draw.uuid();
            json!({ "id": format!("{at}/providers/Microsoft.Authorization/roleAssignments/{name}"), "name": name,
                "type": "Microsoft.Authorization/roleAssignments",
                "properties": { "roleDefinitionId": role_id(subscription, *role), "principalId": principal,
                    "principalType": "ServicePrincipal", "scope": at, "condition": null,
                    "createdOn": "2026-01-10T09:00:00.0000000Z", "updatedOn": "2026-01-10T09:00:00.0000000Z" } })
        })
        .collect()
}

fn role_id(subscription: usize, role: usize) -> String {
    format!("{}/providers/Microsoft.Authorization/roleDefinitions/{}", scope(subscription), ROLES[role].0)
}

fn definition(subscription: usize, role: usize) -> Value {
    let (id, name, actions) = ROLES[role];
    let not_actions: &[&str] = if name == "Contributor" {
        &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ]
    } else {
        &[]
    };
    json!({ "id": role_id(subscription, role), "name": id, "type": "Microsoft.Authorization/roleDefinitions",
        "properties": { "roleName": name, "type": "BuiltInRole", "description": "", "assignableScopes": ["/"],
            "permissions": [{ "actions": actions, "notActions": not_actions, "dataActions": [], "notDataActions": [] }] } })
}
