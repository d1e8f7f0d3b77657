//! `/v1/pair`: how the two nodes stand, and the operator's orders to them. Every node of a pair
//! answers for itself, active or not.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use spica_model::{Lane, Timestamp};
use spica_role::{Order, OrderError, Standing};
use utoipa::ToSchema;

use crate::auth::{Admin, Caller, Identity, Reader};
use crate::commit::commit;
use crate::extract::{FromBody, Json, json as read};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::problem::{Problem, ProblemKind};
use crate::state::App;

/// The gate of a node that acknowledges nothing.
pub(crate) const CLOSED: &str = "closed";

/// How a node stands in its pair.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pair)]
pub(crate) struct PairBody {
    /// `primary` or `backup`, by configuration.
    side: &'static str,
    /// The version of the program.
    version: &'static str,
    /// When it began to run, by its clock.
    started: String,
    /// `primary` or `backup` (waiting for the partner), `active`, `passive`.
    state: &'static str,
    /// `settled`, `claiming`, `handing-over`, `leaving` or `refused`.
    phase: &'static str,
    /// Whether it serves devices and clients.
    serves: bool,
    /// The epoch in which it is active or which it follows.
    epoch: u32,
    /// The newest epoch up to which it holds everything that was acknowledged.
    authority: u32,
    /// When it acknowledges: `closed` (not at all), `pair` (when both have it), `solo` (alone).
    gate: &'static str,
    /// How much of the active's records the passive has: `absent`, `catching-up`, `complete`,
    /// `stale`.
    sync: &'static str,
    /// How many records the passive lacks, as far as this node knows.
    behind: u64,
    /// Whether the journal is without damage that only the partner can make good.
    sound: bool,
    /// The other node.
    partner: PartnerBody,
    /// What the operator should know, the newest last.
    notices: Vec<String>,
}

/// What a node knows of its partner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Partner)]
struct PartnerBody {
    /// Whether its heartbeats come.
    alive: bool,
    /// Its state, as it last said.
    state: Option<&'static str>,
    /// Its HTTP address.
    http: Option<String>,
    /// How long ago it was last heard, in milliseconds.
    heard_ms: Option<u64>,
}

impl PairBody {
    fn new(standing: Standing, serves: bool, started: Timestamp) -> Self {
        Self {
            side: standing.side,
            version: env!("CARGO_PKG_VERSION"),
            started: started.to_string(),
            state: standing.state,
            phase: standing.phase,
            serves,
            epoch: standing.epoch.0,
            authority: standing.authority.0,
            gate: standing.gate,
            sync: standing.sync,
            behind: standing.behind,
            sound: standing.sound,
            partner: PartnerBody {
                alive: standing.partner_alive,
                state: standing.partner_state,
                http: standing.partner_http.map(|http| http.to_string()),
                heard_ms: standing.partner_heard_ms,
            },
            notices: standing.notices.iter().map(ToString::to_string).collect(),
        }
    }
}

/// That whoever promotes a node knows what may be lost.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Promotion)]
pub(crate) struct PromotionBody {
    /// Must be true: what the other node alone holds is not served any more.
    i_know: bool,
}

/// A promotion by someone who knows.
pub(crate) struct Promotion;

impl FromBody for Promotion {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let body: PromotionBody = read(bytes)?;
        if body.i_know {
            return Ok(Self);
        }
        Err(Problem::bad_request(
            "i_know must be true: a promoted node serves without what only its partner holds. Look \
             at both nodes' /v1/pair first",
        ))
    }
}

fn standing(app: &App) -> Result<axum::Json<PairBody>, Problem> {
    let role = &app.parts.role;
    let standing = role
        .standing()
        .ok_or_else(|| Problem::not_found(OrderError::NoPair.to_string()))?;
    Ok(axum::Json(PairBody::new(
        standing,
        role.serves(),
        app.started,
    )))
}

