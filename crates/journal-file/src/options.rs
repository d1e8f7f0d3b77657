//! How a journal is set up.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::Epoch;
use spica_settings::{ByteSize, Span};

use crate::OpenError;
use crate::metrics::Metrics;
use crate::priority::Priorities;

/// What a journal is opened with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What an operator may set.
    pub settings: Settings,
    /// The epoch in which records are placed; `None` for the newest one that the journal has seen.
    pub epoch: Option<Epoch>,
    /// Where it counts and measures.
    pub metrics: Metrics,
}

/// The journal: its two lanes, and how it keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "JournalSettings")]
pub struct Settings {
    /// The lane of life-critical records.
    pub critical: CriticalLane,
    /// The lane of all other records.
    pub normal: NormalLane,
    /// How often the places of consumers are made durable: after a crash, a consumer sees the records
    /// of so long again. 10ms to 1h.
    pub cursor_interval: Span,
    /// How long a lane is idle before it notes durably that all of it was durable. Until then, damage
    /// in its last commit looks like a write that a crash tore. 1ms to 1h.
    pub mark_after: Span,
    /// How much of the sealed segments is verified per second behind the scenes; 0 to verify nothing.
    pub verify_rate: ByteSize,
    /// Which of the journal's threads the processors go to first.
    pub priorities: Priorities,
    /// How long a commit of the normal lane waits at most while critical records are being committed,
    /// or have just been. 0ms to 100ms; 0ms not to wait.
    pub give_way: Span,
}

/// The two lanes have the same settings with defaults of their own, hence one type each.
macro_rules! lane_settings {
    ($(#[$doc:meta])* $name:ident, $lane:literal, {
        $(retention_age: $age:expr, retention_bytes: $bytes:expr, segment_bytes: $segment:expr,
          prepared_segments: $prepared:expr)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// How long records are kept, unless `retention_bytes` is reached before.
            pub retention_age: Span,
            /// How much of the disk the lane's segments may take; the oldest go first. A consumer
            /// that is behind keeps what it still needs, beyond this and beyond `retention_age`.
            pub retention_bytes: ByteSize,
            /// Size of a segment file: what retention removes at once. 8KiB to 256MiB.
            pub segment_bytes: ByteSize,
            /// How many segments are kept ready to be written: room that is still there when the disk
            /// is full. 1 to 64.
            pub prepared_segments: u32,
            /// How much may wait for the disk before submissions are refused.
            pub queue_bytes: ByteSize,
            /// The most that is written by one commit, which the other lane may have to wait for. A
            /// single longer record is written by a commit of its own. 4KiB to 64MiB.
            pub commit_bytes_max: ByteSize,
            /// How much of the newest records is kept in memory for those who follow the lane.
            pub recent_bytes: ByteSize,
            /// How many idempotency keys are remembered; each takes up to 50 bytes of memory.
            pub dedup_keys: u32,
            /// How long idempotency keys are remembered.
            pub dedup_age: Span,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $(retention_age: $age,
                    retention_bytes: $bytes,
                    segment_bytes: $segment,
                    prepared_segments: $prepared,)?
                    queue_bytes: ByteSize::mib(64),
                    commit_bytes_max: ByteSize::mib(1),
                    recent_bytes: ByteSize::mib(8),
                    dedup_keys: 1_000_000,
                    dedup_age: Span::from_days(7),
                }
            }
        }

        impl $name {
            fn limits(&self, common: Common) -> Result<Limits, OpenError> {
                let limits = Limits {
                    retention_age: self.retention_age.as_duration(),
                    retention_bytes: self.retention_bytes.as_u64(),
                    segment_bytes: self.segment_bytes.as_u64(),
                    prepared_segments: self.prepared_segments as usize,
                    queue_bytes: self.queue_bytes.as_usize(),
                    commit_bytes_max: self.commit_bytes_max.as_usize(),
                    recent_bytes: self.recent_bytes.as_usize(),
                    dedup_keys: self.dedup_keys as usize,
                    dedup_age: self.dedup_age.as_duration(),
                    common,
                };
                limits.check($lane)?;
                Ok(limits)
            }
        }
    };
}

lane_settings!(
    /// The lane of life-critical records.
    CriticalLane, "critical", {
        retention_age: Span::from_days(365),
        retention_bytes: ByteSize::gib(4),
        segment_bytes: ByteSize::mib(16),
        prepared_segments: 1
    }
);

lane_settings!(
    /// The lane of all records that are not life-critical.
    NormalLane, "normal", {
        retention_age: Span::from_days(90),
        retention_bytes: ByteSize::gib(16),
        segment_bytes: ByteSize::mib(64),
        prepared_segments: 2
    }
);

impl Default for Settings {
    fn default() -> Self {
        Self {
            critical: CriticalLane::default(),
            normal: NormalLane::default(),
            cursor_interval: Span::from_secs(1),
            mark_after: Span::from_millis(20),
            verify_rate: ByteSize::mib(16),
            priorities: Priorities::default(),
            give_way: Span::from_millis(1),
        }
    }
}

