//! A straight line through what was measured, and where it leads. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// Most samples of a window; when there are more, every second one is forgotten.
const SAMPLES_MAX: usize = 512;
/// The part of the window that must be covered before anything is said.
const COVERED: f64 = 0.1;

/// Values over a sliding window of time, and the line through them.
#[derive(Debug, Clone)]
pub struct Forecast {
    window: Duration,
    /// Time since some beginning, and value; by time.
    samples: VecDeque<(Duration, f64)>,
    /// Which samples are kept: every so manyth.
    every: usize,
    skipped: usize,
}

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// How it changes, per second.
    pub per_s: f64,
    /// When it will be zero if it goes on like this; none if it does not fall.
    pub reaches_zero_in: Option<Duration>,
}

impl Forecast {
    /// A forecast by what was measured within the last `window`.
    #[must_use]
    pub const fn new(window: Duration) -> Self {
        Self {
            window,
            samples: VecDeque::new(),
            every: 1,
            skipped: 0,
        }
    }

    /// Notes a value that was measured `at` some time since a fixed beginning. Times do not go back.
    pub fn note(&mut self, at: Duration, value: f64) {
        let oldest = at.saturating_sub(self.window);
        while self.samples.front().is_some_and(|(at, _)| *at < oldest) {
            self.samples.pop_front();
        }
        self.skipped += 1;
        if self.skipped < self.every {
            return;
        }
        self.skipped = 0;
        self.samples.push_back((at, value));
        if self.samples.len() > SAMPLES_MAX {
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
            self.every *= 2;
        }
    }

    /// Where it goes by the line of least squares, from the last value on. None before a tenth of the
    /// window is covered by at least three samples.
    #[must_use]
    pub fn trend(&self) -> Option<Trend> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let covered = last.0.saturating_sub(first.0).as_secs_f64();
        if self.samples.len() < 3 || covered < self.window.as_secs_f64() * COVERED {
            return None;
        }
        // Counted from the first sample, so that large times cost no precision.
        let points = || {
            let point = |(at, value): &(Duration, f64)| ((*at - first.0).as_secs_f64(), *value);
            self.samples.iter().map(point)
        };
        let n = self.samples.len() as f64;
        let mean_t = points().map(|(t, _)| t).sum::<f64>() / n;
        let mean_v = points().map(|(_, v)| v).sum::<f64>() / n;
        let spread = points().map(|(t, _)| (t - mean_t).powi(2)).sum::<f64>();
        let joint = points()
            .map(|(t, v)| (t - mean_t) * (v - mean_v))
            .sum::<f64>();
        let per_s = if spread > 0.0 { joint / spread } else { 0.0 };
        let seconds = (per_s < 0.0).then(|| (last.1 / -per_s).max(0.0));
        Some(Trend {
            per_s,
            reaches_zero_in: seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn fed(values: impl IntoIterator<Item = (u64, f64)>) -> Forecast {
        let mut forecast = Forecast::new(HOUR);
        for (at, value) in values {
            forecast.note(Duration::from_secs(at), value);
        }
        forecast
    }

    #[test]
    fn a_disk_that_fills_evenly_is_full_when_the_line_says() {
        // 1 MB/s of 10.8 GB, seen for an hour: 7.2 GB are left, two hours.
        let forecast = fed((0..=360).map(|i| (i * 10, 10.8e9 - i as f64 * 10e6)));
        let trend = forecast.trend().unwrap();
        assert!((trend.per_s + 1e6).abs() < 1.0, "{trend:?}");
        let seconds = trend.reaches_zero_in.unwrap().as_secs_f64();
        assert!((seconds - 7_200.0).abs() < 1.0, "{seconds}");
    }

    #[test]
    fn a_disk_that_empties_or_stands_still_is_never_full() {
        let empties = fed((0..100).map(|i| (i * 60, i as f64)));
        assert_eq!(empties.trend().unwrap().reaches_zero_in, None);
        let stands = fed((0..100).map(|i| (i * 60, 5.0)));
        assert_eq!(stands.trend().unwrap().reaches_zero_in, None);
    }

    #[test]
    fn nothing_is_said_by_a_glance() {
        assert_eq!(fed([]).trend(), None);
        assert_eq!(
            fed([(0, 9.0), (1, 8.0), (2, 7.0)]).trend(),
            None,
            "two seconds of an hour"
        );
        assert_eq!(fed([(0, 9.0), (3_000, 8.0)]).trend(), None, "two samples");
        assert!(fed([(0, 9.0), (200, 8.0), (400, 7.0)]).trend().is_some());
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        // It emptied for a day, and fills since an hour.
        let mut forecast = fed((0..1_440).map(|i| (i * 60, i as f64)));
        for i in 0..=60 {
            forecast.note(Duration::from_secs(86_400 + i * 60), 1_440.0 - i as f64);
        }
        let per_s = forecast.trend().unwrap().per_s;
        assert!((per_s + 1.0 / 60.0).abs() < 1e-3, "{per_s}");
    }

    #[test]
    fn samples_are_bounded() {
        let forecast = fed((0..100_000).map(|i| (i / 100, -(i as f64))));
        assert!(forecast.samples.len() <= SAMPLES_MAX);
        let per_s = forecast.trend().unwrap().per_s;
        assert!((per_s + 100.0).abs() < 1.0, "{per_s}");
    }

    proptest::proptest! {
        #[test]
        fn any_values_are_taken(values in proptest::collection::vec((0u64..10_000, -1e12f64..1e12), 0..200)) {
            let mut values = values;
            values.sort_by_key(|(at, _)| *at);
            if let Some(trend) = fed(values).trend() {
                proptest::prop_assert!(trend.per_s.is_finite());
            }
        }
    }
}
