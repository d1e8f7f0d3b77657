//! Who opens a session: known by the request, or by the hello that follows.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderValue, header};
use spica_live_proto::Hello;

use crate::auth::{Identity, authenticate, identify, source};
use crate::problem::{Problem, ProblemKind};
use crate::sessions::ending::Ending;
use crate::state::App;
use crate::token::Role;

/// Whoever asks for a session.
#[derive(Debug)]
pub(crate) struct Guest {
    known: Option<Known>,
    source: Option<IpAddr>,
}

/// Whoever may have one.
#[derive(Debug)]
pub(crate) struct Known {
    /// Who it is.
    pub(crate) identity: Identity,
    /// Their `Authorization`, for calls; none where nobody needs one.
    pub(crate) authorization: Option<HeaderValue>,
}

impl FromRequestParts<App> for Guest {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Self, Problem> {
        check_origin(&head.headers, &app.settings.live.origins)?;
        let authorization = head.headers.get(header::AUTHORIZATION).cloned();
        let known = if app.parts.open || authorization.is_some() {
            let identity = authenticate(head, app)?.require(Role::Reader)?;
            let authorization = authorization.filter(|_| !app.parts.open);
            Some(Known {
                identity,
                authorization,
            })
        } else {
            None
        };
        Ok(Self {
            known,
            source: source(head),
        })
    }
}

impl Guest {
    /// Whether the request has said who it is.
    pub(crate) const fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Who it is, now that they have said hello.
    ///
    /// # Errors
    /// If there is no valid token, or its role is not enough.
    pub(crate) fn introduce(self, app: &App, hello: &Hello) -> Result<Known, Ending> {
        if let Some(known) = self.known {
            return Ok(known);
        }
        let Some(token) = &hello.token else {
            return Err(Ending::Unauthorized("hello has no token"));
        };
        let identity = identify(app, token, self.source)
            .map_err(|_| Ending::Unauthorized("this token is not known, or was revoked"))?
            .require(Role::Reader)
            .map_err(|_| Ending::Unauthorized("this needs a token with the role reader"))?;
        // What was found as a token is plain text.
        let authorization = HeaderValue::from_str(&format!("Bearer {token}")).ok();
        Ok(Known {
            identity,
            authorization,
        })
    }
}

/// A page of this node, a page that the settings name, or no page. A session needs a token, which
/// other pages have no way to know; that they are refused is a second wall.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let own = authority.is_some() && authority == host;
    if own || allowed.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::Forbidden,
        "pages of this origin may not open sessions (http.live.origins)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(origin: Option<&'static str>, allowed: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("spica.example:8080"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        let allowed: Vec<String> = allowed.iter().map(|one| (*one).to_owned()).collect();
        check_origin(&headers, &allowed).is_ok()
    }

    #[test]
    fn programs_own_pages_and_named_pages_may_open_sessions() {
        assert!(checked(None, &[]));
        assert!(checked(Some("https://spica.example:8080"), &[]));
        assert!(checked(
            Some("https://desk.example"),
            &["https://desk.example"]
        ));
        for other in ["https://evil.example", "null", "http://desk.example", ""] {
            assert!(!checked(Some(other), &["https://desk.example"]), "{other}");
        }
    }
}
