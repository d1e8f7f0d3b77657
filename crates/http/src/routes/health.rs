//! `/health/live`, `/health/ready` and `/health/active`.

use axum::extract::State;
use axum::http::StatusCode;
use futures::FutureExt;
use serde::Serialize;
use spica_model::Lane;
use utoipa::ToSchema;

use crate::routes::pair::CLOSED;
use crate::state::App;

/// That the process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always `alive`.
    status: &'static str,
}

/// Whether the node does its work, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Whether all parts are.
    pub(crate) ready: bool,
    /// Whether the node is stopping.
    stopping: bool,
    /// The lanes of the journal.
    journal: [LaneHealth; 2],
    /// The views behind them.
    views: ViewsHealth,
    /// Live sessions.
    live: LiveHealth,
    /// The node's part in its pair; null without a partner.
    pair: Option<PairHealth>,
}

/// A node's part in its pair.
#[derive(Debug, Serialize, ToSchema)]
struct PairHealth {
    /// Whether it serves, or follows the node that does.
    ready: bool,
    /// `primary`, `backup`, `active` or `passive`.
    state: &'static str,
    /// `absent`, `catching-up`, `complete` or `stale`.
    sync: &'static str,
}

/// Whether the node serves, for balancers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Active {
    /// Whether it serves and acknowledges.
    active: bool,
    /// When it acknowledges: `closed`, `pair` or `solo`; null without a partner.
    gate: Option<&'static str>,
    /// The epoch; null without a partner.
    epoch: Option<u32>,
}

/// One lane of the journal.
#[derive(Debug, Serialize, ToSchema)]
struct LaneHealth {
    /// `critical` or `normal`.
    class: &'static str,
    /// Whether it takes records.
    ready: bool,
    /// The owner's reign.
    epoch: u32,
    /// The oldest record that is kept.
    first: u64,
    /// The newest record that was placed.
    last: u64,
    /// The newest record that is durable.
    durable: u64,
    /// Bytes of its segments.
    bytes: u64,
    /// Why it takes no records any more.
    failure: Option<String>,
}

/// The views behind the journal.
#[derive(Debug, Serialize, ToSchema)]
struct ViewsHealth {
    /// Whether they follow, and are not too far behind (`http.ready_lag`).
    ready: bool,
    /// Durable critical records that they do not show yet.
    behind_critical: u64,
    /// Durable normal records that they do not show yet.
    behind_normal: u64,
    /// Whether they show everything that they should: nothing was damaged, removed too early, beyond
    /// a limit or unreadable.
    whole: bool,
    /// Why they follow no more.
    failure: Option<String>,
    /// Why the last checkpoint could not be written.
    checkpoint_failure: Option<String>,
}

/// Live sessions.
#[derive(Debug, Serialize, ToSchema)]
struct LiveHealth {
    /// Whether what happens reaches them.
    ready: bool,
    /// How many are open.
    sessions: u64,
    /// Whether new ones are taken: not when there are too many, or those there are too far behind.
    room: bool,
}

/// Whether the process answers
#[utoipa::path(
    get, path = "/health/live", tag = "health", operation_id = "health_live",
    responses((status = 200, description = "It does", body = Alive)),
    security(()),
)]
pub(crate) async fn live() -> axum::Json<Alive> {
    axum::Json(Alive { status: "alive" })
}

/// Whether the node does its work
#[utoipa::path(
    get, path = "/health/ready", tag = "health", operation_id = "health_ready",
    responses(
        (status = 200, description = "It does", body = Ready),
        (status = 503, description = "Some part does not", body = Ready),
    ),
    security(()),
)]
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, axum::Json<Ready>) {
    let journal = Lane::ALL.map(|lane| lane_health(&app, lane));
    let views = views_health(&app);
    let live = live_health(&app);
    let stopping = app.stopping.is_cancelled();
    let pair = pair_health(&app);
    let ready = !stopping
        && views.ready
        && live.ready
        && journal.iter().all(|lane| lane.ready)
        && pair.as_ref().is_none_or(|pair| pair.ready);
    (
        ok_if(ready),
        axum::Json(Ready {
            ready,
            stopping,
            journal,
            views,
            live,
            pair,
        }),
    )
}

/// Whether devices and clients should come here
///
/// For balancers and virtual IPs. Of a pair exactly one node says yes; a node on its own does.
#[utoipa::path(
    get, path = "/health/active", tag = "health", operation_id = "health_active",
    responses(
        (status = 200, description = "The node serves and acknowledges", body = Active),
        (status = 503, description = "It does not", body = Active),
    ),
    security(()),
)]
pub(crate) async fn active(State(app): State<App>) -> (StatusCode, axum::Json<Active>) {
    let standing = app.parts.role.standing();
    let gate = standing.as_ref().map(|standing| standing.gate);
    let active = app.parts.role.serves() && gate != Some(CLOSED) && !app.stopping.is_cancelled();
    let epoch = standing.map(|standing| standing.epoch.0);
    (
        ok_if(active),
        axum::Json(Active {
            active,
            gate,
            epoch,
        }),
    )
}

const fn ok_if(well: bool) -> StatusCode {
    if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

fn pair_health(app: &App) -> Option<PairHealth> {
    let standing = app.parts.role.standing()?;
    let follows = matches!(standing.sync, "catching-up" | "complete");
    Some(PairHealth {
        ready: app.parts.role.serves() || follows,
        state: standing.state,
        sync: standing.sync,
    })
}

fn live_health(app: &App) -> LiveHealth {
    LiveHealth {
        ready: app.parts.live.ended().now_or_never().is_none(),
        sessions: app.parts.metrics.sessions.open_now(),
        room: app.parts.live.has_room(),
    }
}

fn lane_health(app: &App, lane: Lane) -> LaneHealth {
    let status = app.parts.journal.status(lane);
    let watermark = app.parts.journal.watermark(lane);
    let failure = watermark.failure().map(ToString::to_string);
    LaneHealth {
        class: lane.as_str(),
        ready: failure.is_none(),
        epoch: status.epoch.0,
        first: status.first.0,
        last: status.last.0,
        durable: status.durable.0,
        bytes: status.bytes,
        failure,
    }
}

fn views_health(app: &App) -> ViewsHealth {
    let status = app.parts.views.status();
    let [behind_critical, behind_normal] = status.behind;
    let lag = behind_critical.max(behind_normal);
    ViewsHealth {
        ready: status.failure.is_none() && lag <= app.settings.ready_lag,
        behind_critical,
        behind_normal,
        whole: status.is_whole(),
        failure: status.failure.map(|failure| failure.to_string()),
        checkpoint_failure: status.checkpoint_failure.map(|failure| failure.to_string()),
    }
}
