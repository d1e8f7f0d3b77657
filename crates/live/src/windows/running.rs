//! An aggregate that only grows, until it is closed and begins anew.

use spica_live_proto::WindowOp;
use spica_model::Timestamp;

use super::Closed;

/// A sum that loses nothing to rounding which the result could show (Neumaier).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    pub(super) fn get(&self) -> f64 {
        // Beyond all numbers the lost part is none.
        if self.sum.is_finite() {
            self.sum + self.lost
        } else {
            self.sum
        }
    }
}

/// Mean and variance, one value at a time (Welford), which can be taken away again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread {
    count: u64,
    mean: f64,
    squares: f64,
}

#[expect(clippy::cast_precision_loss, reason = "a window never has 2^53 values")]
impl Spread {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    /// Takes away a value that was added before.
    pub(super) fn remove(&mut self, value: f64) {
        if self.count <= 1 {
            *self = Self::default();
            return;
        }
        self.count -= 1;
        let delta = value - self.mean;
        self.mean -= delta / self.count as f64;
        self.squares = (self.squares - delta * (value - self.mean)).max(0.0);
    }

    /// Sample variance; 0 for one value.
    pub(super) fn variance(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        self.squares / (self.count - 1) as f64
    }
}

/// Everything that may be asked of some values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) variance: f64,
    pub(super) first: f64,
    pub(super) last: f64,
}

#[expect(clippy::cast_precision_loss, reason = "a window never has 2^53 values")]
impl Summary {
    pub(super) fn results(&self, ops: &[WindowOp]) -> Vec<(WindowOp, f64)> {
        let result = |op| match op {
            WindowOp::Count => self.count as f64,
            WindowOp::Sum => self.sum,
            WindowOp::Min => self.min,
            WindowOp::Max => self.max,
            WindowOp::Mean => self.sum / self.count as f64,
            WindowOp::Variance => self.variance,
            WindowOp::Stdev => self.variance.sqrt(),
            WindowOp::First => self.first,
            WindowOp::Last => self.last,
        };
        ops.iter().map(|op| (*op, result(*op))).collect()
    }
}

/// The values since it was last closed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running {
    summary: Option<(Summary, Timestamp, Timestamp)>,
    sum: Sum,
    spread: Spread,
}

impl Running {
    pub(super) fn count(&self) -> u64 {
        self.summary.map_or(0, |(summary, ..)| summary.count)
    }

    pub(super) fn add(&mut self, value: f64, at: Timestamp) {
        self.sum.add(value);
        self.spread.add(value);
        let (summary, _, to) = self.summary.get_or_insert((Summary::of(value), at, at));
        *to = at;
        summary.count += 1;
        summary.min = summary.min.min(value);
        summary.max = summary.max.max(value);
        summary.last = value;
    }

    /// What it says, if it has any value; it begins anew.
    pub(super) fn close(&mut self, ops: &[WindowOp]) -> Option<Closed> {
        let Self {
            summary,
            sum,
            spread,
        } = std::mem::take(self);
        let (summary, from, to) = summary?;
        let summary = Summary {
            sum: sum.get(),
            variance: spread.variance(),
            ..summary
        };
        Some(Closed {
            results: summary.results(ops),
            from,
            to,
        })
    }
}

impl Summary {
    /// Before `first` is counted.
    const fn of(first: f64) -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: first,
            max: first,
            variance: 0.0,
            first,
            last: first,
        }
    }
}
