//! `/v1/devices/import`: many devices at once.

use axum::extract::{Request, State};
use serde::Serialize;
use spica_devices::{Registration, Serial, read_csv};
use utoipa::ToSchema;

use super::refused;
use crate::auth::{Caller, Operator};
use crate::extract::{body, media_type};
use crate::openapi::{Bad, TooLarge, Unsupported, Usual};
use crate::problem::{PartError, Problem, ProblemKind};
use crate::state::App;

/// What became of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Imported {
    /// Devices registered or changed.
    imported: usize,
}

/// Register many devices from CSV
///
/// The first row names the columns, in any order: serial (which must be there), name,
/// check_in_minutes, grace_minutes, customer, note, enabled. All rows, or none and a report.
#[utoipa::path(
    post, path = "/v1/devices/import", tag = "devices", operation_id = "import_devices",
    request_body(content = String, content_type = "text/csv", description = "UTF-8, up to `http.import_limit`"),
    responses(
        (status = 200, description = "All registered", body = Imported),
        Usual, Bad, TooLarge, Unsupported,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn import(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    request: Request,
) -> Result<axum::Json<Imported>, Problem> {
    let (head, bytes, _reserved) =
        body(request, &app, app.settings.import_limit.as_usize()).await?;
    if !matches!(media_type(&head).as_str(), "text/csv" | "") {
        let detail = "an import is text/csv";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let devices = app.offload.run(move || read(&bytes)).await??;
    let imported = app
        .parts
        .devices
        .import(devices, &identity.by())
        .await
        .map_err(refused)?;
    Ok(axum::Json(Imported { imported }))
}

/// Reads an import.
///
/// # Errors
/// 400 with the first problems; `index` is the line in the file, from 1 on.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<(Serial, Registration)>, Problem> {
    read_csv(bytes).map_err(|error| {
        let detail = format!("nothing was imported: {} problem(s)", error.total);
        let problems = error.problems.into_iter().map(|problem| PartError {
            index: usize::try_from(problem.line).ok(),
            field: problem.column,
            detail: problem.what,
        });
        Problem::bad_request(detail).with_errors(problems.collect())
    })
}
