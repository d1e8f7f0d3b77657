//! `/v1/handlers`: the durable consumers of the journal, and what they could not handle.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spica_handler::{
    ControlError, DeadLetter, HandlerControl, HandlerStatus, LetterId, Pause, Which,
};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Admin, Caller, Operator, Reader};
use crate::extract::{FromBody, Json, PathOf, QueryOf, json as read};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::paging::{JsonPage, limit};
use crate::problem::{Problem, ProblemKind};
use crate::schemas::{
    ClassText, HandlerStateText, HandlerText, LetterText, PositionText, TimeText, TopicText,
};
use crate::state::App;

/// Who paused a handler, when and why.
#[derive(Serialize, ToSchema)]
#[schema(as = Pause)]
pub(crate) struct PauseBody {
    /// Who.
    by: String,
    /// Why.
    why: String,
    /// When.
    #[schema(value_type = TimeText)]
    at: String,
}

impl From<&Pause> for PauseBody {
    fn from(pause: &Pause) -> Self {
        Self {
            by: pause.by.clone(),
            why: pause.why.clone(),
            at: pause.at.to_string(),
        }
    }
}

/// How a handler stands on one lane. Counts begin with the process.
#[derive(Serialize, ToSchema)]
#[schema(as = Handler)]
pub(crate) struct HandlerBody {
    /// The handler.
    #[schema(value_type = HandlerText)]
    name: String,
    /// The lane.
    #[schema(value_type = ClassText)]
    class: &'static str,
    /// What it is at.
    #[schema(value_type = HandlerStateText)]
    state: &'static str,
    /// Who has paused it, if it is.
    paused: Option<PauseBody>,
    /// Its durable cursor: after a crash it goes on behind it.
    cursor: u64,
    /// How far it is.
    through: u64,
    /// Durable records that it has not handled.
    lag_records: u64,
    /// Age of the oldest of them, in seconds.
    lag_seconds: f64,
    /// Records handled.
    handled: u64,
    /// Calls that failed.
    failed: u64,
    /// Attempts after a failure.
    retries: u64,
    /// How often it crashed or hung and was made anew.
    restarts: u64,
    /// Records that were removed or damaged before it came to them.
    missed: u64,
    /// Dead letters that are kept.
    dead_letters: usize,
    /// The last thing that went wrong.
    last_error: Option<String>,
    /// When that was.
    #[schema(value_type = Option<TimeText>)]
    last_error_at: Option<String>,
}

impl From<&HandlerStatus> for HandlerBody {
    fn from(status: &HandlerStatus) -> Self {
        let error = status.last_error.as_ref();
        Self {
            name: status.name.clone(),
            class: status.lane.as_str(),
            state: status.state.as_str(),
            paused: status.pause.as_ref().map(PauseBody::from),
            cursor: status.cursor.0,
            through: status.through.0,
            lag_records: status.lag_records,
            lag_seconds: status.lag_seconds,
            handled: status.handled,
            failed: status.failed,
            retries: status.retries,
            restarts: status.restarts,
            missed: status.gap_records + status.damaged_records,
            dead_letters: status.dead_letters,
            last_error: error.map(|error| error.text.clone()),
            last_error_at: error.map(|error| error.at.to_string()),
        }
    }
}

/// All handlers.
#[derive(Serialize, ToSchema)]
#[schema(as = HandlerList)]
pub(crate) struct HandlerListBody {
    /// By name, the critical lane first.
    handlers: Vec<HandlerBody>,
}

/// A record that a handler could not handle.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct LetterBody {
    /// Its name.
    #[schema(value_type = LetterText)]
    id: String,
    /// The record.
    #[schema(value_type = PositionText)]
    position: String,
    /// Its topic.
    #[schema(value_type = TopicText)]
    topic: String,
    /// What was wrong the last time.
    error: String,
    /// How often it was tried.
    attempts: u32,
    /// When it failed first.
    #[schema(value_type = TimeText)]
    first_failed: String,
    /// When it failed last.
    #[schema(value_type = TimeText)]
    last_failed: String,
    /// Bytes of its payload.
    payload_bytes: usize,
}

