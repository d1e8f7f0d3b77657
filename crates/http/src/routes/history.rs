//! `/v1/history`: what was, by topic, device, class and time.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use spica_devices::Serial;
use spica_model::{Lane, Timestamp, TopicFilter};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Identity, Reader};
use crate::batch;
use crate::buffers::hold;
use crate::export::Export;
use crate::extract::QueryOf;
use crate::openapi::{Bad, Usual};
use crate::paging::{JsonPage, limit};
use crate::place::{cursor, from_cursor};
use crate::problem::Problem;
use crate::record_json::{self, RecordJson};
use crate::routes::parquet::parquet;
use crate::scan::{Found, Scan, Wanted, Window};
use crate::schemas::{ClassText, CursorText, FilterText, FormatText, SerialText, TimeText};
use crate::state::App;
use crate::tables::{DamagedBody, GapBody, Table};

/// Which records, and how many.
#[derive(Debug, Default, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// A topic filter: `+` for one level, a final `#` for all below.
    #[param(value_type = Option<FilterText>)]
    pub(crate) topic: Option<String>,
    /// A device's serial: only what is below its topic.
    #[param(value_type = Option<SerialText>)]
    pub(crate) device: Option<String>,
    /// `critical` or `normal`; both by default.
    #[param(value_type = Option<ClassText>)]
    pub(crate) class: Option<String>,
    /// Received at or after this time (RFC 3339, UTC).
    #[param(value_type = Option<TimeText>)]
    pub(crate) from: Option<String>,
    /// Received before this time.
    #[param(value_type = Option<TimeText>)]
    pub(crate) to: Option<String>,
    /// Records. For JSON 1 to `http.page_limit`, 100 by default; for ndjson and csv any, all by
    /// default.
    #[param(minimum = 1)]
    pub(crate) limit: Option<usize>,
    /// The `next` of the page before, or the `cursor` of a CSV row.
    #[param(value_type = Option<CursorText>)]
    pub(crate) after: Option<String>,
    /// `json` (default), `ndjson`, `csv` or `parquet`; goes before the `Accept` header.
    #[param(value_type = Option<FormatText>)]
    pub(crate) format: Option<String>,
}

/// A page of history.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryPage)]
pub(crate) struct HistoryPageBody {
    /// Each lane in its order, the lanes merged by the time of reception.
    records: Vec<RecordJson<'static>>,
    /// Ranges of this page that retention removed since the page before.
    gaps: Vec<GapBody>,
    /// Ranges of this page that cannot be read.
    damaged: Vec<DamagedBody>,
    /// Give this as `after` for the next page; null at the end. A page may be short, even empty,
    /// and still have a next one: the work per request is bounded.
    #[schema(value_type = Option<CursorText>)]
    next: Option<String>,
}

/// A query, checked.
pub(crate) struct Checked {
    wanted: Arc<Wanted>,
    window: Window,
}

impl HistoryQuery {
    /// Checks the query for `identity`.
    pub(crate) fn check(&self, app: &App, identity: &Identity) -> Result<Checked, Problem> {
        let lanes = match read("class", self.class.as_deref(), batch::class)? {
            Some(lane) => vec![lane],
            None => Lane::ALL.to_vec(),
        };
        let serial = read("device", self.device.as_deref(), |text| {
            said(Serial::new(text))
        })?;
        let after = read("after", self.after.as_deref(), |text| {
            said(from_cursor(text))
        })?;
        let wanted = Wanted {
            filter: read("topic", self.topic.as_deref(), |text| {
                said(TopicFilter::new(text))
            })?,
            below: serial.map(|serial| format!("{}/{serial}", app.names.devices)),
            hidden: (!identity.sees_all()).then(|| app.names.system.clone()),
            from: read("from", self.from.as_deref(), |text| {
                said(text.parse::<Timestamp>())
            })?,
            to: read("to", self.to.as_deref(), |text| {
                said(text.parse::<Timestamp>())
            })?,
        };
        Ok(Checked {
            wanted: Arc::new(wanted),
            window: Window {
                lanes,
                after,
                until: None,
            },
        })
    }

    fn table(&self, headers: &HeaderMap) -> Result<Option<Table>, Problem> {
        match self.format.as_deref() {
            Some("json") => return Ok(None),
            Some("ndjson") => return Ok(Some(Table::Ndjson)),
            Some("csv") => return Ok(Some(Table::Csv)),
            Some(other) => {
                let detail = format!("format: {other:?} is none of json, ndjson, csv, parquet");
                return Err(Problem::bad_request(detail));
            }
            None => {}
        }
        let accept = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok());
        Ok(accept.and_then(|accept| {
            accept
                .split(',')
                .find_map(|range| match range.split(';').next().map(str::trim) {
                    Some("application/x-ndjson" | "application/ndjson") => {
                        Some(Some(Table::Ndjson))
                    }
                    Some("text/csv") => Some(Some(Table::Csv)),
                    Some("application/json" | "*/*") => Some(None),
                    _ => None,
                })?
        }))
    }
}

