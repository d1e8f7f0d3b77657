//! `/v1/mqtt/users`: users of the MQTT station that are kept as records.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spica_model::{Lane, Topic, TopicError};
use spica_mqtt_access::{
    Generated, RANDOM_BYTES, STORED_USERS, StoredUser, StoredUserError, USERS, check_user,
    check_user_name, generate_password, hash_password,
};
use utoipa::ToSchema;

use super::control;
use crate::auth::{Admin, Caller};
use crate::commit::commit;
use crate::extract::{FromBody, Json, PathOf, json as read};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::paging::JsonPage;
use crate::problem::{Problem, ProblemKind};
use crate::routes::devices::created;
use crate::schemas::{SerialText, TimeText};
use crate::state::App;

/// A user, without the password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MqttUser)]
pub(crate) struct UserBody {
    /// The name.
    name: String,
    /// Its roles.
    roles: Vec<String>,
    /// For a device: its serial.
    #[schema(value_type = Option<SerialText>)]
    serial: Option<String>,
    /// The client identifiers that it may connect with; empty for any.
    client_ids: Vec<String>,
    /// When it was made.
    #[schema(value_type = TimeText)]
    created: String,
    /// Its password, if that was made of random bytes just now. It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// All users.
#[derive(Serialize, ToSchema)]
#[schema(as = MqttUserList)]
pub(crate) struct UserListBody {
    /// In the order of their names.
    users: Vec<UserBody>,
}

/// A user to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMqttUser)]
pub(crate) struct NewUserBody {
    /// 1 to 64 of `A-Z a-z 0-9 . _ @ -`.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// 8 to 256 bytes. Only a hash of it is kept. Without it one is made of random bytes, and is in
    /// the answer; a check of such a one costs next to nothing.
    #[schema(min_length = 8, max_length = 256)]
    password: Option<String>,
    /// At least one: `reader`, `operator`, `admin`, `device`, or a role of the access file.
    roles: Vec<String>,
    /// For a device: its serial.
    #[schema(value_type = Option<SerialText>)]
    serial: Option<String>,
    /// The client identifiers that it may connect with, also as `begin*`; empty for any.
    #[serde(default)]
    client_ids: Vec<String>,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMqttPassword)]
pub(crate) struct NewPasswordBody {
    /// 8 to 256 bytes. Only a hash of it is kept. Without it one is made of random bytes, and is in
    /// the answer.
    #[schema(min_length = 8, max_length = 256)]
    password: Option<String>,
}

/// A password that was made here.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeMqttPassword)]
pub(crate) struct MadePasswordBody {
    /// The password. It is shown this once.
    password: String,
}

impl FromBody for NewUserBody {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let body: Self = read(bytes)?;
        check_user_name(&body.name)?;
        Ok(body)
    }
}

impl FromBody for NewPasswordBody {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes)
    }
}

impl From<StoredUserError> for Problem {
    fn from(error: StoredUserError) -> Self {
        Self::bad_request(error.to_string())
    }
}

fn internal(error: &impl ToString) -> Problem {
    Problem::new(ProblemKind::Internal, error.to_string())
}

fn topic(app: &App, name: &str) -> Result<Topic, TopicError> {
    app.names.node.join(&format!("{USERS}/{name}"))
}

/// What is kept of a user.
fn stored(app: &App, name: &str) -> Option<StoredUser> {
    check_user_name(name).ok()?;
    let record = app.parts.views.get(&topic(app, name).ok()?)?;
    serde_json::from_slice(&record.payload).ok()
}

fn shown(name: &str, user: StoredUser) -> UserBody {
    UserBody {
        name: name.to_owned(),
        roles: user.roles,
        serial: user.serial,
        client_ids: user.client_ids,
        created: user.created,
        password: None,
    }
}

/// What is kept of a password, or of one that is made, which is then told. Computed where nobody waits
/// for it.
async fn hashed(
    app: &App,
    password: Option<String>,
) -> Result<(String, String, Option<String>), Problem> {
    let (mut salts, mut random) = ([[0; 16]; 2], [0; RANDOM_BYTES]);
    for bytes in salts
        .iter_mut()
        .map(<[u8; 16]>::as_mut_slice)
        .chain([&mut random[..]])
    {
        getrandom::fill(bytes).map_err(|error| internal(&error))?;
    }
    let work = move || {
        let salts = [&salts[0], &salts[1]];
        let Some(password) = password else {
            let Generated {
                text,
                password,
                scram,
            } = generate_password(&random, salts)?;
            return Ok((password, scram, Some(text)));
        };
        let (hash, scram) = hash_password(&password, salts)?;
        Ok::<_, StoredUserError>((hash, scram, None))
    };
    Ok(app.offload.run(work).await??)
}

