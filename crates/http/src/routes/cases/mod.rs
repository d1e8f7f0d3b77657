//! `/v1/cases`: alarms with a life, and what people do about them.

mod bodies;
pub(crate) mod steps;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spica_alerts::TestError;
use spica_cases::{ALARMS, Case, CaseId, CaseState, CaseVerb, Order, Part, Severity, Verb};
use spica_desk::DeskError;
use utoipa::{IntoParams, ToSchema};

use self::bodies::CaseBody;
pub(crate) use self::bodies::{NewStep, NewStepBody};
use crate::auth::{Caller, Operator, Reader};
use crate::extract::{Json, PathOf, QueryOf};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::paging::{JsonPage, limit};
use crate::problem::{Problem, ProblemKind};
use crate::schemas::{CaseIdText, CaseStateText, SerialText, SeverityText};
use crate::state::App;

/// A page of cases.
#[derive(Serialize, ToSchema)]
#[schema(as = CasePage)]
pub(crate) struct CasePageBody {
    /// The newest first.
    cases: Vec<CaseBody>,
    /// Give this as `before` for the next page; null on the last one.
    #[schema(value_type = Option<CaseIdText>)]
    next: Option<String>,
}

/// Which cases, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CasesQuery {
    /// A state; `open` (default) for all but closed ones, `all` for all that are kept.
    #[param(value_type = Option<CaseStateText>)]
    state: Option<String>,
    /// This severity or worse.
    #[param(value_type = Option<SeverityText>)]
    severity: Option<String>,
    /// What it is about, such as `devices/0012345`: that, and all below.
    #[param(max_length = 1_024)]
    source: Option<String>,
    /// A device's serial: the same as the source `devices/<serial>`.
    #[param(value_type = Option<SerialText>)]
    device: Option<String>,
    /// The condition, such as `man-down`.
    #[param(max_length = 200)]
    condition: Option<String>,
    /// Whose device it is.
    #[param(max_length = 200)]
    customer: Option<String>,
    /// Cases that were raised before this one.
    #[param(value_type = Option<CaseIdText>)]
    before: Option<String>,
    /// Cases per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

/// A query, checked.
struct Wanted {
    open: bool,
    state: Option<CaseState>,
    severity: Severity,
    source: Option<String>,
    condition: Option<String>,
    customer: Option<String>,
    before: Option<CaseId>,
}

impl CasesQuery {
    fn check(self) -> Result<Wanted, Problem> {
        let state = match self.state.as_deref() {
            None | Some("open" | "all") => None,
            Some(word) => Some(state_of(word)?),
        };
        let device = self.device.map(|serial| format!("devices/{serial}"));
        Ok(Wanted {
            open: matches!(self.state.as_deref(), None | Some("open")),
            state,
            severity: match self.severity {
                Some(word) => read("severity", &word)?,
                None => Severity::Low,
            },
            source: device.or(self.source),
            condition: self.condition,
            customer: self.customer,
            before: match self.before {
                Some(id) => Some(read("before", &id)?),
                None => None,
            },
        })
    }
}

impl Wanted {
    fn matches(&self, case: &Case) -> bool {
        let within = |source: &str| {
            let below = case.source.strip_prefix(source);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        (!self.open || case.is_open())
            && self.state.is_none_or(|state| case.state() == state)
            && case.severity >= self.severity
            && self.source.as_deref().is_none_or(within)
            && self.condition.as_ref().is_none_or(|c| *c == case.condition)
            && (self.customer.is_none() || self.customer == case.customer)
            && self.before.is_none_or(|before| case.id < before)
    }
}

fn state_of(word: &str) -> Result<CaseState, Problem> {
    let found = CaseState::ALL
        .into_iter()
        .find(|state| state.as_str() == word);
    found.ok_or_else(|| {
        let words = CaseState::ALL.map(CaseState::as_str).join(", ");
        Problem::bad_request(format!("state: {word:?} is none of open, all, {words}"))
    })
}

fn read<T: std::str::FromStr<Err: ToString>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|error: T::Err| Problem::bad_request(format!("{name}: {}", error.to_string())))
}

/// A case of a path.
pub(crate) fn id_of(text: &str) -> Result<CaseId, Problem> {
    read("case", text)
}

/// The case with this id, as the views show it.
pub(crate) fn case_of(app: &App, id: CaseId) -> Result<Case, Problem> {
    let missing = || {
        Problem::not_found(format!(
            "there is no case {id}: it never was, or it was closed so long ago that only history has it"
        ))
    };
    let topic = app.names.alarms.case(id);
    let record = app.parts.views.get(&topic).ok_or_else(missing)?;
    Case::decode(id, &record.payload)
        .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))
}