impl From<&DeadLetter> for LetterBody {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            id: letter.id().to_string(),
            position: letter.record.position.to_string(),
            topic: letter.record.topic.to_string(),
            error: letter.error.clone(),
            attempts: letter.attempts,
            first_failed: letter.first_failed.to_string(),
            last_failed: letter.last_failed.to_string(),
            payload_bytes: letter.payload_bytes,
        }
    }
}

/// A page of dead letters.
#[derive(Serialize, ToSchema)]
#[schema(as = LetterPage)]
pub(crate) struct LetterPageBody {
    /// The critical lane first, each lane in order.
    letters: Vec<LetterBody>,
    /// How many there are in all.
    total: usize,
    /// Give this as `after` for the next page; null on the last one.
    #[schema(value_type = Option<LetterText>)]
    next: Option<String>,
}

/// Which dead letters, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LettersQuery {
    /// The `next` of the page before.
    #[param(value_type = Option<LetterText>)]
    after: Option<String>,
    /// Letters per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

/// What to do with a handler.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HandlerOrder)]
pub(crate) struct OrderBody {
    /// `pause`: it does nothing until it is resumed, also after a restart; `resume`.
    #[serde(rename = "do")]
    verb: HandlerVerb,
    /// Why.
    #[schema(min_length = 1, max_length = 200)]
    why: String,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HandlerVerb {
    Pause,
    Resume,
}

/// What to do with dead letters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LetterOrder)]
pub(crate) struct LetterOrderBody {
    /// `replay`: give them to the handler again; `drop`: delete them without handling them, the one
    /// way to lose a record on purpose, for admins only.
    #[serde(rename = "do")]
    verb: LetterVerb,
    /// Which one; all of the handler without it.
    #[schema(value_type = Option<LetterText>)]
    id: Option<String>,
    /// Why. Wanted for `drop`.
    #[schema(max_length = 200)]
    why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LetterVerb {
    Replay,
    Drop,
}

/// What became of dead letters.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = LettersDone)]
pub(crate) struct LettersDoneBody {
    /// Handled, and gone.
    done: usize,
    /// Failed again: they say why.
    failed: usize,
    /// Not tried yet; they will be.
    pending: usize,
    /// Deleted without being handled.
    dropped: usize,
}

impl FromBody for OrderBody {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes)
    }
}

impl FromBody for LetterOrderBody {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes)
    }
}

fn refused(error: &ControlError) -> Problem {
    let kind = match error {
        ControlError::Unknown { .. } | ControlError::NoLetter { .. } => ProblemKind::NotFound,
        ControlError::Text(_) => ProblemKind::BadRequest,
        ControlError::Idle { .. } => ProblemKind::Conflict,
        ControlError::NotServing => ProblemKind::Passive,
        ControlError::Journal(_) => ProblemKind::JournalFailed,
    };
    Problem::new(kind, error.to_string())
}

/// Asks the handlers' control, off the async workers: it may wait for a commit.
async fn ask<T: Send + 'static>(
    app: &App,
    ask: impl FnOnce(&dyn HandlerControl) -> Result<T, ControlError> + Send + 'static,
) -> Result<T, Problem> {
    let control = Arc::clone(&app.parts.handlers);
    let asked = app.offload.run(move || ask(&*control)).await?;
    asked.map_err(|error| refused(&error))
}

fn letter_id(name: &str, text: &str) -> Result<LetterId, Problem> {
    text.parse().map_err(|error: spica_handler::LetterError| {
        Problem::bad_request(format!("{name}: {error}"))
    })
}