/// Writes a user, or its end, and that it was done.
async fn write(
    app: &App,
    author: &crate::facts::Author,
    (action, name, detail): (&str, &str, Value),
    user: Option<&StoredUser>,
) -> Result<(), Problem> {
    let topic = topic(app, name).map_err(|error| internal(&error))?;
    let payload = user.map(|user| json!(user).to_string().into_bytes());
    let fact = author.state(topic, payload);
    let audit = app.audit(author, "mqtt", action, name, detail)?;
    commit(app, Lane::Normal, &[fact.as_new(), audit.as_new()]).await?;
    Ok(())
}

/// List MQTT users
///
/// Those that are kept as records; those of the access file stand there.
#[utoipa::path(
    get, path = "/v1/mqtt/users", tag = "mqtt", operation_id = "list_mqtt_users",
    responses((status = 200, description = "All, without their passwords", body = UserListBody), Usual),
    security(("token" = ["admin"])),
)]
pub(crate) async fn list(State(app): State<App>, _: Caller<Admin>) -> Result<Response, Problem> {
    let root = format!("{}/{USERS}", app.names.node);
    let mut page = JsonPage::new("users", usize::MAX);
    for record in app.parts.views.subtree(&root, None, STORED_USERS + 1) {
        let user = serde_json::from_slice(&record.payload);
        if let (Some(name), Ok(user)) = (record.topic.below(&root), user) {
            page.push_json(&shown(name, user));
        }
    }
    page.close();
    page.into_response(&app)
}

/// Make an MQTT user
#[utoipa::path(
    post, path = "/v1/mqtt/users", tag = "mqtt", operation_id = "add_mqtt_user",
    request_body = NewUserBody,
    responses((status = 201, description = "Made", body = UserBody), Usual, Bad, Missing, Conflicting, TooLarge),
    security(("token" = ["admin"])),
)]
pub(crate) async fn add(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
    Json(body): Json<NewUserBody>,
) -> Result<Response, Problem> {
    let roles = control(&app)?.roles();
    let known = |role: &str| roles.iter().any(|known| known == role);
    check_user(&body.roles, body.serial.as_deref(), &body.client_ids, known)?;
    let conflict = |detail: String| Problem::new(ProblemKind::Conflict, detail);
    if stored(&app, &body.name).is_some() {
        let detail = format!("there is a user {:?} already", body.name);
        return Err(conflict(detail));
    }
    let root = format!("{}/{USERS}", app.names.node);
    if app.parts.views.subtree(&root, None, STORED_USERS).len() >= STORED_USERS {
        let detail = format!("there are {STORED_USERS} users, the limit: remove one first");
        return Err(conflict(detail));
    }
    let (password, scram, made) = hashed(&app, body.password).await?;
    let author = app.author(&identity);
    let user = StoredUser {
        roles: body.roles,
        password,
        scram,
        serial: body.serial,
        client_ids: body.client_ids,
        created: author.at.to_string(),
    };
    let detail = json!({ "roles": user.roles, "serial": user.serial });
    let what = ("mqtt.user.add", body.name.as_str(), detail);
    write(&app, &author, what, Some(&user)).await?;
    let path = format!("/v1/mqtt/users/{}", body.name);
    let told = UserBody {
        password: made,
        ..shown(&body.name, user)
    };
    created(&path, axum::Json(told))
}

/// Give an MQTT user another password
///
/// Its clients that are connected stay.
#[utoipa::path(
    put, path = "/v1/mqtt/users/{name}/password", tag = "mqtt", operation_id = "set_mqtt_password",
    params(("name" = String, Path, description = "The user's name")),
    request_body = NewPasswordBody,
    responses(
        (status = 200, description = "The one that was made holds from now on", body = MadePasswordBody),
        (status = 204, description = "It holds from now on"),
        Usual, Bad, Missing, TooLarge,
    ),
    security(("token" = ["admin"])),
)]
pub(crate) async fn password(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
    PathOf(name): PathOf<String>,
    Json(body): Json<NewPasswordBody>,
) -> Result<Response, Problem> {
    let mut user = stored(&app, &name).ok_or_else(|| missing(&name))?;
    let (hash, scram, made) = hashed(&app, body.password).await?;
    (user.password, user.scram) = (hash, scram);
    let author = app.author(&identity);
    let what = ("mqtt.user.password", name.as_str(), Value::Null);
    write(&app, &author, what, Some(&user)).await?;
    Ok(match made {
        Some(password) => axum::Json(MadePasswordBody { password }).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Remove an MQTT user
///
/// Its clients are cut off within some seconds.
#[utoipa::path(
    delete, path = "/v1/mqtt/users/{name}", tag = "mqtt", operation_id = "remove_mqtt_user",
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 204, description = "Removed"), Usual, Bad, Missing),
    security(("token" = ["admin"])),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
    PathOf(name): PathOf<String>,
) -> Result<StatusCode, Problem> {
    stored(&app, &name).ok_or_else(|| missing(&name))?;
    let author = app.author(&identity);
    let what = ("mqtt.user.remove", name.as_str(), Value::Null);
    write(&app, &author, what, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn missing(name: &str) -> Problem {
    Problem::not_found(format!("there is no MQTT user {name:?}"))
}
