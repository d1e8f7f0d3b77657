//! Values that are computed of many: windows over the numbers of a topic.

mod running;
mod sliding;

use spica_live_proto::{WindowKind, WindowOp, WindowSpec};
use spica_model::{ContentType, Quality, Record, Timestamp};

use self::running::Running;
use self::sliding::Sliding;

/// The most values that one window may span.
pub(crate) const MOST_VALUES: u32 = 10_000;

/// What a closed window says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Closed {
    /// The operations that were asked for, in that order.
    pub(crate) results: Vec<(WindowOp, f64)>,
    /// When the first value was received.
    pub(crate) from: Timestamp,
    /// When the last one was.
    pub(crate) to: Timestamp,
}

/// The window of one topic.
#[derive(Debug, Clone)]
pub(crate) enum Window {
    /// Closes every so many values.
    Tumbling(Running, u64),
    /// Closes at each value.
    Sliding(Box<Sliding>),
    /// Closes when the clock says so.
    Periodic(Running),
    /// Closes when the number of the record has reached the mark, which then moves on.
    Monotonic(Running, u64, u64),
}

impl Window {
    pub(crate) fn new(kind: WindowKind) -> Self {
        match kind {
            WindowKind::Tumbling(size) => Self::Tumbling(Running::default(), u64::from(size)),
            WindowKind::Sliding(size) => Self::Sliding(Box::new(Sliding::new(size as usize))),
            WindowKind::Periodic(_) => Self::Periodic(Running::default()),
            WindowKind::Monotonic(every) => Self::Monotonic(Running::default(), every.max(1), 0),
        }
    }

    /// How many values it keeps at most.
    pub(crate) const fn values(kind: WindowKind) -> usize {
        match kind {
            WindowKind::Sliding(size) => size as usize,
            _ => 1,
        }
    }

    /// Takes the value of the record with the number `seq` of its lane. What it says if that closes
    /// it.
    pub(crate) fn add(
        &mut self,
        value: f64,
        seq: u64,
        at: Timestamp,
        ops: &[WindowOp],
    ) -> Option<Closed> {
        match self {
            Self::Tumbling(running, size) => {
                running.add(value, at);
                (running.count() >= *size)
                    .then(|| running.close(ops))
                    .flatten()
            }
            Self::Sliding(sliding) => sliding.add(value, at, ops),
            Self::Periodic(running) => {
                running.add(value, at);
                None
            }
            Self::Monotonic(running, every, mark) => {
                let next = |seq: u64| (seq / *every).saturating_add(1).saturating_mul(*every);
                if *mark == 0 {
                    *mark = next(seq.saturating_sub(1));
                }
                running.add(value, at);
                if seq < *mark {
                    return None;
                }
                *mark = next(seq);
                running.close(ops)
            }
        }
    }

    /// Closes it by the clock; `None` if it is empty, or not closed that way.
    pub(crate) fn tick(&mut self, ops: &[WindowOp]) -> Option<Closed> {
        match self {
            Self::Periodic(running) => running.close(ops),
            _ => None,
        }
    }
}

/// Why a window is none.
pub(crate) fn check(window: &WindowSpec) -> Result<(), String> {
    let sound = match window.kind {
        WindowKind::Tumbling(size) => size > 0,
        WindowKind::Sliding(size) => (1..=MOST_VALUES).contains(&size),
        WindowKind::Periodic(ms) => (1..=86_400_000).contains(&ms),
        WindowKind::Monotonic(every) => every > 0,
    };
    if !sound {
        return Err(format!(
            "a window has at least one value, a sliding one at most {MOST_VALUES}; a period is 1 ms \
             to a day"
        ));
    }
    if window.ops.is_empty() {
        return Err("a window computes at least one thing".into());
    }
    if !window.field.is_empty() && !window.field.starts_with('/') {
        return Err("field is a JSON pointer: empty, or beginning with /".into());
    }
    Ok(())
}

/// The number in a record's payload; `None` if it is none, or of bad quality.
pub(crate) fn number(record: &Record, field: &str) -> Option<f64> {
    if record.quality == Quality::Bad || record.content_type == ContentType::Bytes {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(&record.payload).ok()?;
    value.pointer(field)?.as_f64()
}

#[cfg(test)]
mod tests;
