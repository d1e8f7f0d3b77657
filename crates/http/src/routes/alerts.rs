//! `/v1/alerts`: the alarm desk and its channels.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use spica_alerts::{TestError, TestTarget};
use spica_desk::{ChannelStatus, DeskStatus};
use utoipa::ToSchema;

use super::cases::refused;
use crate::auth::{Caller, Operator, Reader};
use crate::extract::{FromBody, Json, json};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::problem::Problem;
use crate::record_json::time;
use crate::schemas::TimeText;
use crate::state::App;

/// How a channel goes. Counts begin with the process.
#[derive(Serialize, ToSchema)]
#[schema(as = Channel)]
pub(crate) struct ChannelBody {
    /// Its name in the plan file.
    name: String,
    /// What it is, such as `webhook`.
    kind: &'static str,
    /// Whether there is reason to think that the next message gets out.
    well: bool,
    /// Messages that were delivered.
    delivered: u64,
    /// Attempts that may work later.
    retries: u64,
    /// Messages that were refused.
    refused: u64,
    /// Messages that are on their way.
    in_flight: usize,
    /// When one was delivered last.
    #[schema(value_type = Option<TimeText>)]
    last_delivered: Option<String>,
    /// When one failed last.
    #[schema(value_type = Option<TimeText>)]
    last_failed: Option<String>,
    /// What that failure said.
    last_failure: Option<String>,
}

impl From<&ChannelStatus> for ChannelBody {
    fn from(status: &ChannelStatus) -> Self {
        let health = &status.health;
        let (success, failure) = (health.last_success.as_ref(), health.last_failure.as_ref());
        Self {
            name: status.name.clone(),
            kind: status.kind,
            well: health.is_well(),
            delivered: health.delivered,
            retries: health.retries,
            refused: health.refused,
            in_flight: health.in_flight,
            last_delivered: time(success.map(|last| last.at)),
            last_failed: time(failure.map(|last| last.at)),
            last_failure: failure.map(|last| last.answer.clone()),
        }
    }
}

/// How the alarm desk stands.
#[derive(Serialize, ToSchema)]
#[schema(as = AlarmDesk)]
pub(crate) struct DeskBody {
    /// Whether it decides.
    serves: bool,
    /// Durable critical records on which it has not decided yet.
    behind_critical: u64,
    /// Durable normal records on which it has not decided yet.
    behind_normal: u64,
    /// Cases that are not closed.
    open_cases: usize,
    /// When something is due next.
    #[schema(value_type = Option<TimeText>)]
    next_due: Option<String>,
    /// The ways out.
    channels: Vec<ChannelBody>,
}

impl From<DeskStatus> for DeskBody {
    fn from(status: DeskStatus) -> Self {
        let [behind_critical, behind_normal] = status.behind;
        Self {
            serves: status.serves,
            behind_critical,
            behind_normal,
            open_cases: status.open_cases,
            next_due: time(status.next_due),
            channels: status.channels.iter().map(ChannelBody::from).collect(),
        }
    }
}

/// Whom to send a test.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlertTest)]
pub(crate) struct TestBody {
    /// `person:<name>`, `rota:<name>`, `channel:<name>` or `channel:<name>:<address>`.
    #[schema(min_length = 1, max_length = 1_000)]
    to: String,
}

/// Whom to send a test, checked as far as that goes without the plan file.
pub(crate) struct NewTest(TestTarget);

impl FromBody for NewTest {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let TestBody { to } = json(bytes)?;
        to.parse()
            .map(Self)
            .map_err(|error: TestError| Problem::bad_request(format!("to: {error}")))
    }
}

/// Messages that were made.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertTested)]
pub(crate) struct TestedBody {
    /// Their ids. What becomes of them shows in the records below `alarms/notices`, and in the
    /// counts of their channels.
    notices: Vec<String>,
}

/// How the alarm desk stands
#[utoipa::path(
    get, path = "/v1/alerts", tag = "cases", operation_id = "alerts",
    responses((status = 200, description = "The desk and its channels", body = DeskBody), Usual),
    security(("token" = ["reader"])),
)]
pub(crate) async fn status(State(app): State<App>, _: Caller<Reader>) -> axum::Json<DeskBody> {
    axum::Json(app.parts.desk.status().into())
}

/// Send a test message
///
/// It says that it is a test, and raises no case.
#[utoipa::path(
    post, path = "/v1/alerts/test", tag = "cases", operation_id = "test_alert",
    request_body = TestBody,
    responses(
        (status = 200, description = "On its way", body = TestedBody),
        Usual, Bad, Missing, Conflicting, TooLarge,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn test(
    State(app): State<App>,
    _: Caller<Operator>,
    Json(NewTest(target)): Json<NewTest>,
) -> Result<axum::Json<TestedBody>, Problem> {
    let notices = app
        .parts
        .desk
        .test(target)
        .await
        .map_err(|error| refused(&error))?;
    let notices = notices.iter().map(ToString::to_string).collect();
    Ok(axum::Json(TestedBody { notices }))
}
