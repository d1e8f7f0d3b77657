//! `/v1/devices`: the registry.

mod bodies;
pub(crate) mod import;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use spica_devices::{Registration, Serial};
use spica_views::DeviceError;
use utoipa::{IntoParams, ToSchema};

pub(crate) use self::bodies::NewDevice;
use self::bodies::{DeviceBody, NewDeviceBody, RegistrationBody};
use crate::auth::{Caller, Operator, Reader};
use crate::extract::{Json, PathOf, QueryOf};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::paging::{JsonPage, limit};
use crate::problem::{PartError, Problem, ProblemKind};
use crate::schemas::SerialText;
use crate::state::App;

/// A page of devices.
#[derive(Serialize, ToSchema)]
#[schema(as = DevicePage)]
pub(crate) struct DevicePageBody {
    /// In the order of serials.
    devices: Vec<DeviceBody>,
    /// Give this as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DevicesQuery {
    /// The `next` of the page before.
    after: Option<String>,
    /// Devices per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

/// A serial of a path.
pub(crate) fn serial_of(text: &str) -> Result<Serial, Problem> {
    Serial::new(text).map_err(|error| Problem::bad_request(format!("serial: {error}")))
}

/// What a change of a device was refused for.
pub(crate) fn refused(error: DeviceError) -> Problem {
    let detail = error.to_string();
    let kind = match error {
        DeviceError::Unknown(_) | DeviceError::UnknownCommand { .. } => ProblemKind::NotFound,
        DeviceError::Registration(error) => return part(error.field, detail),
        DeviceError::Request { field, .. } => return part(field, detail),
        DeviceError::Transition(_)
        | DeviceError::TooManyCommands { .. }
        | DeviceError::NoFreeId(_) => ProblemKind::Conflict,
        DeviceError::TopicLimit { .. } => ProblemKind::Busy,
        DeviceError::Submit(error) => return error.into(),
        DeviceError::Commit(error) => return error.into(),
        DeviceError::Stopped => ProblemKind::Stopping,
        DeviceError::Author(_) => ProblemKind::Internal,
        _ => ProblemKind::BadRequest,
    };
    Problem::new(kind, detail)
}

fn part(field: &str, detail: String) -> Problem {
    let error = PartError {
        index: None,
        field: Some(field.to_owned()),
        detail: detail.clone(),
    };
    Problem::bad_request(detail).with_errors(vec![error])
}

fn unknown(serial: Serial) -> Problem {
    Problem::not_found(format!("there is no device {serial}"))
}

/// List devices
#[utoipa::path(
    get, path = "/v1/devices", tag = "devices", operation_id = "list_devices",
    params(DevicesQuery),
    responses((status = 200, description = "A page", body = DevicePageBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    QueryOf(query): QueryOf<DevicesQuery>,
) -> Result<Response, Problem> {
    let limit = limit(query.limit, app.settings.page_limit)?;
    // One more than asked for says whether there is a next page.
    let devices = app.parts.views.devices(query.after.as_deref(), limit + 1);
    let mut page = JsonPage::new("devices", app.settings.page_bytes.as_usize());
    let mut last = None;
    for device in &devices {
        if page.len() == limit || page.is_full() {
            return page.finish(&app, "next", &last);
        }
        page.push_json(&DeviceBody::from(&**device));
        last = Some(device.serial.to_string());
    }
    page.finish(&app, "next", &None::<String>)
}

/// Register a device
#[utoipa::path(
    post, path = "/v1/devices", tag = "devices", operation_id = "add_device",
    request_body = NewDeviceBody,
    responses(
        (status = 201, description = "Registered; `Location` says where", body = DeviceBody),
        Usual, Bad, Conflicting, TooLarge,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn add(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    Json(NewDevice {
        serial,
        registration,
    }): Json<NewDevice>,
) -> Result<Response, Problem> {
    if app.parts.views.device(&serial).is_some() {
        let detail = format!("{serial} is registered already: change it with PUT");
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let added = app
        .parts
        .devices
        .put(serial, registration, &identity.by())
        .await;
    let device = added.map_err(refused)?;
    created(
        &format!("/v1/devices/{serial}"),
        axum::Json(DeviceBody::from(&*device)),
    )
}

/// 201 with the place of what was made.
pub(crate) fn created(path: &str, body: impl IntoResponse) -> Result<Response, Problem> {
    // A serial may have characters that a header or a URL does not like.
    let encoded: String = path
        .chars()
        .map(|c| {
            if is_plain(c) {
                c.to_string()
            } else {
                percent(c)
            }
        })
        .collect();
    let location: Option<(HeaderName, HeaderValue)> = HeaderValue::from_str(&encoded)
        .ok()
        .map(|value| (header::LOCATION, value));
    let mut response = (StatusCode::CREATED, body).into_response();
    response.headers_mut().extend(location);
    Ok(response)
}

const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '.' | '_' | '~')
}

fn percent(c: char) -> String {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes)
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect()
}

/// Read a device
#[utoipa::path(
    get, path = "/v1/devices/{serial}", tag = "devices", operation_id = "read_device",
    params(("serial" = inline(SerialText), Path, description = "The device's serial")),
    responses((status = 200, description = "The device", body = DeviceBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn read(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(serial): PathOf<String>,
) -> Result<axum::Json<DeviceBody>, Problem> {
    let serial = serial_of(&serial)?;
    let device = app
        .parts
        .views
        .device(&serial)
        .ok_or_else(|| unknown(serial))?;
    Ok(axum::Json(DeviceBody::from(&*device)))
}

/// Register a device, or replace its registration
#[utoipa::path(
    put, path = "/v1/devices/{serial}", tag = "devices", operation_id = "put_device",
    params(("serial" = inline(SerialText), Path, description = "The device's serial")),
    request_body = RegistrationBody,
    responses(
        (status = 200, description = "Replaced", body = DeviceBody),
        (status = 201, description = "Registered", body = DeviceBody),
        Usual, Bad, TooLarge,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn put(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(serial): PathOf<String>,
    Json(registration): Json<Registration>,
) -> Result<(StatusCode, axum::Json<DeviceBody>), Problem> {
    let serial = serial_of(&serial)?;
    let known = app.parts.views.device(&serial).is_some();
    let put = app
        .parts
        .devices
        .put(serial, registration, &identity.by())
        .await;
    let device = put.map_err(refused)?;
    let status = if known {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, axum::Json(DeviceBody::from(&*device))))
}

/// Remove a device
///
/// Its registration and commands go; its events and pictures stay.
#[utoipa::path(
    delete, path = "/v1/devices/{serial}", tag = "devices", operation_id = "remove_device",
    params(("serial" = inline(SerialText), Path, description = "The device's serial")),
    responses((status = 204, description = "Removed"), Usual, Bad, Missing),
    security(("token" = ["operator"])),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(serial): PathOf<String>,
) -> Result<StatusCode, Problem> {
    let serial = serial_of(&serial)?;
    app.parts
        .devices
        .remove(&serial, &identity.by())
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a device talk to stations
#[utoipa::path(
    post, path = "/v1/devices/{serial}/enable", tag = "devices", operation_id = "enable_device",
    params(("serial" = inline(SerialText), Path, description = "The device's serial")),
    responses((status = 200, description = "Enabled", body = DeviceBody), Usual, Bad, Missing),
    security(("token" = ["operator"])),
)]
pub(crate) async fn enable(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(serial): PathOf<String>,
) -> Result<axum::Json<DeviceBody>, Problem> {
    switch(&app, &serial, true, &identity.by()).await
}

/// Let a device talk to stations no longer
#[utoipa::path(
    post, path = "/v1/devices/{serial}/disable", tag = "devices", operation_id = "disable_device",
    params(("serial" = inline(SerialText), Path, description = "The device's serial")),
    responses((status = 200, description = "Disabled", body = DeviceBody), Usual, Bad, Missing),
    security(("token" = ["operator"])),
)]
pub(crate) async fn disable(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(serial): PathOf<String>,
) -> Result<axum::Json<DeviceBody>, Problem> {
    switch(&app, &serial, false, &identity.by()).await
}

async fn switch(
    app: &App,
    serial: &str,
    enabled: bool,
    by: &str,
) -> Result<axum::Json<DeviceBody>, Problem> {
    let serial = serial_of(serial)?;
    let device = app
        .parts
        .devices
        .set_enabled(&serial, enabled, by)
        .await
        .map_err(refused)?;
    Ok(axum::Json(DeviceBody::from(&*device)))
}
