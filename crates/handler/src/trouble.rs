//! Where handlers' trouble is told.

use spica_cases::Severity;

/// A handler fails, crashes, hangs, has missed records or has dead letters.
pub const HANDLER_TROUBLE: &str = "handler-trouble";
/// A handler has as many dead letters as it may, and stands still.
pub const DEAD_LETTERS_FULL: &str = "dead-letters-full";
/// A handler is too far behind.
pub const HANDLER_LAG: &str = "handler-lag";

/// How a condition of the node itself stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What has it, as a topic below the node: `system/handlers/history`.
    pub source: String,
    /// Which condition, such as [`HANDLER_LAG`].
    pub condition: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is there, or gone.
    pub active: bool,
    /// What it is, for people, in one line.
    pub text: String,
}

/// Where trouble is told. Telling the same again changes nothing.
pub trait TroubleSink: Send + Sync + 'static {
    /// Takes note; does not block.
    fn tell(&self, trouble: Trouble);
}
