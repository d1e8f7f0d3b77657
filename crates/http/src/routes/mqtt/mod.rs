//! `/v1/mqtt`: the clients, sessions and users of the MQTT station.

pub(crate) mod clients;
mod shown;
pub(crate) mod users;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use spica_model::Lane;
use spica_mqtt_access::MqttControl;
use utoipa::IntoParams;

use crate::auth::{Admin, Caller, Identity};
use crate::commit::commit;
use crate::openapi::{Conflicting, Missing, Usual};
use crate::problem::{Problem, ProblemKind};
use crate::state::App;

use self::shown::ReloadBody;

/// A page of clients or sessions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// The identifier after which the page begins: `next` of the page before.
    after: Option<String>,
    /// Items per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

/// The station.
///
/// # Errors
/// 404 if there is none.
fn control(app: &App) -> Result<&Arc<dyn MqttControl>, Problem> {
    let mqtt = app.parts.mqtt.as_ref().map(|mqtt| &mqtt.control);
    mqtt.ok_or_else(|| {
        Problem::not_found("this node has no MQTT station: its configuration has no [mqtt]")
    })
}

/// Writes down what was done to the station.
async fn audited(
    app: &App,
    identity: &Identity,
    action: &str,
    target: &str,
) -> Result<(), Problem> {
    let author = app.author(identity);
    let audit = app.audit(&author, "mqtt", action, target, serde_json::Value::Null)?;
    commit(app, Lane::Normal, &[audit.as_new()]).await?;
    Ok(())
}

/// Read the access settings and the access file again
///
/// `[mqtt.access]` of the configuration file, and all that it names. With a problem in it, nothing
/// changes, and the answer names all of them with their places. What else has changed in the
/// configuration needs a restart, and is named.
#[utoipa::path(
    post, path = "/v1/mqtt/reload", tag = "mqtt", operation_id = "reload_mqtt_access",
    responses((status = 200, description = "Taken", body = ReloadBody), Usual, Missing, Conflicting),
    security(("token" = ["admin"])),
)]
pub(crate) async fn reload(
    State(app): State<App>,
    Caller(identity, _): Caller<Admin>,
) -> Result<Response, Problem> {
    use axum::response::IntoResponse as _;
    let control = Arc::clone(control(&app)?);
    let work = move || control.reload();
    let reloaded = app.offload.run(work).await?;
    let info = reloaded.map_err(|problems| {
        let detail = format!("nothing has changed: {}", problems.join("; "));
        Problem::new(ProblemKind::Conflict, detail)
    })?;
    let author = app.author(&identity);
    let detail = json!({
        "roles": info.roles, "users": info.users, "needs_restart": info.needs_restart,
    });
    let audit = app.audit(&author, "mqtt", "mqtt.reload", "access", detail)?;
    commit(&app, Lane::Normal, &[audit.as_new()]).await?;
    Ok(axum::Json(ReloadBody::from(info)).into_response())
}
