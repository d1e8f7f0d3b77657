//! `/metrics`: everything the node counts, for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;

use crate::auth::{Caller, Reader};
use crate::openapi::Usual;
use crate::problem::{Problem, ProblemKind};
use crate::state::App;

/// The format.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters and gauges for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses(
        (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
        Usual,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn metrics(
    State(app): State<App>,
    _: Caller<Reader>,
) -> Result<Response, Problem> {
    let mut text = String::new();
    encode(&mut text, &app.parts.registry)
        .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
