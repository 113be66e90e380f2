//! Every address with the rule of who may come, in one list that a test walks. An address without
//! a rule cannot be written down.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::MethodRouter;

use super::fault;
use super::house::WebState;
use super::visit;
use crate::auth::session::Standing;
use crate::auth::{Actor, token};
use crate::model::Permission;

/// Forms are short.
const LONGEST_FORM: usize = 256 * 1024;

/// What it takes to come through a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: logging in, health, our own style and script.
    Nobody,
    /// Somebody who is logged in, whatever they may do: their own account.
    Person,
    /// Somebody who may do this.
    May(Permission),
}

/// The rule of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// How it is asked.
    pub method: Method,
    /// The address, with `{}` for its changing parts.
    pub path: &'static str,
    /// What it takes.
    pub need: Need,
}

/// The list while it is written down.
pub struct Doors {
    rules: Vec<Rule>,
    handlers: Vec<MethodRouter<WebState>>,
}

impl Doors {
    /// None yet.
    pub fn new() -> Self {
        Self { rules: Vec::new(), handlers: Vec::new() }
    }

    /// A door to look through.
    pub fn get(self, need: Need, path: &'static str, handler: MethodRouter<WebState>) -> Self {
        self.add(Method::GET, need, path, handler)
    }

    /// A door that changes something.
    pub fn post(self, need: Need, path: &'static str, handler: MethodRouter<WebState>) -> Self {
        self.add(Method::POST, need, path, handler)
    }

    fn add(
        mut self,
        method: Method,
        need: Need,
        path: &'static str,
        handler: MethodRouter<WebState>,
    ) -> Self {
        self.rules.push(Rule { method, path, need });
        self.handlers.push(handler);
        self
    }

    /// The rules alone.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The doors with their keepers.
    pub fn open(self, state: &WebState) -> Router<WebState> {
        self.rules.into_iter().zip(self.handlers).fold(Router::new(), |router, (rule, handler)| {
            let keeper = Keeper { state: state.clone(), need: rule.need };
            router.route(rule.path, handler.layer(from_fn_with_state(keeper, keep)))
        })
    }
}

#[derive(Clone)]
struct Keeper {
    state: WebState,
    need: Need,
}

/// Lets somebody in, or tells them where to go. Whoever is let in is known to the handler.
async fn keep(State(keeper): State<Keeper>, mut request: Request, next: Next) -> Response {
    if keeper.need == Need::Nobody {
        return match read(request).await {
            Ok((request, _)) => next.run(request).await,
            Err(refusal) => refusal,
        };
    }
    let headers = request.headers().clone();
    let visitor = visit::visitor(&keeper.state, &headers, request.extensions());
    let standing = match visit::standing(&keeper.state, &headers, &visitor).await {
        Ok(standing) => standing,
        Err(away) => return fault::Fault::from(away).into_response(),
    };
    let actor = match standing {
        Some(Standing::In(actor)) => *actor,
        Some(Standing::HalfWay(_)) => return Redirect::to("/login/code").into_response(),
        Some(Standing::Nowhere(session)) => return fault::nowhere(&session.email, &session.csrf),
        None => return to_login(&request),
    };
    if let Need::May(permission) = keeper.need
        && !actor.may(permission)
    {
        return fault::not_allowed(permission, &actor);
    }
    if request.method() != Method::GET {
        request = match with_our_word(request, &actor).await {
            Ok(request) => request,
            Err(refusal) => return refusal,
        };
    }
    request.extensions_mut().insert(actor);
    next.run(request).await
}

fn to_login(request: &Request) -> Response {
    if request.method() != Method::GET {
        return fault::logged_out();
    }
    let wanted = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let next = percent_encoding::utf8_percent_encode(wanted, percent_encoding::NON_ALPHANUMERIC);
    Redirect::to(&format!("/login?next={next}")).into_response()
}

/// A form that carries the session's word was made by a page of ours for this very session.
async fn with_our_word(request: Request, actor: &Actor) -> Result<Request, Response> {
    let form = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if form.is_some_and(|kind| !kind.starts_with("application/x-www-form-urlencoded")) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "forms only").into_response());
    }
    let (request, bytes) = read(request).await?;
    let word = url::form_urlencoded::parse(&bytes).find(|(name, _)| name == "csrf").map(|(_, word)| word);
    if !word.is_some_and(|word| token::same(&word, &actor.csrf)) {
        return Err(fault::stale_form());
    }
    Ok(request)
}

/// What is sent, as far as it is short. No database keeps the letter NUL, and nobody types it.
async fn read(request: Request) -> Result<(Request, Bytes), Response> {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, LONGEST_FORM).await else {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, "this form is too long").into_response());
    };
    if bytes.contains(&0) || bytes.windows(3).any(|three| three == b"%00") {
        return Err((StatusCode::BAD_REQUEST, "this form holds the letter NUL").into_response());
    }
    Ok((Request::from_parts(parts, Body::from(bytes.clone())), bytes))
}
