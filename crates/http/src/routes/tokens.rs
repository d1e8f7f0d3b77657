//! `/v1/tokens`: who may use this interface.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spica_devices::Serial;
use spica_model::Lane;
use utoipa::ToSchema;

use crate::auth::{Admin, Caller, stored};
use crate::commit::commit;
use crate::extract::{FromBody, Json, PathOf, json};
use crate::facts::Fact;
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::paging::JsonPage;
use crate::problem::{Problem, ProblemKind};
use crate::routes::devices::created;
use crate::schemas::{SerialText, TimeText, TokenIdText};
use crate::state::App;
use crate::token::{Role, StoredToken, is_id};
use crate::token_store::{self, TOKENS};

/// Longest name of a token, in bytes.
const NAME_BYTES: usize = 64;

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenBody {
    /// Its id.
    #[schema(value_type = TokenIdText)]
    id: String,
    /// A name for people.
    name: String,
    /// What its holder may do.
    role: Role,
    /// For a device: its serial.
    #[schema(value_type = Option<SerialText>)]
    serial: Option<String>,
    /// When it was made.
    #[schema(value_type = TimeText)]
    created: String,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeToken)]
pub(crate) struct MadeTokenBody {
    #[serde(flatten)]
    shown: TokenBody,
    /// The token itself. It is not shown again: only a hash of it is kept.
    token: String,
}

/// All tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenList)]
pub(crate) struct TokenListBody {
    /// In the order of their ids.
    tokens: Vec<TokenBody>,
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(crate) struct NewTokenBody {
    /// A name for people, 1 to 64 bytes.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What its holder may do.
    role: Role,
    /// For the role `device`, and only for it: the device's serial.
    #[schema(value_type = Option<SerialText>)]
    serial: Option<String>,
}

impl FromBody for NewTokenBody {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let body: Self = json(bytes)?;
        body.check()?;
        Ok(body)
    }
}

impl NewTokenBody {
    fn check(&self) -> Result<(), Problem> {
        let bad = |detail: &str| Err(Problem::bad_request(detail));
        let name = &self.name;
        if !(1..=NAME_BYTES).contains(&name.len()) || name.contains(char::is_control) {
            return bad("name: 1 to 64 bytes of text without control characters");
        }
        match (self.role, &self.serial) {
            (Role::Device, None) => bad("serial: a device's token names its device"),
            (Role::Device, Some(serial)) if Serial::new(serial).is_err() => {
                bad("serial: 1 to 10 visible ASCII characters without space, /, + and #")
            }
            (Role::Device, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => bad("serial: only a device's token has one"),
        }
    }
}

fn shown(id: &str, token: StoredToken) -> TokenBody {
    let StoredToken {
        name,
        role,
        created,
        serial,
        ..
    } = token;
    TokenBody {
        id: id.to_owned(),
        name,
        role,
        serial,
        created,
    }
}

/// List tokens
#[utoipa::path(
    get, path = "/v1/tokens", tag = "operation", operation_id = "list_tokens",
    responses((status = 200, description = "All, without their secrets", body = TokenListBody), Usual),
    security(("token" = ["admin"])),
)]
pub(crate) async fn list(State(app): State<App>, _: Caller<Admin>) -> Result<Response, Problem> {
    let mut page = JsonPage::new("tokens", usize::MAX);
    for (id, token) in token_store::all(&app.parts.views) {
        page.push_json(&shown(&id, token));
    }
    page.close();
    page.into_response(&app)
}

/// Make a token
///
/// The answer is the only place where it is ever shown.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "operation", operation_id = "add_token",
    request_body = NewTokenBody,
    responses((status = 201, description = "Made", body = MadeTokenBody), Usual, Bad, Conflicting, TooLarge),
    security(("token" = ["admin"])),
)]
pub(crate) async fn add(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
    Json(body): Json<NewTokenBody>,
) -> Result<Response, Problem> {
    let views = &app.parts.views;
    if token_store::all(views).len() >= TOKENS {
        let detail = format!("there are {TOKENS} tokens, the limit: revoke one first");
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let author = app.author(&identity);
    let made = token_store::make(views.node(), &author, body.name, body.role, body.serial);
    let made = made.map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    commit(&app, Lane::Normal, &made.facts.each_ref().map(Fact::as_new)).await?;
    let token = made.secret.reveal();
    let body = MadeTokenBody {
        shown: shown(&made.id, made.stored),
        token,
    };
    created(&format!("/v1/tokens/{}", made.id), axum::Json(body))
}

/// Revoke a token
///
/// Its next request is refused; its live streams end within `http.heartbeat`.
#[utoipa::path(
    delete, path = "/v1/tokens/{id}", tag = "operation", operation_id = "remove_token",
    params(("id" = inline(TokenIdText), Path, description = "The token's id")),
    responses((status = 204, description = "Revoked"), Usual, Bad, Missing, Conflicting),
    security(("token" = ["admin"])),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    let missing = || Problem::not_found(format!("there is no token {id:?}"));
    if !is_id(&id) {
        return Err(missing());
    }
    let views = &app.parts.views;
    let token = stored(views, &id).ok_or_else(missing)?;
    let is_admin = |token: &StoredToken| token.role == Role::Admin;
    let admins = token_store::all(views)
        .iter()
        .filter(|(_, token)| is_admin(token))
        .count();
    if is_admin(&token) && admins == 1 {
        let detail = "this is the last admin's token: make another one first";
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let author = app.author(&identity);
    let topic = token_store::topic(views.node(), &id).map_err(|_| missing())?;
    let tombstone = author.state(topic, None);
    let audit = app.audit(&author, "tokens", "token.remove", &id, Value::Null)?;
    commit(&app, Lane::Normal, &[tombstone.as_new(), audit.as_new()]).await?;
    Ok(StatusCode::NO_CONTENT)
}
