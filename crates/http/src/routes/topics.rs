//! `/v1/topics/{topic}`: publish one record, read the last one, delete a topic.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spica_journal::Appended;
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Record, Topic};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Identity, Operator, Publisher, Reader};
use crate::batch::{self, Draft};
use crate::commit::commit;
use crate::extract::{PathOf, QueryOf, body};
use crate::openapi::{Bad, Missing, TooLarge, Usual};
use crate::ownership::may_publish;
use crate::problem::{Problem, ProblemKind};
use crate::publish;
use crate::record_json;
use crate::schemas::{
    ClassText, KeyText, KindText, PositionText, QualityText, TimeText, TopicText,
};
use crate::state::App;
use spica_live_proto::sound;

/// The header that makes a repeated publish harmless.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How to publish.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PublishQuery {
    /// `state` (default): the last record of the topic matters; `event`: each one does.
    #[param(value_type = Option<KindText>)]
    kind: Option<String>,
    /// The lane: `normal` (default) or `critical`.
    #[param(value_type = Option<ClassText>)]
    class: Option<String>,
    /// `good` (default), `uncertain` or `bad`.
    #[param(value_type = Option<QualityText>)]
    quality: Option<String>,
    /// When its source says it happened (RFC 3339, UTC).
    #[param(value_type = Option<TimeText>)]
    source_time: Option<String>,
}

/// Where a published record stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Published {
    /// Epoch, lane and number.
    #[schema(value_type = PositionText)]
    pub(crate) position: String,
    /// Whether its key was known: no second record was made, and this is the place of the first.
    pub(crate) duplicate: bool,
}

impl From<Appended> for Published {
    fn from(appended: Appended) -> Self {
        Self {
            position: appended.position.to_string(),
            duplicate: appended.duplicate,
        }
    }
}

/// Publish one record
///
/// The body is the payload; its `Content-Type` is kept. Answered only when the record is on disk.
#[utoipa::path(
    post, path = "/v1/topics/{*topic}", tag = "records", operation_id = "publish",
    params(
        ("topic" = inline(TopicText), Path, description = "The topic, its levels separated by /"),
        PublishQuery,
        ("Idempotency-Key" = Option<KeyText>, Header, description =
            "1 to 255 bytes: a repetition with the same key, topic, class and token makes no second record"),
    ),
    request_body(content = String, content_type = "*/*", description = "The payload, up to `http.payload_limit`"),
    responses(
        (status = 201, description = "On disk", body = Published),
        (status = 200, description = "Known already: the record of the first delivery is on disk", body = Published),
        Usual, Bad, TooLarge,
    ),
    security(("token" = ["operator"]), ("token" = ["device"])),
)]
pub(crate) async fn publish(
    State(app): State<App>,
    Publisher(identity): Publisher,
    PathOf(topic): PathOf<String>,
    QueryOf(query): QueryOf<PublishQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let topic = topic_of(&topic)?;
    // Before the body: nobody sends a megabyte in vain.
    may_publish(&app.names, &identity, &topic)?;
    let limit = app.settings.payload_bytes();
    let (head, payload, _reserved) = body(request, &app, limit).await?;
    let draft = Draft {
        payload,
        ..draft(topic, &query, &head.headers)?
    };
    if draft.content_type == ContentType::Json {
        is_json(&draft.payload)?;
    }
    let outcome = publish::publish(&app, &identity, std::slice::from_ref(&draft)).await?;
    let appended = outcome
        .appended
        .into_iter()
        .flatten()
        .next()
        .ok_or_else(|| {
            Problem::new(
                ProblemKind::Internal,
                "the journal did not say where the record stands",
            )
        })?;
    let status = if appended.duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, axum::Json(Published::from(appended))).into_response())
}

/// A topic of a path.
pub(crate) fn topic_of(text: &str) -> Result<Topic, Problem> {
    Topic::new(text).map_err(|error| Problem::bad_request(format!("topic: {error}")))
}

fn draft(topic: Topic, query: &PublishQuery, headers: &HeaderMap) -> Result<Draft, Problem> {
    let bad = |field: &str, detail: String| Problem::bad_request(format!("{field}: {detail}"));
    let class = query
        .class
        .as_deref()
        .map_or(Ok(Lane::Normal), batch::class);
    let kind = query.kind.as_deref().map_or(Ok(Kind::State), str::parse);
    let quality = query
        .quality
        .as_deref()
        .map_or(Ok(Quality::Good), str::parse);
    let source_time = query.source_time.as_deref().map(str::parse).transpose();
    let key = header_text(headers, &IDEMPOTENCY_KEY)?
        .map(batch::key)
        .transpose();
    let content_type = header_text(headers, &header::CONTENT_TYPE)?
        .map_or(Ok(ContentType::Bytes), ContentType::parse);
    Ok(Draft {
        topic,
        class: class.map_err(|e| bad("class", e))?,
        kind: kind.map_err(|e| bad("kind", e))?,
        quality: quality.map_err(|e| bad("quality", e))?,
        source_time: source_time
            .map_err(|e: spica_model::ParseTimestampError| bad("source_time", e.to_string()))?,
        content_type: content_type.map_err(|e| bad("Content-Type", e.to_string()))?,
        payload: bytes::Bytes::new(),
        key: key.map_err(|e| bad("Idempotency-Key", e))?,
    })
}

fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let text = headers.get(name).map(HeaderValue::to_str).transpose();
    text.map_err(|_| Problem::bad_request(format!("{name}: visible ASCII only")))
}

/// Who says JSON must send JSON that everyone can read: later readers rely on it.
fn is_json(payload: &[u8]) -> Result<(), Problem> {
    sound::check(payload, sound::DEPTH).map_err(|error| {
        Problem::bad_request(format!(
            "Content-Type is application/json, but the body: {error}"
        ))
    })
}

/// How to read a topic.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadQuery {
    /// The payload itself, with its own content type, instead of the record: `?raw`.
    #[param(value_type = Option<bool>)]
    raw: Option<String>,
}

/// Read the last record of a topic
#[utoipa::path(
    get, path = "/v1/topics/{*topic}", tag = "records", operation_id = "read_topic",
    params(("topic" = inline(TopicText), Path, description = "The topic, its levels separated by /"), ReadQuery),
    responses(
        (status = 200, description = "The record; with `raw` its payload",
            content((record_json::RecordJson<'static> = "application/json"), (String = "*/*"))),
        Usual, Bad, Missing,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn read(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    PathOf(topic): PathOf<String>,
    QueryOf(query): QueryOf<ReadQuery>,
) -> Result<Response, Problem> {
    let topic = topic_of(&topic)?;
    let record = visible(&app, &identity, &topic)
        .ok_or_else(|| Problem::not_found(format!("{topic} has no value")))?;
    let reserved = app.buffers.reserve(record.payload.len())?;
    let raw = query.raw.is_some_and(|raw| raw != "false");
    let (content_type, bytes) = if raw {
        (record.content_type.as_str().to_owned(), record.payload)
    } else {
        (
            "application/json".to_owned(),
            record_json::encode(&record).into(),
        )
    };
    let body = crate::buffers::hold(Body::from(bytes), reserved);
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}

/// The last record of a topic, if `identity` may see it.
fn visible(app: &App, identity: &Identity, topic: &Topic) -> Option<Record> {
    let hidden = !identity.sees_all() && topic.is_within(&app.names.system);
    if hidden {
        None
    } else {
        app.parts.views.get(topic)
    }
}

/// Delete a topic
///
/// Writes a tombstone; the topic's history stays.
#[utoipa::path(
    delete, path = "/v1/topics/{*topic}", tag = "records", operation_id = "delete_topic",
    params(("topic" = inline(TopicText), Path, description = "The topic, its levels separated by /")),
    responses((status = 200, description = "The tombstone is on disk", body = Published), Usual, Bad, Missing),
    security(("token" = ["operator"])),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(topic): PathOf<String>,
) -> Result<axum::Json<Published>, Problem> {
    let topic = topic_of(&topic)?;
    may_publish(&app.names, &identity, &topic)?;
    let views = &app.parts.views;
    let state = views.state(&topic);
    // A state may stand beneath later events: it is what a deletion is about.
    let kind = state.as_ref().map(|state| state.kind);
    let last = views.get(&topic).or(state);
    let last = last.ok_or_else(|| Problem::not_found(format!("{topic} has no value")))?;
    let (cause, empty) = (identity.cause(), ContentType::Bytes);
    let tombstone = NewRecord {
        kind: kind.unwrap_or(last.kind),
        op: Op::Delete,
        quality: Quality::Good,
        received: app.now(),
        source_time: None,
        content_type: &empty,
        payload: &[],
        key: None,
        cause: cause.as_ref(),
        properties: None,
        ..last.as_new()
    };
    let author = app.author(&identity);
    let audit = app.audit(
        &author,
        "topics",
        "topic.delete",
        topic.as_str(),
        Value::Null,
    )?;
    // In the lane of what it deletes. The audit trail is in the normal lane: in one submission if
    // that is the same, else right before.
    let appended = match last.position.lane {
        Lane::Normal => commit(&app, Lane::Normal, &[tombstone, audit.as_new()]).await?,
        Lane::Critical => {
            commit(&app, Lane::Normal, &[audit.as_new()]).await?;
            commit(&app, Lane::Critical, &[tombstone]).await?
        }
    };
    let first = appended.into_iter().next();
    first.map(|first| axum::Json(first.into())).ok_or_else(|| {
        Problem::new(
            ProblemKind::Internal,
            "the journal did not say where the tombstone stands",
        )
    })
}
