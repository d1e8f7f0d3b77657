//! Quantiles of durations in bounded memory.

use std::time::Duration;

/// Up to how many values quantiles are exact.
pub(crate) const EXACT: usize = 512;
/// Steps of the histogram between a power of two and the next, as a power of two: 32 steps, so that
/// a value is at most 3.2 % too large.
const STEP_BITS: u32 = 5;
/// Steps in all: milliseconds up to 2^40, which is 34 years. What is longer is as long.
const OCTAVES: u32 = 40 - STEP_BITS;
const SLOTS: usize = ((OCTAVES + 1) as usize) << STEP_BITS;

/// Durations: the longest, and quantiles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Durations {
    worst: Duration,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    /// In milliseconds, in no order.
    Exact(Vec<u64>),
    /// How many of each slot.
    Histogram(Box<[u32]>),
}

impl Default for Values {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl Durations {
    pub(crate) fn add(&mut self, duration: Duration) {
        self.worst = self.worst.max(duration);
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        match &mut self.values {
            Values::Histogram(slots) => count(slots, millis),
            Values::Exact(values) if values.len() < EXACT => values.push(millis),
            Values::Exact(values) => {
                let mut slots = vec![0; SLOTS].into_boxed_slice();
                values.iter().for_each(|value| count(&mut slots, *value));
                count(&mut slots, millis);
                self.values = Values::Histogram(slots);
            }
        }
    }

    /// The longest.
    pub(crate) const fn worst(&self) -> Duration {
        self.worst
    }

    /// The shortest duration that `percent` of all do not exceed (nearest rank); none if there is
    /// no duration at all.
    pub(crate) fn quantile(&self, percent: u32) -> Option<Duration> {
        let found = match &self.values {
            Values::Exact(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable();
                let rank = rank(sorted.len() as u64, percent)?;
                sorted.get(usize::try_from(rank).ok()? - 1).copied()?
            }
            Values::Histogram(slots) => {
                let all = slots.iter().map(|n| u64::from(*n)).sum();
                let mut left = rank(all, percent)?;
                let slot = slots.iter().position(|n| {
                    let reached = u64::from(*n) >= left;
                    left = left.saturating_sub((*n).into());
                    reached
                })?;
                highest(slot)
            }
        };
        Some(Duration::from_millis(found).min(self.worst))
    }
}

/// Which of so many values in order a quantile is, from 1 on.
fn rank(all: u64, percent: u32) -> Option<u64> {
    (all > 0).then(|| (all * u64::from(percent)).div_ceil(100).max(1))
}

fn count(slots: &mut [u32], millis: u64) {
    let slot = &mut slots[slot_of(millis)];
    *slot = slot.saturating_add(1);
}

/// Values below 32 have a slot each; then each power of two has 32 of them.
fn slot_of(millis: u64) -> usize {
    let millis = millis.min((1 << (OCTAVES + STEP_BITS)) - 1);
    let octave = (u64::BITS - millis.leading_zeros()).saturating_sub(STEP_BITS + 1);
    // Below `SLOTS`.
    ((u64::from(octave) << STEP_BITS) + (millis >> octave)) as usize
}

/// The largest value in a slot.
fn highest(slot: usize) -> u64 {
    let slot = slot as u64;
    let octave = (slot >> STEP_BITS).saturating_sub(1);
    let step = slot - (octave << STEP_BITS);
    ((step + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slots_are_in_order_and_within_three_percent() {
        let mut last = 0;
        for millis in (0..100_000).chain([1 << 30, (1 << 40) - 1, u64::MAX]) {
            let slot = slot_of(millis);
            assert!(slot >= last && slot < SLOTS);
            last = slot;
            let shown = highest(slot);
            if millis < 1 << 40 {
                assert!(
                    shown >= millis && shown - millis <= millis / 31,
                    "{millis} {shown}"
                );
            }
        }
        assert_eq!(slot_of(u64::MAX), SLOTS - 1);
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_a_sorted_list(
            values in prop::collection::vec(0..10_000_000u64, 0..2 * EXACT),
            percent in 1..=100u32,
        ) {
            let mut durations = Durations::default();
            for value in &values {
                durations.add(Duration::from_millis(*value));
            }
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let at = (sorted.len() * percent as usize).div_ceil(100).max(1) - 1;
            let want = sorted.get(at).copied();
            let got = durations.quantile(percent).map(|d| d.as_millis() as u64);
            if values.len() <= EXACT {
                prop_assert_eq!(got, want);
            } else {
                let (got, want) = (got.unwrap(), want.unwrap());
                prop_assert!(got >= want && got - want <= want / 31, "{} {}", got, want);
            }
            prop_assert_eq!(durations.worst().as_millis() as u64, sorted.last().copied().unwrap_or(0));
        }
    }
}
