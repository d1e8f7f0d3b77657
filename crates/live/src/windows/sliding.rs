//! The last so many values. A new one costs the same however many there are.

use std::collections::VecDeque;

use spica_live_proto::WindowOp;
use spica_model::Timestamp;

use super::Closed;
use super::running::{Spread, Sum, Summary};

/// The window, with what makes each operation cheap.
#[derive(Debug, Clone)]
pub(crate) struct Sliding {
    size: usize,
    values: VecDeque<(f64, Timestamp)>,
    /// The number of the first value.
    first: u64,
    /// Values that may still become the least, with their numbers: rising.
    rising: VecDeque<(u64, f64)>,
    /// Values that may still become the greatest: falling.
    falling: VecDeque<(u64, f64)>,
    sum: Sum,
    spread: Spread,
    /// Values taken away since the sums were last computed anew.
    removed: usize,
}

impl Sliding {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size: size.max(1),
            values: VecDeque::new(),
            first: 0,
            rising: VecDeque::new(),
            falling: VecDeque::new(),
            sum: Sum::default(),
            spread: Spread::default(),
            removed: 0,
        }
    }

    pub(super) fn add(&mut self, value: f64, at: Timestamp, ops: &[WindowOp]) -> Option<Closed> {
        if self.values.len() == self.size {
            self.remove_oldest();
        }
        let number = self.first + self.values.len() as u64;
        while self.rising.back().is_some_and(|(_, it)| *it >= value) {
            self.rising.pop_back();
        }
        self.rising.push_back((number, value));
        while self.falling.back().is_some_and(|(_, it)| *it <= value) {
            self.falling.pop_back();
        }
        self.falling.push_back((number, value));
        self.values.push_back((value, at));
        self.sum.add(value);
        self.spread.add(value);
        self.sum_anew_if_need_be();
        (self.values.len() == self.size)
            .then(|| self.close(ops))
            .flatten()
    }

    fn remove_oldest(&mut self) {
        let Some((gone, _)) = self.values.pop_front() else {
            return;
        };
        for extremes in [&mut self.rising, &mut self.falling] {
            if extremes
                .front()
                .is_some_and(|(number, _)| *number == self.first)
            {
                extremes.pop_front();
            }
        }
        self.first += 1;
        self.sum.add(-gone);
        self.spread.remove(gone);
        self.removed += 1;
    }

    /// Errors of rounding would add up for ever, and a sum beyond all numbers would never come back.
    fn sum_anew_if_need_be(&mut self) {
        let is_sound = self.sum.get().is_finite() && self.spread.variance().is_finite();
        if self.removed < self.size && (is_sound || self.removed == 0) {
            return;
        }
        (self.sum, self.spread, self.removed) = (Sum::default(), Spread::default(), 0);
        for (value, _) in &self.values {
            self.sum.add(*value);
            self.spread.add(*value);
        }
    }

    fn close(&self, ops: &[WindowOp]) -> Option<Closed> {
        let ((first, from), (last, to)) = (*self.values.front()?, *self.values.back()?);
        let summary = Summary {
            count: self.values.len() as u64,
            sum: self.sum.get(),
            min: self.rising.front()?.1,
            max: self.falling.front()?.1,
            variance: self.spread.variance(),
            first,
            last,
        };
        Some(Closed {
            results: summary.results(ops),
            from,
            to,
        })
    }
}
