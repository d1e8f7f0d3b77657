//! `GET /v1/records` and `GET /v1/series`: what the index of history finds.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spica_history::{
    DamagedRange, GapRange, HistoryError, Order, Place, Query, Resolution, SeriesQuery,
};
use spica_model::{Lane, Timestamp, Topic};
use utoipa::{IntoParams, ToSchema};

use super::devices::serial_of;
use super::history::{read, said};
use crate::auth::{Caller, Identity, Reader};
use crate::batch;
use crate::extract::QueryOf;
use crate::openapi::{Bad, Usual};
use crate::paging::{JsonPage, limit};
use crate::problem::{Problem, ProblemKind};
use crate::record_json::{self, RecordJson};
use crate::schemas::{
    ClassText, FilterText, FoundText, OrderText, ResolutionText, SerialText, TimeText, TopicText,
};
use crate::state::App;

/// Points of a series unless the client says otherwise, and at most.
const POINTS: usize = 500;
const POINTS_MAX: usize = 10_000;
/// How far back a series goes unless the client says otherwise.
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Which records, and how many.
#[derive(Debug, Default, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindQuery {
    /// A topic filter: `+` for one level, a final `#` for all below.
    #[param(value_type = Option<FilterText>)]
    topic: Option<String>,
    /// A device's serial: only what is below its topic.
    #[param(value_type = Option<SerialText>)]
    device: Option<String>,
    /// The name of an event of devices, such as `man-down`.
    #[param(max_length = 200)]
    event: Option<String>,
    /// `critical` or `normal`; both by default.
    #[param(value_type = Option<ClassText>)]
    class: Option<String>,
    /// Received at or after this time (RFC 3339, UTC).
    #[param(value_type = Option<TimeText>)]
    from: Option<String>,
    /// Received before this time.
    #[param(value_type = Option<TimeText>)]
    to: Option<String>,
    /// `newest` (default) or `oldest` first.
    #[param(value_type = Option<OrderText>)]
    order: Option<String>,
    /// Records per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// The `next` of the page before, with the same order.
    #[param(value_type = Option<FoundText>)]
    after: Option<String>,
}

/// A range of records.
#[derive(Serialize, ToSchema)]
#[schema(as = FoundRange)]
pub(crate) struct RangeBody {
    /// The lane.
    #[schema(value_type = ClassText)]
    class: &'static str,
    /// The first one.
    from: u64,
    /// The last one.
    to: u64,
}

/// Records that were found.
#[derive(Serialize, ToSchema)]
#[schema(as = FoundPage)]
pub(crate) struct FoundPageBody {
    /// In the order asked for, the lanes merged by the time of reception.
    records: Vec<RecordJson<'static>>,
    /// Ranges of this page that retention has removed.
    gaps: Vec<RangeBody>,
    /// Ranges of this page that cannot be read.
    damaged: Vec<RangeBody>,
    /// Give this as `after` for the next page; null at the end. A page may be short, even empty, and
    /// still have a next one.
    #[schema(value_type = Option<FoundText>)]
    next: Option<String>,
}

impl From<&GapRange> for RangeBody {
    fn from(gap: &GapRange) -> Self {
        Self::new(gap.lane, gap.from.0, gap.to.0)
    }
}

impl From<&DamagedRange> for RangeBody {
    fn from(damaged: &DamagedRange) -> Self {
        Self::new(damaged.lane, damaged.from.0, damaged.to.0)
    }
}

impl RangeBody {
    const fn new(lane: Lane, from: u64, to: u64) -> Self {
        Self {
            class: lane.as_str(),
            from,
            to,
        }
    }
}

fn place(text: &str) -> Result<Place, String> {
    let parse = || {
        let (critical, normal) = text.split_once('-')?;
        Some(Place {
            critical: spica_model::Seq(critical.parse().ok()?),
            normal: spica_model::Seq(normal.parse().ok()?),
        })
    };
    parse().ok_or_else(|| "give the `next` of the page before".to_owned())
}

fn order(text: &str) -> Result<Order, String> {
    match text {
        "newest" => Ok(Order::NewestFirst),
        "oldest" => Ok(Order::OldestFirst),
        _ => Err(format!("{text:?} is none of newest, oldest")),
    }
}

impl FindQuery {
    fn check(&self, app: &App, identity: &Identity) -> Result<Query, Problem> {
        let serial = self.device.as_deref().map(serial_of).transpose()?;
        let below = serial.map(|serial| Topic::new(format!("{}/{serial}", app.names.devices)));
        let topic_error = |error: spica_model::TopicError| Problem::bad_request(error.to_string());
        let hidden = Topic::new(app.names.system.clone()).map_err(topic_error)?;
        let time = |name: &str, text: &Option<String>| {
            read(name, text.as_deref(), |text| {
                said(text.parse::<Timestamp>())
            })
        };
        let wanted = spica_history::Wanted {
            filter: read("topic", self.topic.as_deref(), |text| {
                said(spica_model::TopicFilter::new(text))
            })?,
            below: below.transpose().map_err(topic_error)?,
            event: self.event.clone(),
            hidden: (!identity.sees_all()).then_some(hidden),
            lane: read("class", self.class.as_deref(), batch::class)?,
            from: time("from", &self.from)?,
            to: time("to", &self.to)?,
        };
        Ok(Query {
            wanted,
            order: read("order", self.order.as_deref(), order)?.unwrap_or(Order::NewestFirst),
            after: read("after", self.after.as_deref(), place)?,
            limit: limit(self.limit, app.settings.page_limit)?,
            looks: app.settings.scan_limit,
        })
    }
}

