//! `/v1/records`: publish a batch.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Publisher;
use crate::batch::{self, Syntax};
use crate::extract::{body, media_type};
use crate::openapi::{Bad, TooLarge, Unsupported, Usual};
use crate::problem::{Problem, ProblemKind};
use crate::publish;
use crate::routes::topics::Published;
use crate::schemas::{ClassText, KeyText, KindText, QualityText, TimeText, TopicText};
use crate::state::App;

/// A record to publish. Exactly one of `value`, `text` and `base64`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRecord)]
#[expect(
    dead_code,
    reason = "read field by field in `batch`, so that errors name the field; this is its schema"
)]
pub(crate) struct NewRecordBody {
    /// What it is about.
    #[schema(value_type = TopicText)]
    topic: String,
    /// The payload as JSON, kept as written.
    value: Option<serde_json::Value>,
    /// The payload as text.
    text: Option<String>,
    /// The payload as bytes (standard base64).
    base64: Option<String>,
    /// `state` (default) or `event`.
    #[schema(value_type = Option<KindText>)]
    kind: Option<String>,
    /// `normal` (default) or `critical`.
    #[schema(value_type = Option<ClassText>)]
    class: Option<String>,
    /// `good` (default), `uncertain` or `bad`.
    #[schema(value_type = Option<QualityText>)]
    quality: Option<String>,
    /// When its source says it happened (RFC 3339, UTC).
    #[schema(value_type = Option<TimeText>)]
    source_time: Option<String>,
    /// The payload's media type; by default that of the field it stands in.
    content_type: Option<String>,
    /// Idempotency key, 1 to 255 bytes.
    #[schema(value_type = Option<KeyText>)]
    key: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchResult {
    /// In the order of the batch. Null for a record that was not taken (with status 503 only).
    pub(crate) results: Vec<Option<Published>>,
}

/// Publish many records
///
/// All or nothing per lane: the batch is refused as a whole if anything in it is wrong. Answered
/// only when all records are on disk. If one lane took its part and the other could not, the status
/// is 503 and `results` says which: send those again, with the same keys.
#[utoipa::path(
    post, path = "/v1/records", tag = "records", operation_id = "publish_batch",
    request_body(
        description = "An array, or one object per line (application/x-ndjson)",
        content((Vec<NewRecordBody> = "application/json"), (NewRecordBody = "application/x-ndjson")),
    ),
    responses(
        (status = 200, description = "All on disk", body = BatchResult),
        Usual, Bad, TooLarge, Unsupported,
    ),
    security(("token" = ["operator"]), ("token" = ["device"])),
)]
pub(crate) async fn publish_batch(
    State(app): State<App>,
    Publisher(identity): Publisher,
    request: Request,
) -> Result<Response, Problem> {
    let (head, bytes, _reserved) = body(request, &app, app.settings.batch_limit.as_usize()).await?;
    let syntax = match media_type(&head).as_str() {
        "application/json" | "" => Syntax::Json,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Syntax::Ndjson,
        other => {
            let detail = format!("{other}: a batch is application/json or application/x-ndjson");
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
    };
    let drafts = batch::parse(&bytes, syntax, app.settings.batch_records).map_err(|errors| {
        let first = errors
            .first()
            .map(|error| error.detail.clone())
            .unwrap_or_default();
        Problem::bad_request(format!("nothing of the batch was taken: {first}")).with_errors(errors)
    })?;
    let outcome = publish::publish(&app, &identity, &drafts).await?;
    let results = outcome
        .appended
        .into_iter()
        .map(|appended| appended.map(Published::from))
        .collect();
    let result = axum::Json(BatchResult { results });
    Ok(match outcome.refused {
        None => (StatusCode::OK, result).into_response(),
        Some(problem) => {
            tracing::debug!(detail = problem.detail(), "a batch was taken in part");
            let mut response = problem.into_response();
            *response.body_mut() = result.into_response().into_body();
            let json = axum::http::HeaderValue::from_static("application/json");
            response
                .headers_mut()
                .insert(axum::http::header::CONTENT_TYPE, json);
            response
        }
    })
}
