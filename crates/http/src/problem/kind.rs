//! The kinds of refusals: for each a stable word, a status and a title.

use axum::http::StatusCode;

/// What kind of refusal it is: a stable word for programs, a status and a title for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The request does not say what it must say.
    BadRequest,
    /// No token, or one that is not known.
    Unauthenticated,
    /// The token's role, or the topic, does not allow it.
    Forbidden,
    /// There is no such thing here.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// What is there stands against it.
    Conflict,
    /// The body, or a part of it, is longer than its limit.
    TooLarge,
    /// The body came too slowly.
    TooSlow,
    /// The body has a type that is not understood here.
    UnsupportedMediaType,
    /// This is for WebSockets of a version that is understood here.
    UpgradeRequired,
    /// The range lies outside of the picture.
    RangeNotSatisfiable,
    /// The journal's queue is full.
    JournalFull,
    /// The journal takes nothing any more.
    JournalFailed,
    /// A limit of this interface is reached.
    Busy,
    /// No outcome within the time limit.
    TimedOut,
    /// The node's partner is active.
    Passive,
    /// The node is stopping.
    Stopping,
    /// Spica's fault.
    Internal,
}

impl ProblemKind {
    /// Every kind, for the documents and their test.
    pub const ALL: [Self; 18] = [
        Self::BadRequest,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::TooLarge,
        Self::TooSlow,
        Self::UnsupportedMediaType,
        Self::UpgradeRequired,
        Self::RangeNotSatisfiable,
        Self::JournalFull,
        Self::JournalFailed,
        Self::Busy,
        Self::TimedOut,
        Self::Passive,
        Self::Stopping,
        Self::Internal,
    ];

    /// The stable word, which is the end of the problem's `type`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        self.entry().1
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.entry().0
    }

    /// The title: the same for every refusal of the kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.entry().2
    }

    /// Whether it may pass by itself: the answer says when to try again.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::JournalFull | Self::Busy | Self::TimedOut | Self::Passive | Self::Stopping
        )
    }

    const fn entry(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest => (
                S::BAD_REQUEST,
                "bad-request",
                "The request cannot be understood",
            ),
            Self::Unauthenticated => (
                S::UNAUTHORIZED,
                "unauthenticated",
                "A valid token is needed",
            ),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Not with this method",
            ),
            Self::Conflict => (S::CONFLICT, "conflict", "What is there stands against it"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
            Self::TooSlow => (S::REQUEST_TIMEOUT, "too-slow", "The body came too slowly"),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Not in this format",
            ),
            Self::UpgradeRequired => (
                S::UPGRADE_REQUIRED,
                "upgrade-required",
                "This is for WebSockets",
            ),
            Self::RangeNotSatisfiable => (
                S::RANGE_NOT_SATISFIABLE,
                "range-not-satisfiable",
                "No such range",
            ),
            Self::JournalFull => (
                S::SERVICE_UNAVAILABLE,
                "journal-full",
                "The journal's queue is full",
            ),
            Self::JournalFailed => (
                S::SERVICE_UNAVAILABLE,
                "journal-failed",
                "The journal takes nothing any more",
            ),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "A limit is reached"),
            Self::TimedOut => (S::SERVICE_UNAVAILABLE, "timed-out", "No outcome in time"),
            Self::Passive => (
                S::SERVICE_UNAVAILABLE,
                "passive",
                "The node's partner is active",
            ),
            Self::Stopping => (S::SERVICE_UNAVAILABLE, "stopping", "The node is stopping"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "An error of the node"),
        }
    }
}