/// How this node stands in its pair
#[utoipa::path(
    get, path = "/v1/pair", tag = "operation", operation_id = "pair",
    responses((status = 200, description = "As this node sees it", body = PairBody), Usual, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn status(
    State(app): State<App>,
    _: Caller<Reader>,
) -> Result<axum::Json<PairBody>, Problem> {
    standing(&app)
}

/// Let the active hand over to its partner
///
/// Either node takes the order. Nothing acknowledged is lost; the answer comes when it is done.
#[utoipa::path(
    post, path = "/v1/pair/switch-over", tag = "operation", operation_id = "switch_over",
    responses((status = 200, description = "Done", body = PairBody), Usual, Missing, Conflicting),
    security(("token" = ["admin"])),
)]
pub(crate) async fn switch_over(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
) -> Result<axum::Json<PairBody>, Problem> {
    carry_out(&app, &identity, Order::SwitchOver).await
}

/// Make this node active, whatever it may lack
#[utoipa::path(
    post, path = "/v1/pair/promote", tag = "operation", operation_id = "promote",
    request_body = PromotionBody,
    responses(
        (status = 200, description = "Done", body = PairBody),
        Usual, Bad, Missing, Conflicting, TooLarge,
    ),
    security(("token" = ["admin"])),
)]
pub(crate) async fn promote(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
    Json(Promotion): Json<Promotion>,
) -> Result<axum::Json<PairBody>, Problem> {
    carry_out(&app, &identity, Order::Promote).await
}

/// Let this node follow its partner, and give up its own journal where that differs
#[utoipa::path(
    post, path = "/v1/pair/rejoin", tag = "operation", operation_id = "rejoin",
    responses((status = 200, description = "Done", body = PairBody), Usual, Missing, Conflicting),
    security(("token" = ["admin"])),
)]
pub(crate) async fn rejoin(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
) -> Result<axum::Json<PairBody>, Problem> {
    carry_out(&app, &identity, Order::Rejoin).await
}

const fn action(order: Order) -> &'static str {
    match order {
        Order::SwitchOver => "pair.switch-over",
        Order::Promote => "pair.promote",
        Order::Rejoin => "pair.rejoin",
    }
}

async fn carry_out(
    app: &App,
    identity: &Identity,
    order: Order,
) -> Result<axum::Json<PairBody>, Problem> {
    // Not for a node without a partner to write down.
    let before = standing(app)?.0;
    let (by, action) = (identity.by(), action(order));
    tracing::warn!(%by, side = before.side, "{action} is ordered");
    // A node that hands over writes nothing afterwards, one that is promoted nothing before.
    let is_recorded = record(app, identity, action, &before).await;
    let outcome = app.parts.role.order(order, by.into()).await;
    if !is_recorded && outcome.is_ok() {
        record(app, identity, action, &before).await;
    }
    outcome.map_err(|error| refused(&error))?;
    standing(app)
}

/// Writes the order down, if the node can do so soon. An order must not fail for that: it may be
/// what the node needs to write again.
async fn record(app: &App, identity: &Identity, action: &str, of: &PairBody) -> bool {
    let role = &app.parts.role;
    let may_commit = role.standing().is_some_and(|now| now.gate != CLOSED);
    if !role.serves() || !may_commit {
        return false;
    }
    let detail = json!({ "side": of.side, "state": of.state, "epoch": of.epoch });
    let author = app.author(identity);
    let node = app.names.node.as_str();
    let Ok(audit) = app.audit(&author, "pair", action, node, detail) else {
        return false;
    };
    let records = [audit.as_new()];
    let commit = commit(app, Lane::Normal, &records);
    let limit = app.settings.views_timeout.into();
    let written = tokio::time::timeout(limit, commit).await;
    let is_recorded = matches!(written, Ok(Ok(_)));
    if !is_recorded {
        tracing::warn!("{action} stands in this log only: the journal does not commit");
    }
    is_recorded
}

fn refused(error: &OrderError) -> Problem {
    let kind = match error {
        OrderError::NoPair => ProblemKind::NotFound,
        OrderError::NotNow(_) => ProblemKind::Conflict,
        OrderError::TimedOut => ProblemKind::TimedOut,
    };
    Problem::new(kind, error.to_string())
}
