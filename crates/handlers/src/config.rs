//! What an operator may set about handlers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::{ByteSize, Span};

/// Handlers: the consumers of the journal, such as history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "HandlersSettings")]
pub struct Settings {
    /// Most records that a handler is given at once.
    #[schemars(range(min = 1, max = 65_536))]
    pub batch_records: usize,
    /// How often a record is tried before it becomes a dead letter. What is no record's fault, such
    /// as a full disk, is tried for as long as it takes.
    #[schemars(range(min = 1, max = 1_000))]
    pub attempts: u32,
    /// The pause before the second attempt; it doubles from one to the next.
    #[schemars(extend("x-least" = "1ms", "x-most" = "1h"))]
    pub retry_min: Span,
    /// The longest pause between two attempts.
    #[schemars(extend("x-least" = "1ms", "x-most" = "1h"))]
    pub retry_max: Span,
    /// A handler that is in one call for so long is taken for hung, left behind and made anew.
    #[schemars(extend("x-least" = "100ms", "x-most" = "1d"))]
    pub hang_after: Span,
    /// When a handler has kept nothing of what it does for so long, it is told to. After a crash it
    /// does so much again.
    #[schemars(extend("x-least" = "10ms", "x-most" = "1h"))]
    pub checkpoint_interval: Span,
    /// Most dead letters of one handler. When there are so many, it stands still at the next record
    /// that it cannot handle, until letters are replayed or dropped: nothing is lost.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub dead_letters_max: usize,
    /// How much the payloads in the dead letters of one handler may take in the state tree. Later
    /// letters only say where in the journal their record is.
    pub dead_letters_bytes: ByteSize,
    /// How old the oldest unhandled record of the critical lane may be before that is trouble.
    #[schemars(extend("x-least" = "1s"))]
    pub critical_lag: Span,
    /// How old the oldest unhandled record of the normal lane may be before that is trouble.
    #[schemars(extend("x-least" = "1s"))]
    pub normal_lag: Span,
    /// How often a partner is told how far the handlers are that only run on the active: after a
    /// take-over they handle the records of so long again.
    #[schemars(extend("x-least" = "1s", "x-most" = "1h"))]
    pub place_interval: Span,
    /// The watch over backlogs and the disk.
    pub watch: WatchSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_records: 4_096,
            attempts: 8,
            retry_min: Span::from_millis(100),
            retry_max: Span::from_secs(30),
            hang_after: Span::from_secs(30),
            checkpoint_interval: Span::from_secs(5),
            dead_letters_max: 10_000,
            dead_letters_bytes: ByteSize::mib(64),
            critical_lag: Span::from_secs(10),
            normal_lag: Span::from_mins(5),
            place_interval: Span::from_secs(10),
            watch: WatchSettings::default(),
        }
    }
}

/// The watch over the consumers' backlogs, the journal's growth and the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSettings {
    /// How often it looks.
    #[schemars(extend("x-least" = "100ms", "x-most" = "1h"))]
    pub interval: Span,
    /// Over how long it draws the line by which it says when the disk will be full.
    #[schemars(extend("x-least" = "1min", "x-most" = "7d"))]
    pub window: Span,
    /// Less free space than this on the data directory's disk is trouble.
    pub disk_free: ByteSize,
    /// A disk that will be full within this time is trouble.
    pub disk_full_within: Span,
    /// How old the oldest record may be that a consumer has not done with, before that is trouble.
    /// Handlers have settings of their own.
    pub consumer_lag: Span,
    /// How old the oldest critical record may be that not all consumers have done with, before that
    /// is trouble.
    pub critical_unhandled: Span,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            interval: Span::from_secs(10),
            window: Span::from_mins(30),
            disk_free: ByteSize::gib(1),
            disk_full_within: Span::from_hours(12),
            consumer_lag: Span::from_mins(10),
            critical_unhandled: Span::from_secs(60),
        }
    }
}
