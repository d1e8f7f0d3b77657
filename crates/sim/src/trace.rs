//! What happened, for people to read. Off, it costs a comparison.

use std::fmt::Write as _;

use crate::words::{SECOND, Us};

/// What happened, for people to read.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    text: Option<String>,
}

impl Trace {
    /// One that keeps what it is told.
    pub(crate) fn on() -> Self {
        Self {
            text: Some(String::new()),
        }
    }

    /// Notes what `say` says, if anybody listens.
    pub(crate) fn note(&mut self, now: Us, say: impl FnOnce() -> String) {
        if let Some(text) = &mut self.text {
            let (seconds, rest) = (now / SECOND, now % SECOND);
            // Writing to a string does not fail.
            let _ = writeln!(text, "{seconds}.{rest:06} {}", say());
        }
    }

    /// All of it.
    pub(crate) fn text(self) -> String {
        self.text.unwrap_or_default()
    }
}
