//! `/v1/tree`: the last record of every topic below one, in pages.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spica_model::{Op, Record};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Identity, Reader};
use crate::extract::{PathOf, QueryOf};
use crate::openapi::{Bad, Usual};
use crate::paging::{JsonPage, limit};
use crate::problem::Problem;
use crate::record_json::RecordJson;
use crate::schemas::TopicText;
use crate::state::App;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TreeQuery {
    /// The `next` of the page before.
    #[param(value_type = Option<TopicText>)]
    after: Option<String>,
    /// Records per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

/// A page of last records.
#[derive(Serialize, ToSchema)]
#[schema(as = TreePage)]
pub(crate) struct TreePageBody {
    /// In the order of topics, compared byte by byte.
    records: Vec<RecordJson<'static>>,
    /// Give this as `after` for the next page; null on the last one.
    #[schema(value_type = Option<TopicText>)]
    next: Option<String>,
}

/// List everything this node holds
#[utoipa::path(
    get, path = "/v1/tree", tag = "records", operation_id = "list_all",
    params(TreeQuery),
    responses((status = 200, description = "A page", body = TreePageBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn all(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    QueryOf(query): QueryOf<TreeQuery>,
) -> Result<Response, Problem> {
    page(&app, &identity, "", &query)
}

/// List the last records of a topic and all below it
#[utoipa::path(
    get, path = "/v1/tree/{*prefix}", tag = "records", operation_id = "list_tree",
    params(("prefix" = inline(TopicText), Path, description = "A topic, its levels separated by /"), TreeQuery),
    responses((status = 200, description = "A page", body = TreePageBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn below(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    PathOf(prefix): PathOf<String>,
    QueryOf(query): QueryOf<TreeQuery>,
) -> Result<Response, Problem> {
    page(&app, &identity, prefix.trim_end_matches('/'), &query)
}

fn page(
    app: &App,
    identity: &Identity,
    prefix: &str,
    query: &TreeQuery,
) -> Result<Response, Problem> {
    let limit = limit(query.limit, app.settings.page_limit)?;
    let mut page = JsonPage::new("records", app.settings.page_bytes.as_usize());
    let mut after = query.after.clone();
    let more = loop {
        let records = app.parts.views.subtree(prefix, after.as_deref(), limit);
        let end = records.len() < limit;
        let cut = fill(app, identity, &mut page, &records, limit, &mut after);
        if cut || end {
            break cut;
        }
    };
    page.finish(app, "next", &after.filter(|_| more))
}

/// Adds what is visible; whether the page is full and something is left over.
fn fill(
    app: &App,
    identity: &Identity,
    page: &mut JsonPage,
    records: &[Record],
    limit: usize,
    after: &mut Option<String>,
) -> bool {
    for record in records {
        if page.len() == limit || page.is_full() {
            return true;
        }
        *after = Some(record.topic.as_str().to_owned());
        let hidden = !identity.sees_all() && record.topic.is_within(&app.names.system);
        if record.op == Op::Put && !hidden {
            page.push(&crate::record_json::encode(record));
        }
    }
    false
}
