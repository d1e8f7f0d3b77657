//! When a silent client is gone.

use std::time::Duration;

/// The client's keep-alive: one and a half times its interval may pass between two packets of it
/// [MQTT-3.1.2-22]. Time is steady: since any start, the same for all calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    interval_secs: u16,
    heard: Duration,
}

impl KeepAlive {
    /// From CONNECT on. An interval of 0 is none.
    #[must_use]
    pub const fn new(interval_secs: u16, now: Duration) -> Self {
        Self {
            interval_secs,
            heard: now,
        }
    }

    /// A packet has come, whichever.
    pub fn heard(&mut self, now: Duration) {
        self.heard = self.heard.max(now);
    }

    /// When the client is gone if nothing comes; none without keep-alive.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let allowed = Duration::from_millis(u64::from(self.interval_secs) * 1_500);
        (self.interval_secs > 0).then(|| self.heard + allowed)
    }

    /// Whether the client is gone.
    #[must_use]
    pub fn is_over(&self, now: Duration) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mqtt_3_1_2_22_one_and_a_half_times_the_interval_may_pass() {
        let start = Duration::from_secs(1_000);
        let mut keep_alive = KeepAlive::new(10, start);
        assert!(!keep_alive.is_over(start + Duration::from_millis(14_999)));
        assert!(keep_alive.is_over(start + Duration::from_secs(15)));
        keep_alive.heard(start + Duration::from_secs(14));
        assert_eq!(keep_alive.deadline(), Some(start + Duration::from_secs(29)));
    }

    #[test]
    fn mqtt_3_1_2_24_an_interval_of_zero_is_none() {
        let keep_alive = KeepAlive::new(0, Duration::ZERO);
        assert_eq!(keep_alive.deadline(), None);
        assert!(!keep_alive.is_over(Duration::MAX));
    }
}
