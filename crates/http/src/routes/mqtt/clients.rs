//! `/v1/mqtt/clients` and `/v1/mqtt/sessions`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::shown::{ClientBody, ClientPageBody, SessionBody, SessionPageBody};
use super::{PageQuery, audited, control};
use crate::auth::{Caller, Operator, Reader};
use crate::extract::{PathOf, QueryOf};
use crate::openapi::{Bad, Missing, Usual};
use crate::paging::{JsonPage, limit};
use crate::problem::Problem;
use crate::state::App;

/// A page of what there is one more of than fits, if there are more.
fn page<T: Serialize>(
    app: &App,
    name: &str,
    limit: usize,
    items: &[T],
    id: impl Fn(&T) -> &str,
) -> Result<Response, Problem> {
    let mut page = JsonPage::new(name, app.settings.page_bytes.as_usize());
    let fit = items.iter().take(limit);
    for item in fit {
        if page.is_full() {
            break;
        }
        page.push_json(item);
    }
    let shown = page.len();
    let last = shown.checked_sub(1).and_then(|at| items.get(at));
    let next = last.filter(|_| shown < items.len()).map(id);
    page.finish(app, "next", &next)
}

/// List MQTT clients
///
/// Those that are connected to this node.
#[utoipa::path(
    get, path = "/v1/mqtt/clients", tag = "mqtt", operation_id = "list_mqtt_clients",
    params(PageQuery),
    responses((status = 200, description = "A page of them", body = ClientPageBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, Problem> {
    let limit = limit(query.limit, app.settings.page_limit)?;
    let clients = control(&app)?.clients(query.after.as_deref(), limit + 1);
    let clients: Vec<_> = clients.into_iter().map(ClientBody::from).collect();
    page(&app, "clients", limit, &clients, |client| &client.id)
}

/// Show an MQTT client
#[utoipa::path(
    get, path = "/v1/mqtt/clients/{id}", tag = "mqtt", operation_id = "show_mqtt_client",
    params(("id" = String, Path, description = "The client identifier")),
    responses((status = 200, description = "It is connected", body = ClientBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn show(
    State(app): State<App>,
    _: Caller<Reader>,
    PathOf(id): PathOf<String>,
) -> Result<Response, Problem> {
    let client = control(&app)?.client(&id).ok_or_else(|| away(&id))?;
    Ok(axum::Json(ClientBody::from(client)).into_response())
}

/// Cut off an MQTT client
///
/// Its session stays, and it may connect again: a ban, or the removal of its user or token, keeps it
/// out.
#[utoipa::path(
    delete, path = "/v1/mqtt/clients/{id}", tag = "mqtt", operation_id = "kick_mqtt_client",
    params(("id" = String, Path, description = "The client identifier")),
    responses((status = 204, description = "It is cut off"), Usual, Bad, Missing),
    security(("token" = ["operator"])),
)]
pub(crate) async fn kick(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    let station = control(&app)?;
    station.client(&id).ok_or_else(|| away(&id))?;
    audited(&app, &identity, "mqtt.client.kick", &id).await?;
    if station.kick(&id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(away(&id))
    }
}

fn away(id: &str) -> Problem {
    Problem::not_found(format!("no MQTT client {id:?} is connected here"))
}

/// List MQTT sessions
///
/// Also those whose clients are away.
#[utoipa::path(
    get, path = "/v1/mqtt/sessions", tag = "mqtt", operation_id = "list_mqtt_sessions",
    params(PageQuery),
    responses((status = 200, description = "A page of them", body = SessionPageBody), Usual, Bad, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn sessions(
    State(app): State<App>,
    _: Caller<Reader>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, Problem> {
    let limit = limit(query.limit, app.settings.page_limit)?;
    let sessions = control(&app)?.sessions(query.after.as_deref(), limit + 1);
    let sessions: Vec<_> = sessions.into_iter().map(SessionBody::from).collect();
    page(&app, "sessions", limit, &sessions, |session| &session.id)
}

/// End an MQTT session
///
/// With its subscriptions, and all that waits for its client, who is cut off if it is connected.
#[utoipa::path(
    delete, path = "/v1/mqtt/sessions/{id}", tag = "mqtt", operation_id = "end_mqtt_session",
    params(("id" = String, Path, description = "The client identifier")),
    responses((status = 204, description = "It is no more"), Usual, Bad, Missing),
    security(("token" = ["operator"])),
)]
pub(crate) async fn end(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    let station = control(&app)?;
    let missing = || Problem::not_found(format!("there is no MQTT session {id:?}"));
    if !station.has_session(&id) {
        return Err(missing());
    }
    audited(&app, &identity, "mqtt.session.end", &id).await?;
    if station.end(&id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing())
    }
}
