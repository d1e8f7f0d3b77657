//! Latencies, kept exactly: a run has millions at most.

use std::time::Duration;

/// Latencies of many operations, in microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.micros
            .push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) const fn count(&self) -> usize {
        self.micros.len()
    }

    /// The latencies below which the given shares of all lie, in milliseconds; zeros when empty.
    pub(crate) fn ms<const N: usize>(&mut self, shares: [f64; N]) -> [f64; N] {
        self.micros.sort_unstable();
        let last = self.micros.len().saturating_sub(1);
        shares.map(|share| {
            let micros = self.micros.get((last as f64 * share).round() as usize);
            micros.map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_latencies() {
        let mut latencies = Latencies::default();
        (1..=101)
            .rev()
            .for_each(|n| latencies.add(Duration::from_millis(n)));
        assert_eq!(
            latencies.ms([0.0, 0.5, 0.99, 1.0]),
            [1.0, 51.0, 100.0, 101.0]
        );
        assert_eq!(
            (latencies.count(), Latencies::default().ms([0.5])),
            (101, [0.0])
        );
    }
}
