//! `/`: the page for people.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::state::App;

/// A page with live events, devices and pictures
///
/// It asks for a token and keeps it for the browser tab only.
#[utoipa::path(
    get, path = "/", tag = "health", operation_id = "page",
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
    security(()),
)]
pub(crate) async fn page(State(app): State<App>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, app.page.policy.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (headers, app.page.html.clone())
}
