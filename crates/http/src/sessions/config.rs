//! What an operator may set about how live sessions are reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::{ByteSize, Span};

/// How live sessions are reached: WebSocket, server-sent events, long-poll. What they may ask for is
/// in `[live]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "LiveTransportSettings")]
pub struct LiveSettings {
    /// A client must say who it is within this time after its WebSocket is open.
    #[schemars(extend("x-least" = "100ms"))]
    pub hello_timeout: Span,
    /// Largest frame of a client, and largest body with frames.
    #[schemars(extend("x-least" = "1KiB", "x-most" = "1MiB"))]
    pub client_frame: ByteSize,
    /// How often a session says that it is alive and its token is looked at again. A WebSocket whose
    /// client answers nothing for two and a half times this long is cut.
    #[schemars(extend("x-least" = "100ms"))]
    pub heartbeat: Span,
    /// A session over server-sent events or long-poll that nobody reads ends after this time.
    #[schemars(extend("x-least" = "1s"))]
    pub idle_session: Span,
    /// Frames that are kept for a session over server-sent events or long-poll until its client has
    /// them. While they are more, it is not listened to.
    #[schemars(extend("x-least" = "64KiB"))]
    pub outbox: ByteSize,
    /// Calls of one session in hand at once; more are refused.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_calls: usize,
    /// Largest answer to a call.
    #[schemars(extend("x-least" = "1KiB", "x-most" = "16MiB"))]
    pub call_answer: ByteSize,
    /// Web pages beside this node's own that may open sessions, such as `https://desk.example`.
    pub origins: Vec<String>,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            hello_timeout: Span::from_secs(10),
            client_frame: ByteSize::kib(64),
            heartbeat: Span::from_secs(15),
            idle_session: Span::from_secs(30),
            outbox: ByteSize::kib(512),
            max_calls: 8,
            call_answer: ByteSize::mib(1),
            origins: Vec::new(),
        }
    }
}
