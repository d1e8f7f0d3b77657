//! `/v1/pictures` and `/v1/devices/{serial}/pictures`.

use std::ops::Range;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use spica_model::{Lane, Record};
use spica_objects::{Address, ReadError};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Reader};
use crate::buffers::hold;
use crate::byte_range::{Wanted, range};
use crate::extract::{PathOf, QueryOf};
use crate::openapi::{Bad, Missing, RangeRefused, Usual};
use crate::paging::limit;
use crate::problem::{Problem, ProblemKind};
use crate::record_json::time;
use crate::routes::devices::serial_of;
use crate::routes::history::{HistoryQuery, page};
use crate::schemas::{AddressText, CursorText, PositionText, SerialText, TimeText};
use crate::state::App;
use crate::tables::{DamagedBody, GapBody};

/// A picture of a device.
#[derive(Serialize, ToSchema)]
#[schema(as = Picture)]
pub(crate) struct PictureBody<'a> {
    /// Where its record stands.
    #[schema(value_type = PositionText)]
    position: String,
    /// When the node had all of it.
    #[schema(value_type = TimeText)]
    received: String,
    /// When it was taken, as the device says.
    #[schema(value_type = Option<TimeText>)]
    source_time: Option<String>,
    /// Number, size, hash, address and content type: `GET /v1/` and the address shows it.
    #[schema(value_type = Object)]
    picture: &'a serde_json::value::RawValue,
}

/// A page of a device's pictures.
#[derive(Serialize, ToSchema)]
#[schema(as = PicturePage)]
pub(crate) struct PicturePageBody {
    /// Oldest first.
    pictures: Vec<PictureBody<'static>>,
    /// As in history.
    gaps: Vec<GapBody>,
    /// As in history.
    damaged: Vec<DamagedBody>,
    /// As in history.
    #[schema(value_type = Option<CursorText>)]
    next: Option<String>,
}

/// Which pictures.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PicturesQuery {
    /// Received at or after this time (RFC 3339, UTC).
    #[param(value_type = Option<TimeText>)]
    from: Option<String>,
    /// Received before this time.
    #[param(value_type = Option<TimeText>)]
    to: Option<String>,
    /// Pictures per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<CursorText>)]
    after: Option<String>,
}

