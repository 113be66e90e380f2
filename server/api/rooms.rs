//! Every operation with the scope it takes, in one list that a test walks. An operation without a
//! scope, or without a description, cannot be written down.

use std::convert::Infallible;

use axum::middleware::from_fn;
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Paths;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{ApiState, gate};
use crate::model::Permission;

/// The rule of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `GET`, `POST`, `PATCH`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// The address, with `{}` for its changing parts.
    pub path: String,
    /// The scope a token needs.
    pub scope: Permission,
}

/// The list while it is written down.
pub struct Rooms {
    rules: Vec<Rule>,
    routes: OpenApiRouter<ApiState>,
}

impl Rooms {
    /// None yet, under this general description.
    pub fn under(openapi: OpenApi) -> Self {
        Self { rules: Vec::new(), routes: OpenApiRouter::with_openapi(openapi) }
    }

    /// An operation that takes this scope.
    pub fn add(mut self, scope: Permission, routes: UtoipaMethodRouter<ApiState>) -> Self {
        let (schemas, mut paths, handler) = routes;
        self.rules.extend(rules_of(&paths, scope));
        describe(&mut paths, scope);
        let kept: MethodRouter<ApiState> =
            handler.layer::<_, Infallible>(from_fn(gate::keep)).layer(Extension(gate::Takes(scope)));
        self.routes = self.routes.routes((schemas, paths, kept));
        self
    }

    /// The rules alone.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The description alone.
    pub fn description(self) -> OpenApi {
        self.routes.into_openapi()
    }

    /// The operations behind their gate.
    pub fn open(self) -> Router<ApiState> {
        self.routes.split_for_parts().0
    }
}

fn rules_of(paths: &Paths, scope: Permission) -> Vec<Rule> {
    let mut found = Vec::new();
    for (path, item) in &paths.paths {
        let operations = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations {
            if operation.is_some() {
                found.push(Rule { method, path: path.clone(), scope });
            }
        }
    }
    found
}

/// Writes the scope under the operation's words.
fn describe(paths: &mut Paths, scope: Permission) {
    for item in paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            let Some(operation) = operation else { continue };
            let words = operation.description.take().unwrap_or_default();
            operation.description = Some(format!("{words}\n\nScope: `{scope}`.").trim().to_owned());
        }
    }
}
