//! The trail of a case: its steps, and the messages about it.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spica_model::{Lane, TopicFilter};
use utoipa::{IntoParams, ToSchema};

use super::{case_of, id_of};
use crate::auth::{Caller, Reader};
use crate::extract::{PathOf, QueryOf};
use crate::openapi::{Bad, Missing, Usual};
use crate::paging::{JsonPage, limit};
use crate::place::from_cursor;
use crate::problem::Problem;
use crate::record_json::{self, RecordJson};
use crate::routes::history::{Checked, page};
use crate::scan::{Wanted, Window};
use crate::schemas::{CaseIdText, CursorText};
use crate::state::App;
use crate::tables::{DamagedBody, GapBody};

/// Which part of a case's trail.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StepsQuery {
    /// Steps per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<CursorText>)]
    after: Option<String>,
}

/// Steps of a case.
#[derive(Serialize, ToSchema)]
#[schema(as = StepPage)]
pub(crate) struct StepPageBody {
    /// The records of the steps, oldest first: the payload says what, who, when and why.
    steps: Vec<RecordJson<'static>>,
    /// Ranges of this page that retention removed.
    gaps: Vec<GapBody>,
    /// Ranges of this page that cannot be read.
    damaged: Vec<DamagedBody>,
    /// Give this as `after` for the next page; null at the end. A page may be short, even empty, and
    /// still have a next one.
    #[schema(value_type = Option<CursorText>)]
    next: Option<String>,
}

/// The messages about a case.
#[derive(Serialize, ToSchema)]
#[schema(as = NoticeList)]
pub(crate) struct NoticeListBody {
    /// In no order of meaning: to whom, by which channel, how often it was tried, what became of it.
    #[schema(value_type = Vec<serde_json::Value>)]
    notices: Vec<serde_json::Value>,
}

/// List the steps of a case
///
/// The audit trail: who did what, when and why.
#[utoipa::path(
    get, path = "/v1/cases/{id}/steps", tag = "cases", operation_id = "list_steps",
    params(("id" = inline(CaseIdText), Path, description = "The case's id"), StepsQuery),
    responses((status = 200, description = "A page", body = StepPageBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn steps(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(id): PathOf<String>,
    QueryOf(query): QueryOf<StepsQuery>,
) -> Result<Response, Problem> {
    let id = id_of(&id)?;
    let case = case_of(&app, id)?;
    let topic = app.names.alarms.case_steps(id);
    let filter = TopicFilter::new(topic.as_str())
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    let after = query.after.as_deref().map(from_cursor).transpose();
    let after = after.map_err(|error| Problem::bad_request(format!("after: {error}")))?;
    let wanted = Wanted {
        filter: Some(filter),
        // The case is raised when its first step is written, not before.
        from: Some(case.raised_at.min(case.received_at)),
        ..Wanted::default()
    };
    let checked = Checked::new(
        wanted,
        Window {
            lanes: vec![Lane::Critical],
            after,
            until: None,
        },
    );
    let limit = limit(query.limit, app.settings.page_limit)?;
    let encode = |record: &spica_model::Record| Some(record_json::encode(record));
    page(&app, checked, "steps", limit, encode).await
}

/// List the messages about a case
#[utoipa::path(
    get, path = "/v1/cases/{id}/notices", tag = "cases", operation_id = "list_notices",
    params(("id" = inline(CaseIdText), Path, description = "The case's id")),
    responses((status = 200, description = "All that are kept", body = NoticeListBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn notices(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(id): PathOf<String>,
) -> Result<Response, Problem> {
    /// More than there can be of one case, with their attempts.
    const MOST: usize = 4_096;
    let id = id_of(&id)?;
    case_of(&app, id)?;
    let node = &app.names.node;
    let prefix = format!("{node}/{}/notices/{id}", spica_cases::ALARMS);
    let mut page = JsonPage::new("notices", usize::MAX);
    for record in app.parts.views.subtree(&prefix, None, MOST) {
        let part = spica_cases::Part::of(node.as_str(), &record.topic);
        if let Some(spica_cases::Part::Notice(..)) = part {
            page.push(&record.payload);
        }
    }
    page.close();
    page.into_response(&app)
}