/// List a device's pictures
///
/// Read from history, page by page: give `from` to start late.
#[utoipa::path(
    get, path = "/v1/devices/{serial}/pictures", tag = "pictures", operation_id = "list_pictures",
    params(("serial" = inline(SerialText), Path, description = "The device's serial"), PicturesQuery),
    responses((status = 200, description = "A page", body = PicturePageBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    PathOf(serial): PathOf<String>,
    QueryOf(query): QueryOf<PicturesQuery>,
) -> Result<Response, Problem> {
    let serial = serial_of(&serial)?;
    let limit = limit(query.limit, app.settings.page_limit)?;
    let history = HistoryQuery {
        topic: Some(format!("{}/{serial}/pictures", app.names.devices)),
        class: Some(Lane::Normal.as_str().to_owned()),
        from: query.from,
        to: query.to,
        after: query.after,
        ..HistoryQuery::default()
    };
    let checked = history.check(&app, &identity)?;
    page(&app, checked, "pictures", limit, encode).await
}

fn encode(record: &Record) -> Option<Vec<u8>> {
    let picture = serde_json::from_slice(&record.payload).ok()?;
    let body = PictureBody {
        position: record.position.to_string(),
        received: record.received.to_string(),
        source_time: time(record.source_time),
        picture,
    };
    serde_json::to_vec(&body).ok()
}

/// Show a picture
///
/// The path is `/v1/` and the picture's `address`.
#[utoipa::path(
    get, path = "/v1/pictures/{*address}", tag = "pictures", operation_id = "read_picture",
    params(
        ("address" = inline(AddressText), Path, description = "The address after `pictures/`"),
        ("Range" = Option<String>, Header, description = "`bytes=from-to`, one range"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of a copy at hand"),
    ),
    responses(
        (status = 200, description = "The picture; `ETag` is its SHA-256", content(
            (Vec<u8> = "image/jpeg"), (Vec<u8> = "application/octet-stream"),
        )),
        (status = 206, description = "A range of it"),
        (status = 304, description = "The copy at hand is the picture"),
        Usual, Bad, Missing, RangeRefused,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn read(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(address): PathOf<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let address = address_of(&address)?;
    let etag = format!("\"{}\"", address.sha256());
    let size = app.parts.pictures.size(&address).await;
    let size = size.map_err(|error| unreadable(&error))?;
    if has_copy(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let range = wanted_range(&headers, size, &etag)?;
    let content_type = content_type(&app, &address, size).await?;
    let body = content(&app, &address, range.clone().unwrap_or(0..size)).await?;
    let mut response = body.into_response();
    if let Some(range) = range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let part = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        put(&mut response, header::CONTENT_RANGE, &part);
    }
    put(&mut response, header::CONTENT_TYPE, content_type);
    put(&mut response, header::ETAG, &etag);
    put(&mut response, header::ACCEPT_RANGES, "bytes");
    // The address is the hash of the content: it never changes. Only for who may see it.
    put(
        &mut response,
        header::CACHE_CONTROL,
        "private, max-age=31536000, immutable",
    );
    Ok(response)
}

/// Sets a header to plain ASCII.
fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Which bytes are wanted, if not all.
fn wanted_range(headers: &HeaderMap, size: u64, etag: &str) -> Result<Option<Range<u64>>, Problem> {
    // `If-Range` for another content: the range is of no use to the client.
    let same = |value: &HeaderValue| value.as_bytes() == etag.as_bytes();
    if !headers.get(header::IF_RANGE).is_none_or(same) {
        return Ok(None);
    }
    let text = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    match text.map(|text| range(text, size)) {
        Some(Wanted::Unsatisfiable) => Err(outside(size)),
        Some(Wanted::Range(range)) => Ok(Some(range)),
        Some(Wanted::All) | None => Ok(None),
    }
}

/// Some bytes of a picture, within the memory for bodies.
async fn content(app: &App, address: &Address, range: Range<u64>) -> Result<Body, Problem> {
    let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let reserved = app.buffers.reserve(length)?;
    // A picture has at least one byte, so its whole range is a range.
    let bytes = app.parts.pictures.read_range(address, range).await;
    Ok(hold(
        Body::from(bytes.map_err(|error| unreadable(&error))?),
        reserved,
    ))
}

/// An address, with or without its `pictures/`.
pub(crate) fn address_of(text: &str) -> Result<Address, Problem> {
    let below = text.strip_prefix("pictures/").unwrap_or(text);
    let address: Result<Address, _> = format!("pictures/{below}").parse();
    address.map_err(|error| Problem::bad_request(error.to_string()))
}

fn unreadable(error: &ReadError) -> Problem {
    let kind = match error {
        ReadError::Unknown(_) => ProblemKind::NotFound,
        ReadError::Range { .. } => ProblemKind::RangeNotSatisfiable,
        ReadError::Store(_) => ProblemKind::Internal,
    };
    Problem::new(kind, error.to_string())
}

fn outside(size: u64) -> Problem {
    let problem = Problem::new(
        ProblemKind::RangeNotSatisfiable,
        format!("the picture has {size} bytes; the range is not within them"),
    );
    match HeaderValue::from_str(&format!("bytes */{size}")) {
        Ok(value) => problem.with_header(header::CONTENT_RANGE, value),
        Err(_) => problem,
    }
}

fn has_copy(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    tags.is_some_and(|tags| {
        tags.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
    })
}

/// The content type, by how the content begins: the store keeps none.
async fn content_type(app: &App, address: &Address, size: u64) -> Result<&'static str, Problem> {
    const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];
    if size < JPEG.len() as u64 {
        return Ok("application/octet-stream");
    }
    let begins = app
        .parts
        .pictures
        .read_range(address, 0..JPEG.len() as u64)
        .await;
    let is_jpeg = begins.map_err(|error| unreadable(&error))?[..] == JPEG;
    Ok(if is_jpeg {
        "image/jpeg"
    } else {
        "application/octet-stream"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_with_and_without_its_root() {
        let hash = "ab".repeat(32);
        let whole = format!("pictures/ab/{hash}");
        assert_eq!(address_of(&whole).unwrap().as_str(), whole);
        assert_eq!(address_of(&format!("ab/{hash}")).unwrap().as_str(), whole);
        assert!(address_of("../etc/passwd").is_err());
    }
}
