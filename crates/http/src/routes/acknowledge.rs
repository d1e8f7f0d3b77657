//! `/acknowledge/{token}`: the link in a message. Opening it changes nothing, since programs that scan
//! mail open links; the button does.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use spica_alarms::link::Claim;
use spica_cases::{Case, CaseVerb};

use super::cases::{case_of, order};
use crate::extract::PathOf;
use crate::openapi::{Bad, Conflicting, Missing, Refused};
use crate::problem::Problem;
use crate::state::App;

/// What the page may do: nothing but send its own form.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

fn claim(app: &App, token: &str) -> Result<Claim, Problem> {
    let claim = app.parts.desk.claim(token);
    claim.map_err(|error| Problem::forbidden(error.to_string()))
}

/// Show what a link acknowledges
#[utoipa::path(
    get, path = "/acknowledge/{token}", tag = "cases", operation_id = "show_link",
    params(("token" = String, Path, description = "What the message says", max_length = 1_024)),
    responses(
        (status = 200, description = "A page with a button", body = String, content_type = "text/html"),
        Bad, Missing, Refused,
    ),
    security(()),
)]
pub(crate) async fn show(
    State(app): State<App>,
    PathOf(token): PathOf<String>,
) -> Result<Response, Problem> {
    let claim = claim(&app, &token)?;
    let case = case_of(&app, claim.case)?;
    Ok(page(&case, &claim.person, true))
}

/// Acknowledge a case by the link of a message
#[utoipa::path(
    post, path = "/acknowledge/{token}", tag = "cases", operation_id = "follow_link",
    params(("token" = String, Path, description = "What the message says", max_length = 1_024)),
    responses(
        (status = 200, description = "Acknowledged, by whoever was first", body = String, content_type = "text/html"),
        Bad, Missing, Conflicting, Refused,
    ),
    security(()),
)]
pub(crate) async fn follow(
    State(app): State<App>,
    PathOf(token): PathOf<String>,
) -> Result<Response, Problem> {
    let claim = claim(&app, &token)?;
    let by = format!("person:{}", claim.person);
    // Twice is no error: the answer was lost, or another one was first.
    let _ = order(&app, claim.case, CaseVerb::Acknowledge, by, None).await?;
    let case = case_of(&app, claim.case)?;
    Ok(page(&case, &claim.person, false))
}

fn page(case: &Case, person: &str, asks: bool) -> Response {
    let text = escaped(&case.text);
    let what = match &case.acknowledged {
        Some(signature) => format!(
            "<p class=done>Acknowledged by <b>{}</b> at {}.</p>",
            escaped(&signature.by),
            signature.at
        ),
        None if asks => format!(
            "<form method=post><button>I take care of it ({})</button></form>",
            escaped(person)
        ),
        None => String::from("<p>Not acknowledged.</p>"),
    };
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>Case {id}</title><style>\
         body{{font:18px/1.5 system-ui,sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem;\
         color:#222;background:#fff}}button{{font:inherit;font-weight:600;padding:1rem;width:100%;\
         color:#fff;background:#b00020;border:0;border-radius:8px}}.done{{color:#05602a}}\
         @media(prefers-color-scheme:dark){{body{{color:#eee;background:#111}}.done{{color:#7ddc9b}}}}\
         </style><h1>{text}</h1><p>{severity} · {source} · raised {raised} · case {id} · {state}</p>{what}",
        id = case.id,
        severity = case.severity.as_str(),
        source = escaped(&case.source),
        raised = case.raised_at,
        state = case.state().as_str(),
    );
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response()
}

/// Text as HTML shows it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_is_text_and_no_page() {
        assert_eq!(
            escaped("<b a='1'>&\""),
            "&lt;b a=&#39;1&#39;&gt;&amp;&quot;"
        );
    }
}