fn unreadable(error: &HistoryError) -> Problem {
    Problem::new(ProblemKind::Internal, error.to_string())
}

/// Find records
///
/// By topic, device, event, class and time, from the newest or the oldest on, by an index.
#[utoipa::path(
    get, path = "/v1/records", tag = "records", operation_id = "find_records",
    params(FindQuery),
    responses((status = 200, description = "A page", body = FoundPageBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn find(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    QueryOf(query): QueryOf<FindQuery>,
) -> Result<Response, Problem> {
    let query = query.check(&app, &identity)?;
    let worker = app.clone();
    let found = app
        .offload
        .run(move || worker.parts.history.query(&query))
        .await?;
    let found = found.map_err(|error| unreadable(&error))?;
    let mut page = JsonPage::new("records", usize::MAX);
    for record in &found.records {
        page.push(&record_json::encode(record));
    }
    let gaps: Vec<_> = found.gaps.iter().map(RangeBody::from).collect();
    let damaged: Vec<_> = found.damaged.iter().map(RangeBody::from).collect();
    page.close();
    page.field("gaps", &gaps);
    page.field("damaged", &damaged);
    let next = found
        .next
        .map(|place| format!("{}-{}", place.critical, place.normal));
    page.field("next", &next);
    page.into_response(&app)
}

/// Which series.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesParams {
    /// The topic.
    #[param(value_type = TopicText)]
    topic: String,
    /// From this time on; a day before `to` without it.
    #[param(value_type = Option<TimeText>)]
    from: Option<String>,
    /// Before this time; now without it.
    #[param(value_type = Option<TimeText>)]
    to: Option<String>,
    /// Most points, 1 to 10,000; 500 by default. If there are no more values, they come exact.
    #[param(minimum = 1, maximum = 10_000)]
    points: Option<usize>,
    /// The interval to use whatever the points.
    #[param(value_type = Option<ResolutionText>)]
    resolution: Option<String>,
}

/// A value, or all values of an interval.
#[derive(Serialize, ToSchema)]
#[schema(as = Point)]
pub(crate) struct PointBody {
    /// When; of an interval its beginning.
    #[schema(value_type = TimeText)]
    at: String,
    /// How many values.
    count: u64,
    /// The least.
    min: f64,
    /// The greatest.
    max: f64,
    /// Their mean.
    mean: f64,
    /// The last one.
    last: f64,
}

/// The values of a topic over time.
#[derive(Serialize, ToSchema)]
#[schema(as = Series)]
pub(crate) struct SeriesBody {
    /// How long the intervals are; null if each point is one value.
    #[schema(value_type = Option<ResolutionText>)]
    resolution: Option<&'static str>,
    /// By time. Intervals without values are not there.
    points: Vec<PointBody>,
}

fn resolution(text: &str) -> Result<Resolution, String> {
    let found = Resolution::ALL.into_iter().find(|r| r.as_str() == text);
    found.ok_or_else(|| {
        let words = Resolution::ALL.map(Resolution::as_str).join(", ");
        format!("{text:?} is none of {words}")
    })
}

impl SeriesParams {
    fn check(&self, app: &App, identity: &Identity) -> Result<SeriesQuery, Problem> {
        let topic = Topic::new(self.topic.clone());
        let topic = topic.map_err(|error| Problem::bad_request(format!("topic: {error}")))?;
        if !identity.sees_all() && topic.is_within(&app.names.system) {
            return Err(Problem::forbidden("this topic is for admins"));
        }
        let time = |name: &str, text: &Option<String>| {
            read(name, text.as_deref(), |text| {
                said(text.parse::<Timestamp>())
            })
        };
        let to = time("to", &self.to)?.unwrap_or_else(|| app.now());
        let points = self.points.unwrap_or(POINTS);
        if !(1..=POINTS_MAX).contains(&points) {
            let detail = format!("points: {points} is not within 1 to {POINTS_MAX}");
            return Err(Problem::bad_request(detail));
        }
        Ok(SeriesQuery {
            topic,
            from: time("from", &self.from)?.unwrap_or_else(|| to.saturating_sub(DAY)),
            to,
            points,
            resolution: read("resolution", self.resolution.as_deref(), resolution)?,
        })
    }
}

/// Read a series for a plot
///
/// The numbers of a topic: exact where they are few, else least, greatest, mean and last per interval.
#[utoipa::path(
    get, path = "/v1/series", tag = "records", operation_id = "series",
    params(SeriesParams),
    responses((status = 200, description = "By time", body = SeriesBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn series(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    QueryOf(params): QueryOf<SeriesParams>,
) -> Result<axum::Json<SeriesBody>, Problem> {
    let query = params.check(&app, &identity)?;
    let worker = app.clone();
    let series = app
        .offload
        .run(move || worker.parts.history.series(&query))
        .await?;
    let series = series.map_err(|error| unreadable(&error))?;
    let point = |point: &spica_history::Point| PointBody {
        at: point.at.to_string(),
        count: point.bucket.count,
        min: point.bucket.min,
        max: point.bucket.max,
        mean: point.bucket.mean(),
        last: point.bucket.last,
    };
    Ok(axum::Json(SeriesBody {
        resolution: series.resolution.map(Resolution::as_str),
        points: series.points.iter().map(point).collect(),
    }))
}
