//! `/v1/devices`: the registry.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use spica_devices::{Device, Registration, Serial, read_csv};
use spica_views::DeviceError;
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Operator, Reader};
use crate::extract::{FromBody, Json, PathOf, QueryOf, body, json, media_type};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Unsupported, Usual};
use crate::paging::{JsonPage, limit};
use crate::problem::{PartError, Problem, ProblemKind};
use crate::record_json::time;
use crate::state::App;

/// A registered device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct DeviceBody {
    /// Its serial.
    serial: String,
    /// A name for people.
    name: Option<String>,
    /// Whose device it is.
    customer: Option<String>,
    /// Anything else.
    note: Option<String>,
    /// Whether it may talk to a station.
    enabled: bool,
    /// How often it dials in at least, in minutes.
    check_in_minutes: u16,
    /// How long after its interval a check-in counts as missed, in minutes.
    grace_minutes: u16,
    /// Software versions that may talk to a station; empty allows all.
    allowed_versions: Vec<String>,
    /// Since when it is registered.
    registered_at: String,
    /// When a station last accepted it.
    last_check_in: Option<String>,
    /// When its next check-in counts as missed.
    missed_at: Option<String>,
    /// The software it ran at its last check-in.
    software_version: Option<String>,
}

impl From<&Device> for DeviceBody {
    fn from(device: &Device) -> Self {
        let registration = device.registration.clone();
        let minutes =
            u64::from(registration.check_in_minutes) + u64::from(registration.grace_minutes);
        let window = std::time::Duration::from_secs(minutes * 60);
        let missed_at = device.last_check_in.map(|last| last.saturating_add(window));
        Self {
            serial: device.serial.to_string(),
            name: registration.name,
            customer: registration.customer,
            note: registration.note,
            enabled: registration.enabled,
            check_in_minutes: registration.check_in_minutes,
            grace_minutes: registration.grace_minutes,
            allowed_versions: registration.allowed_versions,
            registered_at: device.registered_at.to_string(),
            last_check_in: time(device.last_check_in),
            missed_at: time(missed_at.filter(|_| registration.enabled)),
            software_version: device.software_version.clone(),
        }
    }
}

/// What an operator says about a device. What is not said takes its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Registration)]
pub(crate) struct RegistrationBody {
    /// A name for people, 1 to 200 bytes.
    name: Option<String>,
    /// Whose device it is, 1 to 200 bytes.
    customer: Option<String>,
    /// Anything else, 1 to 2,000 bytes.
    note: Option<String>,
    /// Whether it may talk to a station; true by default.
    enabled: bool,
    /// How often it dials in at least, 1 to 10,080 minutes; 30 by default.
    check_in_minutes: u16,
    /// How long after its interval a check-in counts as missed, 0 to 10,080 minutes; 5 by default.
    grace_minutes: u16,
    /// Software versions that may talk to a station, up to 32; empty (default) allows all.
    allowed_versions: Vec<String>,
}

impl Default for RegistrationBody {
    fn default() -> Self {
        let usual = Registration::default();
        Self {
            name: usual.name,
            customer: usual.customer,
            note: usual.note,
            enabled: usual.enabled,
            check_in_minutes: usual.check_in_minutes,
            grace_minutes: usual.grace_minutes,
            allowed_versions: usual.allowed_versions,
        }
    }
}

impl FromBody for Registration {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        json::<RegistrationBody>(bytes)?.checked()
    }
}

impl RegistrationBody {
    fn checked(self) -> Result<Registration, Problem> {
        let body = self;
        let registration = Registration {
            name: body.name,
            enabled: body.enabled,
            check_in_minutes: body.check_in_minutes,
            grace_minutes: body.grace_minutes,
            customer: body.customer,
            note: body.note,
            allowed_versions: body.allowed_versions,
        };
        let checked = registration.check();
        checked.map_err(|error| part(error.field, error.to_string()))?;
        Ok(registration)
    }
}

/// A device to register.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewDevice)]
pub(crate) struct NewDeviceBody {
    /// 1 to 10 visible ASCII characters without space, /, + and #.
    serial: String,
    #[serde(flatten)]
    #[schema(inline)]
    registration: serde_json::Map<String, serde_json::Value>,
}

/// A device to register, checked.
pub(crate) struct NewDevice {
    serial: Serial,
    registration: Registration,
}

impl FromBody for NewDevice {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let body: NewDeviceBody = json(bytes)?;
        let rest = serde_json::Value::Object(body.registration);
        let registration: RegistrationBody = serde_json::from_value(rest).map_err(|error| {
            Problem::bad_request(format!("the body is not the expected JSON: {error}"))
        })?;
        Ok(Self {
            serial: serial_of(&body.serial)?,
            registration: registration.checked()?,
        })
    }
}

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
    limit: Option<usize>,
}

/// What became of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Imported {
    /// Devices registered or changed.
    imported: usize,
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
    params(("serial" = String, Path, description = "The device's serial")),
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
    params(("serial" = String, Path, description = "The device's serial")),
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
    params(("serial" = String, Path, description = "The device's serial")),
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
    params(("serial" = String, Path, description = "The device's serial")),
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
    params(("serial" = String, Path, description = "The device's serial")),
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
    let devices = app.offload.run(move || import_of(&bytes)).await??;
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
pub(crate) fn import_of(bytes: &[u8]) -> Result<Vec<(Serial, Registration)>, Problem> {
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
