//! `/v1/report`: response times and alarm rates, from the audit trail.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use spica_cases::{ALARMS, Part, StepRecord};
use spica_model::{Lane, Record, Timestamp};
use spica_proof::{Language, Options, Proof};
use utoipa::IntoParams;

use crate::auth::{Caller, Reader};
use crate::extract::QueryOf;
use crate::openapi::{Bad, Usual};
use crate::problem::Problem;
use crate::scan::{Found, Scan, Wanted, Window};
use crate::schemas::{LanguageText, ReportFormatText, TimeText};
use crate::state::App;

/// A rolling year, as the standards want it.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// What the report is about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// From when on; a year before `to` without it.
    #[param(value_type = Option<TimeText>)]
    from: Option<String>,
    /// Before when; now without it.
    #[param(value_type = Option<TimeText>)]
    to: Option<String>,
    /// The time zone of days and hours, such as `Europe/Zurich`; UTC without it.
    #[param(max_length = 64)]
    zone: Option<String>,
    /// How many operators work at the same time: alarm rates are for each. 1 without it.
    #[param(minimum = 1, maximum = 1_000)]
    operators: Option<u32>,
    /// `en` (default) or `de`.
    #[param(value_type = Option<LanguageText>)]
    language: Option<String>,
    /// `text` (default), `csv` or `html`.
    #[param(value_type = Option<ReportFormatText>)]
    format: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Text,
    Csv,
    Html,
}

fn time(name: &str, text: Option<&str>, otherwise: Timestamp) -> Result<Timestamp, Problem> {
    let parsed = text.map(str::parse::<Timestamp>).transpose();
    let parsed = parsed.map_err(|error| Problem::bad_request(format!("{name}: {error}")))?;
    Ok(parsed.unwrap_or(otherwise))
}

impl ReportQuery {
    fn check(self, app: &App) -> Result<(Options, Language, Format), Problem> {
        let to = time("to", self.to.as_deref(), app.now())?;
        let from = time("from", self.from.as_deref(), to.saturating_sub(YEAR))?;
        let mut options = Options::new(app.names.node.as_str(), from, to);
        options.zone = self.zone.unwrap_or(options.zone);
        options.operators = self.operators.unwrap_or(options.operators);
        let language = match self.language.as_deref() {
            None | Some("en") => Language::English,
            Some("de") => Language::German,
            Some(other) => {
                let detail = format!("language: {other:?} is none of en, de");
                return Err(Problem::bad_request(detail));
            }
        };
        let format = match self.format.as_deref() {
            None | Some("text") => Format::Text,
            Some("csv") => Format::Csv,
            Some("html") => Format::Html,
            Some(other) => {
                let detail = format!("format: {other:?} is none of text, csv, html");
                return Err(Problem::bad_request(detail));
            }
        };
        Ok((options, language, format))
    }
}

/// Report response times and alarm rates
///
/// Shares of emergencies that were accepted within 10 s and 40 s, worst, by hour, by customer; alarms
/// per operator, floods, the ten worst, chattering, stale, the mix of severities.
#[utoipa::path(
    get, path = "/v1/report", tag = "cases", operation_id = "report",
    params(ReportQuery),
    responses(
        (status = 200, description = "The report", content(
            (String = "text/plain"), (String = "text/csv"), (String = "text/html"),
        )),
        Usual, Bad,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn report(
    State(app): State<App>,
    _: Caller<Reader>,
    QueryOf(query): QueryOf<ReportQuery>,
) -> Result<Response, Problem> {
    let (options, language, format) = query.check(&app)?;
    let proof =
        Proof::new(options.clone()).map_err(|error| Problem::bad_request(error.to_string()))?;
    let worker = app.clone();
    let read = move || read(&worker, proof, options.from);
    let report = app.offload.run(read).await??.finish();
    let mut text = String::new();
    let (written, kind) = match format {
        Format::Text => (
            report.write_text(&mut text, language),
            "text/plain; charset=utf-8",
        ),
        Format::Csv => (report.write_all_csv(&mut text), "text/csv; charset=utf-8"),
        Format::Html => (
            report.write_html(&mut text, language),
            "text/html; charset=utf-8",
        ),
    };
    // Writing to a string fails at most for want of memory.
    let _ = written;
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // A page of its own, without scripts.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                  form-action 'none'; frame-ancestors 'none'";
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    Ok(response)
}

/// Reads the trail, then the cases whose beginning retention has removed.
fn read(app: &App, mut proof: Proof, from: Timestamp) -> Result<Proof, Problem> {
    let node = app.names.node.as_str();
    let wanted = Wanted {
        below: Some(format!("{node}/{ALARMS}")),
        from: Some(from),
        // What was raised late may be acknowledged after the end.
        to: None,
        ..Wanted::default()
    };
    let window = Window {
        lanes: vec![Lane::Critical],
        after: None,
        until: None,
    };
    let mut scan = Scan::new(&*app.parts.journal, &window, Arc::new(wanted))?;
    let mut budget = usize::MAX;
    loop {
        match scan.next(&mut budget)? {
            Found::Record(record) => take(&mut proof, node, &record),
            // What is gone is gone: the cases say what they can.
            Found::Gap { .. } | Found::Damaged(_) => {}
            Found::Paused | Found::End => break,
        }
    }
    super::cases::each(app, |case| proof.case(&case));
    Ok(proof)
}

fn take(proof: &mut Proof, node: &str, record: &Record) {
    let id = match Part::of(node, &record.topic) {
        Some(Part::CaseSteps(id)) => Some(id),
        Some(Part::ConditionSteps { .. }) => None,
        _ => return,
    };
    if let Ok(step) = StepRecord::decode(&record.payload) {
        proof.step(id, &step);
    }
}