pub(crate) fn said<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// Reads an optional parameter; a refusal names it.
pub(crate) fn read<T>(
    name: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Problem> {
    let parsed = text.map(parse).transpose();
    parsed.map_err(|detail| Problem::bad_request(format!("{name}: {detail}")))
}

impl Checked {
    /// A query that was put together here.
    pub(crate) fn new(wanted: Wanted, window: Window) -> Self {
        Self {
            wanted: Arc::new(wanted),
            window,
        }
    }

    /// Starts the scan. Reads from disk.
    ///
    /// # Errors
    /// 400 for a place of another history.
    pub(crate) fn scan(self, app: &App) -> Result<Scan, Problem> {
        let journal = &*app.parts.journal;
        if let Some(after) = &self.window.after
            && !spica_journal::knows(journal, after, &self.window.lanes)?
        {
            let detail = "after: this place belongs to another history; start without it";
            return Err(Problem::bad_request(detail));
        }
        Ok(Scan::new(journal, &self.window, self.wanted)?)
    }
}

/// Read history
///
/// Pages of JSON, or everything as NDJSON or CSV while it is read, or as a Parquet file.
#[utoipa::path(
    get, path = "/v1/history", tag = "records", operation_id = "history",
    params(HistoryQuery),
    responses(
        (status = 200, description = "A page, or all of it as lines", content(
            (HistoryPageBody = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.apache.parquet"),
        )),
        Usual, Bad,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn history(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    headers: HeaderMap,
    QueryOf(query): QueryOf<HistoryQuery>,
) -> Result<Response, Problem> {
    let checked = query.check(&app, &identity)?;
    if query.format.as_deref() == Some("parquet") {
        return parquet(&app, checked, query.limit).await;
    }
    match query.table(&headers)? {
        None => {
            let limit = limit(query.limit, app.settings.page_limit)?;
            let encode = |record: &spica_model::Record| Some(record_json::encode(record));
            page(&app, checked, "records", limit, encode).await
        }
        Some(table) => export(&app, checked, table, query.limit).await,
    }
}

/// One page of what `checked` finds, each record as `encode` shows it (`None`: not at all).
pub(crate) async fn page(
    app: &App,
    checked: Checked,
    name: &'static str,
    limit: usize,
    encode: impl Fn(&spica_model::Record) -> Option<Vec<u8>> + Send + 'static,
) -> Result<Response, Problem> {
    let worker = app.clone();
    let work = move || {
        fill(
            &worker,
            checked,
            JsonPage::new(name, worker.settings.page_bytes.as_usize()),
            limit,
            encode,
        )
    };
    app.offload.run(work).await??.into_response(app)
}

fn fill(
    app: &App,
    checked: Checked,
    mut page: JsonPage,
    limit: usize,
    encode: impl Fn(&spica_model::Record) -> Option<Vec<u8>>,
) -> Result<JsonPage, Problem> {
    let mut scan = checked.scan(app)?;
    let mut budget = app.settings.scan_limit;
    let (mut gaps, mut damaged) = (Vec::new(), Vec::new());
    let more = loop {
        if page.len() == limit || page.is_full() {
            // One more look, so that the last page says that it is the last.
            break scan.has_more()?;
        }
        match scan.next(&mut budget)? {
            Found::Record(record) => {
                if let Some(json) = encode(&record) {
                    page.push(&json);
                }
            }
            Found::Gap { lane, from, to } => gaps.push(GapBody::new(lane, from, to)),
            Found::Damaged(damage) => damaged.push(DamagedBody::from(&damage)),
            Found::Paused => break true,
            Found::End => break false,
        }
    };
    app.parts
        .metrics
        .scanned
        .inc_by((app.settings.scan_limit - budget) as u64);
    page.close();
    page.field("gaps", &gaps);
    page.field("damaged", &damaged);
    page.field("next", &more.then(|| cursor(&scan.place())));
    Ok(page)
}

async fn export(
    app: &App,
    checked: Checked,
    table: Table,
    limit: Option<usize>,
) -> Result<Response, Problem> {
    let Ok(place) = Arc::clone(&app.exports).try_acquire_owned() else {
        app.parts.metrics.refused("exports");
        return Err(Problem::busy(
            "too many exports are running (http.max_exports); try again later",
        ));
    };
    let worker = app.clone();
    let scan = app.offload.run(move || checked.scan(&worker)).await??;
    let export = Export::new(app.clone(), scan, table, limit);
    let body = hold(Body::from_stream(export.into_stream()), place);
    Ok(([(header::CONTENT_TYPE, table.content_type())], body).into_response())
}
