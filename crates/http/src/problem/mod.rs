//! Refusals, as RFC 9457 `application/problem+json`.

mod kind;

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use spica_journal::{FollowError, SubmitError};
use utoipa::ToSchema;

pub use self::kind::ProblemKind;

/// What is wrong with one part of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartError {
    /// Which record of the batch or row of the table, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// Which field of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: ProblemKind,
    detail: String,
    errors: Vec<PartError>,
    header: Option<(header::HeaderName, HeaderValue)>,
}

/// The body of a refusal (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:spica:problem:` and the kind, such as `urn:spica:problem:journal-full`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for people.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened in this case, and what to do.
    pub detail: String,
    /// Which parts of the body are wrong; only the first ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<PartError>,
}

/// Prefix of every problem's `type`.
pub const TYPE_PREFIX: &str = "urn:spica:problem:";

/// After how long a client may try again when a limit was reached.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Problem {
    /// A refusal.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            header: None,
        }))
    }

    /// 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, detail)
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Forbidden, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// 503 with `Retry-After`: a limit is reached.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Busy, detail)
    }

    /// 401 with `WWW-Authenticate`.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"spica\"");
        Self::new(ProblemKind::Unauthenticated, detail)
            .with_header(header::WWW_AUTHENTICATE, challenge)
    }

    /// The same refusal with the parts of the body that caused it.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<PartError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The same refusal with one more header.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> ProblemKind {
        self.0.kind
    }

    /// What happened.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let kind = match &error {
            SubmitError::Full { .. } => ProblemKind::JournalFull,
            SubmitError::Limit(_) => ProblemKind::TooLarge,
            SubmitError::Failed(_) => ProblemKind::JournalFailed,
            SubmitError::Passive => ProblemKind::Passive,
            SubmitError::Closed => ProblemKind::Stopping,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<spica_journal::CommitError> for Problem {
    fn from(error: spica_journal::CommitError) -> Self {
        let detail = format!("{error}; nothing of this request was acknowledged");
        Self::new(ProblemKind::JournalFailed, detail)
    }
}

impl From<FollowError> for Problem {
    fn from(error: FollowError) -> Self {
        let kind = match &error {
            FollowError::Beyond { .. } => ProblemKind::BadRequest,
            FollowError::Read { .. } => ProblemKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts {
            kind,
            detail,
            errors,
            header,
        } = *self.0;
        let body = ProblemBody {
            kind: format!("{TYPE_PREFIX}{}", kind.slug()),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail,
            errors,
        };
        // Plain text and numbers: this cannot fail; an empty body would still carry the status.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (kind.status(), bytes).into_response();
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        if kind.may_pass() {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(RETRY_AFTER.as_secs()),
            );
        }
        if let Some((name, value)) = header {
            headers.insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_words_of_their_own() {
        let words: std::collections::HashSet<_> =
            ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(words.len(), ProblemKind::ALL.len());
    }

    #[test]
    fn a_refusal_that_may_pass_says_when_to_come_back() {
        for kind in ProblemKind::ALL {
            let response = Problem::new(kind, "x").into_response();
            assert_eq!(response.status(), kind.status());
            let retry = response.headers().contains_key(header::RETRY_AFTER);
            let passes = kind.status() == 503 && kind != ProblemKind::JournalFailed;
            assert_eq!(retry, passes, "{kind:?}");
        }
    }

    #[test]
    fn a_missing_token_is_challenged() {
        let response = Problem::unauthenticated("x").into_response();
        assert_eq!(
            response.headers()[header::WWW_AUTHENTICATE],
            "Bearer realm=\"spica\""
        );
    }
}