impl Settings {
    /// Small files and tables, for tests that open many journals: segments of 256 KiB, one prepared.
    #[must_use]
    pub fn small() -> Self {
        let mut settings = Self::default();
        settings.critical.segment_bytes = ByteSize::kib(256);
        settings.normal.segment_bytes = ByteSize::kib(256);
        settings.normal.prepared_segments = 1;
        settings.critical.dedup_keys = 10_000;
        settings.normal.dedup_keys = 10_000;
        settings
    }

    /// Says whether all values are allowed and fit together.
    ///
    /// # Errors
    /// [`OpenError::Settings`] with the lane, the setting and what is allowed.
    pub fn validate(&self) -> Result<(), OpenError> {
        self.lanes().map(drop)
    }

    pub(crate) fn lanes(&self) -> Result<[Limits; 2], OpenError> {
        for (name, value, allowed) in [
            (
                "cursor_interval",
                self.cursor_interval,
                Span::from_millis(10)..=Span::from_hours(1),
            ),
            (
                "mark_after",
                self.mark_after,
                Span::from_millis(1)..=Span::from_hours(1),
            ),
            (
                "give_way",
                self.give_way,
                Span::ZERO..=Span::from_millis(100),
            ),
        ] {
            if !allowed.contains(&value) {
                let (least, most) = allowed.into_inner();
                return Err(OpenError::Settings(format!(
                    "{name} is {least} to {most}, not {value}"
                )));
            }
        }
        let common = Common {
            mark_after: self.mark_after.as_duration(),
            cursor_interval: self.cursor_interval.as_duration(),
            verify_rate: self.verify_rate.as_u64(),
        };
        Ok([self.critical.limits(common)?, self.normal.limits(common)?])
    }
}

/// What both lanes have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common {
    pub(crate) mark_after: Duration,
    pub(crate) cursor_interval: Duration,
    /// Bytes per second.
    pub(crate) verify_rate: u64,
}

/// The settings of one lane, checked.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) retention_age: Duration,
    pub(crate) retention_bytes: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) prepared_segments: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) commit_bytes_max: usize,
    pub(crate) recent_bytes: usize,
    pub(crate) dedup_keys: usize,
    pub(crate) dedup_age: Duration,
    pub(crate) common: Common,
}

/// The largest segment is read as a whole when it must be scanned.
const SEGMENT_BYTES: RangeInclusive<u64> = 8 << 10..=256 << 20;
const COMMIT_BYTES: RangeInclusive<usize> = 4 << 10..=64 << 20;
const PREPARED_SEGMENTS: RangeInclusive<usize> = 1..=64;
/// Numbers of keys are 32 bits wide, with room for the difference of any two.
const DEDUP_KEYS_MAX: usize = 1 << 30;

impl Limits {
    fn check(&self, lane: &str) -> Result<(), OpenError> {
        let commit = self.commit_bytes_max;
        for (right, what) in [
            (
                SEGMENT_BYTES.contains(&self.segment_bytes),
                "segment_bytes is 8KiB to 256MiB",
            ),
            (
                COMMIT_BYTES.contains(&commit),
                "commit_bytes_max is 4KiB to 64MiB",
            ),
            (
                self.queue_bytes >= commit,
                "queue_bytes is commit_bytes_max or more",
            ),
            (
                PREPARED_SEGMENTS.contains(&self.prepared_segments),
                "prepared_segments is 1 to 64",
            ),
            (
                self.dedup_keys <= DEDUP_KEYS_MAX,
                "dedup_keys is 1073741824 or less",
            ),
        ] {
            if !right {
                return Err(OpenError::Settings(format!("{lane}.{what}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_allowed_and_each_limit_is_checked() {
        assert!(Settings::default().validate().is_ok());
        assert!(Settings::small().validate().is_ok());
        type Break = fn(&mut Settings);
        let wrong: [(&str, Break); 7] = [
            ("normal.segment_bytes is 8KiB", |s| {
                s.normal.segment_bytes = ByteSize::kib(4);
            }),
            ("critical.commit_bytes_max is 4KiB", |s| {
                s.critical.commit_bytes_max = ByteSize::new(0);
            }),
            ("normal.queue_bytes is commit", |s| {
                s.normal.queue_bytes = ByteSize::kib(9);
            }),
            ("critical.prepared_segments is 1", |s| {
                s.critical.prepared_segments = 0;
            }),
            ("normal.dedup_keys is 1073741824", |s| {
                s.normal.dedup_keys = u32::MAX;
            }),
            ("give_way is 0s to 100ms", |s| {
                s.give_way = Span::from_millis(101);
            }),
            ("cursor_interval is 10ms", |s| {
                s.cursor_interval = Span::from_millis(1);
            }),
        ];
        for (says, break_it) in wrong {
            let mut settings = Settings::default();
            break_it(&mut settings);
            let error = settings.validate().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
