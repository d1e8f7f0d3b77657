//! When a notice is tried again.

use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher13;
use spica_cases::Severity;

/// The wait after the first attempt; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(5);
/// The longest wait by itself.
const LONGEST: Duration = Duration::from_secs(120);
/// The longest wait that the other side can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

/// How long to wait after `attempts` attempts (1 or more), 20 % more or less: which, follows from
/// the key, so that what failed together is not tried together, and a restart decides the same.
/// When the other side asked for more, that counts, up to an hour; for an emergency up to two
/// minutes, since it may mean us no good.
pub(crate) fn wait(
    key: &str,
    attempts: u32,
    asked: Option<Duration>,
    severity: Severity,
) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let plain = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let mut hasher = SipHasher13::new();
    hasher.write(key.as_bytes());
    hasher.write_u32(attempts);
    let permille = u32::try_from(hasher.finish() % 401).unwrap_or_default() + 800;
    let jittered = plain * permille / 1_000;
    let longest = match severity {
        Severity::Emergency => LONGEST,
        _ => LONGEST_ASKED,
    };
    jittered.max(asked.unwrap_or_default().min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(attempts: u32, asked: Option<u64>, severity: Severity) -> f64 {
        let asked = asked.map(Duration::from_secs);
        wait("n:1-1/1", attempts, asked, severity).as_secs_f64()
    }

    #[test]
    fn waits_double_from_five_seconds_to_two_minutes_give_or_take_a_fifth() {
        for (attempts, plain) in [
            (1, 5.0),
            (2, 10.0),
            (3, 20.0),
            (4, 40.0),
            (5, 80.0),
            (6, 120.0),
            (u32::MAX, 120.0),
        ] {
            let waits: Vec<f64> = (0..200)
                .map(|n| wait(&format!("k{n}"), attempts, None, Severity::Low).as_secs_f64())
                .collect();
            assert!(waits.iter().all(|w| (0.8..=1.2).contains(&(w / plain))));
            let spread = |limit: f64| waits.iter().any(|w| (w / plain - 1.0) * limit > 0.15);
            assert!(spread(1.0) && spread(-1.0), "both directions are used");
        }
    }

    #[test]
    fn the_other_side_may_ask_for_longer_but_not_for_ever() {
        assert!((secs(1, Some(60), Severity::High) - 60.0).abs() < 1e-9);
        assert!((secs(1, Some(999_999), Severity::High) - 3_600.0).abs() < 1e-9);
        assert!((secs(1, Some(999_999), Severity::Emergency) - 120.0).abs() < 1e-9);
        assert!(secs(6, Some(0), Severity::Emergency) > 90.0);
        assert!((secs(3, None, Severity::Low) - secs(3, None, Severity::High)).abs() < 1e-9);
    }
}