/// List cases
#[utoipa::path(
    get, path = "/v1/cases", tag = "cases", operation_id = "list_cases",
    params(CasesQuery),
    responses((status = 200, description = "A page", body = CasePageBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    QueryOf(query): QueryOf<CasesQuery>,
) -> Result<Response, Problem> {
    let limit = limit(query.limit, app.settings.page_limit)?;
    let wanted = query.check()?;
    let worker = app.clone();
    // Kept cases may be many: off the workers that answer everyone.
    let page = app
        .offload
        .run(move || fill(&worker, &wanted, limit))
        .await??;
    page.into_response(&app)
}

fn fill(app: &App, wanted: &Wanted, limit: usize) -> Result<JsonPage, Problem> {
    let mut found = newest(app, wanted, limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    let mut page = JsonPage::new("cases", app.settings.page_bytes.as_usize());
    let mut last = None;
    for case in &found {
        if page.is_full() {
            page.close();
            page.field("next", &last);
            return Ok(page);
        }
        page.push_json(&CaseBody::from(case));
        last = Some(case.id.to_string());
    }
    page.close();
    page.field("next", &last.filter(|_| more));
    Ok(page)
}

/// The newest `most` cases that are wanted, the newest first.
fn newest(app: &App, wanted: &Wanted, most: usize) -> Vec<Case> {
    let mut kept = std::collections::BTreeMap::new();
    each(app, |case| {
        if wanted.matches(&case) {
            kept.insert(case.id, case);
            if kept.len() > most {
                kept.pop_first();
            }
        }
    });
    kept.into_values().rev().collect()
}

/// Shows every kept case to `visit`.
pub(crate) fn each(app: &App, mut visit: impl FnMut(Case)) {
    let node = app.names.node.as_str();
    app.parts
        .views
        .visit(&format!("{node}/{ALARMS}/cases"), |record| {
            if let Some(Part::Case(id)) = Part::of(node, &record.topic)
                && let Ok(case) = Case::decode(id, &record.payload)
            {
                visit(case);
            }
        });
}

/// Read a case
#[utoipa::path(
    get, path = "/v1/cases/{id}", tag = "cases", operation_id = "read_case",
    params(("id" = inline(CaseIdText), Path, description = "The case's id")),
    responses((status = 200, description = "The case", body = CaseBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn read_one(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(id): PathOf<String>,
) -> Result<axum::Json<CaseBody>, Problem> {
    Ok(axum::Json(CaseBody::from(&case_of(&app, id_of(&id)?)?)))
}

/// Do something about a case
///
/// Acknowledging twice is no error, and changes nothing: the first one counts. The answer is the case
/// after the step, and comes when the step is durable.
#[utoipa::path(
    post, path = "/v1/cases/{id}/steps", tag = "cases", operation_id = "do_step",
    params(("id" = inline(CaseIdText), Path, description = "The case's id")),
    request_body = NewStepBody,
    responses(
        (status = 200, description = "The case after it", body = CaseBody),
        Usual, Bad, Missing, Conflicting, TooLarge,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn step(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(id): PathOf<String>,
    Json(NewStep { verb, why }): Json<NewStep>,
) -> Result<axum::Json<CaseBody>, Problem> {
    let id = id_of(&id)?;
    order(&app, id, verb, format!("operator:{}", identity.by()), why).await
}

/// Gives an order about a case; the case after it.
pub(crate) async fn order(
    app: &App,
    id: CaseId,
    verb: CaseVerb,
    by: String,
    why: Option<String>,
) -> Result<axum::Json<CaseBody>, Problem> {
    let order = Order {
        verb: Verb::Case(id, verb),
        by,
        why,
    };
    app.parts
        .desk
        .order(order)
        .await
        .map_err(|error| refused(&error))?;
    Ok(axum::Json(CaseBody::from(&case_of(app, id)?)))
}

/// What an order was refused for.
pub(crate) fn refused(error: &DeskError) -> Problem {
    use spica_cases::OrderError as E;
    let kind = match error {
        DeskError::Order(E::UnknownCase(_)) => ProblemKind::NotFound,
        DeskError::Test(TestError::Unknown { .. }) => ProblemKind::NotFound,
        DeskError::Test(_) => ProblemKind::BadRequest,
        DeskError::Order(E::WantsReason(_) | E::TimeOutOfRange { .. } | E::Text { .. }) => {
            ProblemKind::BadRequest
        }
        DeskError::Order(_) => ProblemKind::Conflict,
        DeskError::NotServing => ProblemKind::Stopping,
        DeskError::Unknown => ProblemKind::TimedOut,
        DeskError::Busy => ProblemKind::Busy,
    };
    Problem::new(kind, error.to_string())
}