/// List handlers
#[utoipa::path(
    get, path = "/v1/handlers", tag = "handlers", operation_id = "list_handlers",
    responses((status = 200, description = "All, one entry per lane", body = HandlerListBody), Usual),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(State(app): State<App>, _: Caller<Reader>) -> Result<Response, Problem> {
    let all = ask(&app, |control| Ok(control.handlers())).await?;
    let mut page = JsonPage::new("handlers", usize::MAX);
    for status in &all {
        page.push_json(&HandlerBody::from(status));
    }
    page.close();
    page.into_response(&app)
}

/// Pause or resume a handler
#[utoipa::path(
    post, path = "/v1/handlers/{name}", tag = "handlers", operation_id = "order_handler",
    params(("name" = inline(HandlerText), Path, description = "The handler")),
    request_body = OrderBody,
    responses(
        (status = 200, description = "As it stands now", body = HandlerListBody),
        Usual, Bad, Missing, Conflicting, TooLarge,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn order(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(name): PathOf<String>,
    Json(OrderBody { verb, why }): Json<OrderBody>,
) -> Result<axum::Json<HandlerListBody>, Problem> {
    let by = identity.by();
    let handlers = ask(&app, move |control| {
        match verb {
            HandlerVerb::Pause => drop(control.pause(&name, &by, &why)?),
            HandlerVerb::Resume => control.resume(&name, &by, &why)?,
        }
        let all = control.handlers();
        Ok(all
            .iter()
            .filter(|status| status.name == name)
            .map(HandlerBody::from)
            .collect())
    });
    Ok(axum::Json(HandlerListBody {
        handlers: handlers.await?,
    }))
}

/// List the dead letters of a handler
///
/// Records that it could not handle, however often it tried.
#[utoipa::path(
    get, path = "/v1/handlers/{name}/dead-letters", tag = "handlers", operation_id = "list_dead_letters",
    params(("name" = inline(HandlerText), Path, description = "The handler"), LettersQuery),
    responses((status = 200, description = "A page", body = LetterPageBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn letters(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(name): PathOf<String>,
    QueryOf(query): QueryOf<LettersQuery>,
) -> Result<axum::Json<LetterPageBody>, Problem> {
    let limit = limit(query.limit, app.settings.page_limit)?;
    let after = query.after.as_deref().map(|text| letter_id("after", text));
    let after = after.transpose()?;
    let page = ask(&app, move |control| {
        control.dead_letters(&name, after, limit)
    })
    .await?;
    Ok(axum::Json(LetterPageBody {
        letters: page.letters.iter().map(LetterBody::from).collect(),
        total: page.total,
        next: page.next.map(|id| id.to_string()),
    }))
}

/// Replay or drop dead letters
#[utoipa::path(
    post, path = "/v1/handlers/{name}/dead-letters", tag = "handlers", operation_id = "order_dead_letters",
    params(("name" = inline(HandlerText), Path, description = "The handler")),
    request_body = LetterOrderBody,
    responses(
        (status = 200, description = "What became of them", body = LettersDoneBody),
        Usual, Bad, Missing, Conflicting, TooLarge,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn order_letters(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(name): PathOf<String>,
    Json(body): Json<LetterOrderBody>,
) -> Result<axum::Json<LettersDoneBody>, Problem> {
    let id = body.id.as_deref().map(|text| letter_id("id", text));
    let which = id.transpose()?.map_or(Which::All, Which::One);
    let by = identity.by();
    let done = if body.verb == LetterVerb::Drop {
        if !identity.role.includes(<Admin as crate::auth::Needs>::ROLE) {
            return Err(Problem::forbidden(
                "to drop dead letters needs a token with the role admin",
            ));
        }
        let why = body.why.unwrap_or_default();
        let dropped = ask(&app, move |control| {
            control.drop_dead(&name, which, &by, &why)
        })
        .await?;
        LettersDoneBody {
            dropped,
            ..LettersDoneBody::default()
        }
    } else {
        let replayed = ask(&app, move |control| control.replay(&name, which, &by)).await?;
        LettersDoneBody {
            done: replayed.done,
            failed: replayed.failed,
            pending: replayed.pending,
            dropped: 0,
        }
    };
    Ok(axum::Json(done))
}
