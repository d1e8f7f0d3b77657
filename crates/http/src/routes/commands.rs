//! `/v1/devices/{serial}/commands`: what devices are asked to do.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spica_devices::Command;
use spica_settings::Span;
use spica_views::CommandRequest;
use utoipa::ToSchema;

use crate::auth::{Caller, Operator, Reader};
use crate::command_call::{Arguments, CommandCall, CommandName};
use crate::extract::{FromBody, Json, PathOf, json};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::paging::JsonPage;
use crate::problem::{PartError, Problem};
use crate::record_json::time;
use crate::routes::devices::{created, refused, serial_of};
use crate::schemas::{DurationText, SerialText, StateText, TimeText};
use crate::state::App;
use crate::token::hex;

/// How long a command waits for its device unless the operator says otherwise.
const EXPIRES_IN: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// A command and where it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Command)]
pub(crate) struct CommandBody {
    /// Its number, unique among the device's kept commands.
    id: u16,
    /// What is asked, as the device knows it.
    code: u8,
    /// What is asked, for people.
    name: String,
    /// The arguments in hexadecimal.
    arguments: String,
    /// `queued`, `sent`, `confirmed`, `refused`, `expired` or `cancelled`.
    #[schema(value_type = StateText)]
    state: &'static str,
    /// When it was queued.
    #[schema(value_type = TimeText)]
    queued_at: String,
    /// From when on it is not sent any more.
    #[schema(value_type = TimeText)]
    expires_at: String,
    /// When it was last sent.
    #[schema(value_type = Option<TimeText>)]
    sent_at: Option<String>,
    /// When it was settled.
    #[schema(value_type = Option<TimeText>)]
    settled_at: Option<String>,
    /// How often it was sent.
    attempts: u32,
    /// What the device answered: 0 done, else its reason to refuse.
    result: Option<u8>,
    /// Who asked.
    by: String,
}

impl From<&Command> for CommandBody {
    fn from(command: &Command) -> Self {
        Self {
            id: command.id,
            code: command.code,
            name: command.name.clone(),
            arguments: hex(&command.arguments),
            state: command.state.as_str(),
            queued_at: command.queued_at.to_string(),
            expires_at: command.expires_at.to_string(),
            sent_at: time(command.sent_at),
            settled_at: time(command.settled_at),
            attempts: command.attempts,
            result: command.result,
            by: command.by.clone(),
        }
    }
}

/// A device's commands.
#[derive(Serialize, ToSchema)]
#[schema(as = CommandList)]
pub(crate) struct CommandListBody {
    /// Newest first. Settled ones are kept up to `views.settled_commands_kept`.
    commands: Vec<CommandBody>,
}

/// A command to queue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCommand)]
pub(crate) struct NewCommandBody {
    /// Its name, such as `take-picture`. Either this or `code`.
    name: Option<String>,
    /// Its code. Either this or `name`.
    code: Option<u8>,
    /// Named arguments such as `{"minutes": 15}`, or a string of hexadecimal digits.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    arguments: ArgumentsBody,
    /// How long it may wait for the device, such as `1h`; a second to 30 days, a day by default.
    #[schema(value_type = Option<DurationText>)]
    expires_in: Option<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ArgumentsBody {
    None(()),
    Hex(String),
    Fields(serde_json::Map<String, serde_json::Value>),
}

impl Default for ArgumentsBody {
    fn default() -> Self {
        Self::None(())
    }
}

/// A command to queue, checked as far as that goes without the device's protocol.
pub(crate) struct NewCommand {
    call: CommandCall,
    expires_in: std::time::Duration,
}

impl FromBody for NewCommand {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let body: NewCommandBody = json(bytes)?;
        let command = match (body.name, body.code) {
            (Some(name), None) => CommandName::Name(name),
            (None, Some(code)) => CommandName::Code(code),
            _ => {
                return Err(Problem::bad_request(
                    "exactly one of name and code is needed",
                ));
            }
        };
        let arguments = match body.arguments {
            ArgumentsBody::None(()) => Arguments::Fields(serde_json::Map::new()),
            ArgumentsBody::Hex(hex) => Arguments::Hex(hex),
            ArgumentsBody::Fields(fields) => Arguments::Fields(fields),
        };
        let call = CommandCall { command, arguments };
        Ok(Self {
            call,
            expires_in: body.expires_in.map_or(EXPIRES_IN, Into::into),
        })
    }
}

