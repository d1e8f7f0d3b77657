//! `/v1/media`: pictures of all devices by time, and their thumbnails.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use spica_media::{Entry, Query, ThumbnailError};
use spica_model::Timestamp;
use utoipa::{IntoParams, ToSchema};

use super::devices::serial_of;
use super::history::{read, said};
use super::pictures::address_of;
use crate::auth::{Caller, Reader};
use crate::extract::{PathOf, QueryOf};
use crate::openapi::{Bad, Missing, Usual};
use crate::paging::limit;
use crate::problem::{Problem, ProblemKind};
use crate::record_json::time;
use crate::schemas::{AddressText, OrderText, SerialText, TimeText};
use crate::state::App;

/// Which pictures, and how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MediaQuery {
    /// A device's serial; all devices without it.
    #[param(value_type = Option<SerialText>)]
    device: Option<String>,
    /// Received at or after this time (RFC 3339, UTC).
    #[param(value_type = Option<TimeText>)]
    from: Option<String>,
    /// Received before this time.
    #[param(value_type = Option<TimeText>)]
    to: Option<String>,
    /// `newest` (default) or `oldest` first.
    #[param(value_type = Option<OrderText>)]
    order: Option<String>,
    /// Pictures per page, 1 to 1,000; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// The `next` of the page before, with the same order.
    #[param(max_length = 200)]
    after: Option<String>,
}

/// A picture.
#[derive(Serialize, ToSchema)]
#[schema(as = Media)]
pub(crate) struct MediaBody {
    /// The device.
    #[schema(value_type = SerialText)]
    device: String,
    /// When the node had all of it.
    #[schema(value_type = TimeText)]
    received: String,
    /// When it was taken, as the device says.
    #[schema(value_type = Option<TimeText>)]
    source_time: Option<String>,
    /// The device's number for it.
    picture: u32,
    /// Bytes.
    size: u32,
    /// `GET /v1/pictures/` and this shows it; `GET /v1/thumbnails/` and this its thumbnail.
    #[schema(value_type = AddressText)]
    address: String,
    /// What its bytes are, whatever the device says.
    content_type: &'static str,
}

impl From<&Entry> for MediaBody {
    fn from(entry: &Entry) -> Self {
        Self {
            device: entry.place.serial.to_string(),
            received: entry.place.received.to_string(),
            source_time: time(entry.source_time),
            picture: entry.picture,
            size: entry.size,
            address: entry.address.to_string(),
            content_type: entry.content_type(),
        }
    }
}

/// A page of pictures.
#[derive(Serialize, ToSchema)]
#[schema(as = MediaPage)]
pub(crate) struct MediaPageBody {
    /// In the order asked for.
    media: Vec<MediaBody>,
    /// Give this as `after` for the next page; null at the end.
    next: Option<String>,
}

impl MediaQuery {
    fn check(&self, app: &App) -> Result<Query, Problem> {
        let defaults = Query::default();
        let time = |name: &str, text: &Option<String>| {
            read(name, text.as_deref(), |text| {
                said(text.parse::<Timestamp>())
            })
        };
        let newest = |text: &str| match text {
            "newest" => Ok(true),
            "oldest" => Ok(false),
            _ => Err(format!("{text:?} is none of newest, oldest")),
        };
        Ok(Query {
            serial: self.device.as_deref().map(serial_of).transpose()?,
            from: time("from", &self.from)?.unwrap_or(defaults.from),
            to: time("to", &self.to)?.unwrap_or(defaults.to),
            newest_first: read("order", self.order.as_deref(), newest)?.unwrap_or(true),
            after: read("after", self.after.as_deref(), |text| said(text.parse()))?,
            limit: limit(
                self.limit,
                app.settings.page_limit.min(spica_media::PAGE_MAX),
            )?,
        })
    }
}

/// List pictures
///
/// Of one device or all, by an index that follows the journal.
#[utoipa::path(
    get, path = "/v1/media", tag = "pictures", operation_id = "list_media",
    params(MediaQuery),
    responses((status = 200, description = "A page", body = MediaPageBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    QueryOf(query): QueryOf<MediaQuery>,
) -> Result<axum::Json<MediaPageBody>, Problem> {
    let query = query.check(&app)?;
    let worker = app.clone();
    let page = app
        .offload
        .run(move || worker.parts.media.page(&query))
        .await?;
    let page = page.map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    Ok(axum::Json(MediaPageBody {
        media: page.entries.iter().map(MediaBody::from).collect(),
        next: page.next.map(|place| place.to_string()),
    }))
}

/// Show the thumbnail of a picture
#[utoipa::path(
    get, path = "/v1/thumbnails/{*address}", tag = "pictures", operation_id = "read_thumbnail",
    params(("address" = inline(AddressText), Path, description = "The picture's address")),
    responses(
        (status = 200, description = "A JPEG", body = Vec<u8>, content_type = "image/jpeg"),
        Usual, Bad, Missing,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn thumbnail(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(address): PathOf<String>,
) -> Result<Response, Problem> {
    let address = address_of(&address)?;
    let bytes = app.parts.media.thumbnail(&address).await;
    let bytes = bytes.map_err(|error| {
        let kind = match &error {
            ThumbnailError::Unreadable(_) | ThumbnailError::Unknown(_) => ProblemKind::NotFound,
            _ => ProblemKind::Internal,
        };
        Problem::new(kind, error.to_string())
    })?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    // It is made of bytes that never change.
    let forever = HeaderValue::from_static("private, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, forever);
    Ok(response)
}
