//! `/v1/rules`: the rules of the node.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::json;
use spica_model::Lane;
use spica_rules::ReloadInfo;
use utoipa::ToSchema;

use crate::auth::{Admin, Caller};
use crate::commit::commit;
use crate::openapi::{Conflicting, Missing, Usual};
use crate::problem::{Problem, ProblemKind};
use crate::state::App;

/// What the rules file holds that is in force now.
#[derive(Serialize, ToSchema)]
#[schema(as = RulesReloaded)]
pub(crate) struct ReloadBody {
    /// Rules.
    rules: usize,
    /// Sinks.
    sinks: usize,
}

impl From<ReloadInfo> for ReloadBody {
    fn from(info: ReloadInfo) -> Self {
        Self {
            rules: info.rules,
            sinks: info.sinks,
        }
    }
}

/// Read the rules file again
///
/// With a problem in it, nothing changes, and the answer names all of them with their places.
#[utoipa::path(
    post, path = "/v1/rules/reload", tag = "handlers", operation_id = "reload_rules",
    responses((status = 200, description = "Taken", body = ReloadBody), Usual, Missing, Conflicting),
    security(("token" = ["admin"])),
)]
pub(crate) async fn reload(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
) -> Result<Response, Problem> {
    let rules = app.parts.rules.as_ref().ok_or_else(|| {
        Problem::not_found("this node has no rules: its configuration names no rules.file")
    })?;
    let rules = Arc::clone(rules);
    let reloaded = app.offload.run(move || rules.reload()).await?;
    let info = reloaded.map_err(|problems| {
        let detail = format!("nothing has changed: {}", problems.join("; "));
        Problem::new(ProblemKind::Conflict, detail)
    })?;
    let author = app.author(&identity);
    let detail = json!({ "rules": info.rules, "sinks": info.sinks });
    let audit = app.audit(&author, "rules", "rules.reload", "rules", detail)?;
    commit(&app, Lane::Normal, &[audit.as_new()]).await?;
    Ok(axum::Json(ReloadBody::from(info)).into_response())
}
