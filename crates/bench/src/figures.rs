//! Percentiles, processor time and memory.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Latencies of many operations, kept exactly.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    nanos: Vec<u64>,
}

impl Latencies {
    /// Room for `count` latencies without growing.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self {
            nanos: Vec::with_capacity(count),
        }
    }

    /// Notes one.
    pub fn add(&mut self, latency: Duration) {
        self.nanos
            .push(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.nanos.len()
    }

    /// Takes over those of another thread.
    pub fn extend(&mut self, other: Self) {
        self.nanos.extend(other.nanos);
    }

    /// The latencies below which the given shares of all lie, in microseconds; zeros when empty.
    #[must_use]
    pub fn micros<const N: usize>(mut self, shares: [f64; N]) -> [f64; N] {
        self.nanos.sort_unstable();
        shares.map(|share| {
            let last = self.nanos.len().saturating_sub(1);
            let index = (last as f64 * share).round() as usize;
            self.nanos
                .get(index)
                .map_or(0.0, |nanos| round(*nanos as f64 / 1_000.0))
        })
    }
}

/// One decimal is as much as these figures carry.
#[must_use]
pub(crate) fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Processor time and memory of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// User and system time, in seconds.
    pub cpu_s: f64,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
}

impl Usage {
    /// Of this process.
    #[must_use]
    pub fn own() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu_s = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
        Self {
            cpu_s,
            rss_bytes: rss_bytes("self"),
        }
    }

    /// Of another process.
    ///
    /// # Errors
    /// If `/proc` does not know it.
    pub fn of(pid: u32) -> std::io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in parentheses may hold spaces: the fields are counted from behind it.
        let fields: Vec<&str> = match stat.rsplit_once(')') {
            Some((_, rest)) => rest.split_whitespace().collect(),
            None => Vec::new(),
        };
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|f| f.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        let cpu_s = (ticks(11) + ticks(12)) / per_second;
        Ok(Self {
            cpu_s,
            rss_bytes: rss_bytes(&pid.to_string()),
        })
    }
}

fn rss_bytes(pid: &str) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|f| f.parse::<u64>().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_latencies() {
        let mut latencies = Latencies::default();
        (1..=101)
            .rev()
            .for_each(|n| latencies.add(Duration::from_micros(n)));
        assert_eq!(
            latencies.micros([0.0, 0.5, 0.99, 1.0]),
            [1.0, 51.0, 100.0, 101.0]
        );
        assert_eq!(Latencies::default().micros([0.5]), [0.0]);
    }

    #[test]
    fn usage_of_a_process_is_read_by_pid() {
        let own = Usage::of(std::process::id()).unwrap();
        assert!(own.rss_bytes > 0);
        assert!(Usage::own().cpu_s > 0.0);
    }
}