/// List a device's commands
#[utoipa::path(
    get, path = "/v1/devices/{serial}/commands", tag = "commands", operation_id = "list_commands",
    params(("serial" = inline(SerialText), Path, description = "The device's serial")),
    responses((status = 200, description = "All that are kept", body = CommandListBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(serial): PathOf<String>,
) -> Result<Response, Problem> {
    let serial = serial_of(&serial)?;
    if app.parts.views.device(&serial).is_none() {
        return Err(Problem::not_found(format!("there is no device {serial}")));
    }
    let mut page = JsonPage::new("commands", usize::MAX);
    for command in app.parts.views.commands(&serial) {
        page.push_json(&CommandBody::from(&*command));
    }
    page.close();
    page.into_response(&app)
}

/// Queue a command
///
/// It goes out in the device's connection if there is one, else when it dials in.
#[utoipa::path(
    post, path = "/v1/devices/{serial}/commands", tag = "commands", operation_id = "queue_command",
    params(("serial" = inline(SerialText), Path, description = "The device's serial")),
    request_body = NewCommandBody,
    responses(
        (status = 201, description = "Queued; `Location` says where", body = CommandBody),
        Usual, Bad, Missing, Conflicting, TooLarge,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn queue(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(serial): PathOf<String>,
    Json(NewCommand { call, expires_in }): Json<NewCommand>,
) -> Result<Response, Problem> {
    let serial = serial_of(&serial)?;
    let encoded = app.parts.commands.encode(&call).map_err(|error| {
        let field = Some(error.field.to_owned());
        let part = PartError {
            index: None,
            field,
            detail: error.detail.clone(),
        };
        Problem::bad_request(error.detail).with_errors(vec![part])
    })?;
    let request = CommandRequest {
        code: encoded.code,
        name: encoded.name,
        arguments: encoded.arguments,
        expires_in,
    };
    let queued = app
        .parts
        .devices
        .queue_command(&serial, request, &identity.by())
        .await;
    let command = queued.map_err(refused)?;
    let path = format!("/v1/devices/{serial}/commands/{}", command.id);
    created(&path, axum::Json(CommandBody::from(&*command)))
}

/// Read a command
#[utoipa::path(
    get, path = "/v1/devices/{serial}/commands/{id}", tag = "commands", operation_id = "read_command",
    params(
        ("serial" = inline(SerialText), Path, description = "The device's serial"),
        ("id" = u16, Path, maximum = 65_535, description = "The command's number"),
    ),
    responses((status = 200, description = "The command", body = CommandBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn read(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf((serial, id)): PathOf<(String, u16)>,
) -> Result<axum::Json<CommandBody>, Problem> {
    let serial = serial_of(&serial)?;
    let command = app.parts.views.command(&serial, id);
    let command = command
        .ok_or_else(|| Problem::not_found(format!("device {serial} has no command {id}")))?;
    Ok(axum::Json(CommandBody::from(&*command)))
}

/// Take a command back
///
/// If it was sent already, the device may still do it.
#[utoipa::path(
    delete, path = "/v1/devices/{serial}/commands/{id}", tag = "commands", operation_id = "cancel_command",
    params(
        ("serial" = inline(SerialText), Path, description = "The device's serial"),
        ("id" = u16, Path, maximum = 65_535, description = "The command's number"),
    ),
    responses((status = 200, description = "Cancelled", body = CommandBody), Usual, Bad, Missing, Conflicting),
    security(("token" = ["operator"])),
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf((serial, id)): PathOf<(String, u16)>,
) -> Result<axum::Json<CommandBody>, Problem> {
    let serial = serial_of(&serial)?;
    let cancelled = app
        .parts
        .devices
        .cancel_command(&serial, id, &identity.by())
        .await;
    Ok(axum::Json(CommandBody::from(&*cancelled.map_err(refused)?)))
}
