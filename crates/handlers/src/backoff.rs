//! How long to wait before trying again.

use std::time::Duration;

/// By how much a pause is made longer or shorter, in percent.
const JITTER_PERCENT: u64 = 20;

/// The pause after the failed attempt number `attempt` (from 1): `min`, doubled with each attempt up
/// to `max`, give or take a fifth by `seed`, so that those who failed together do not come back
/// together. At most `max`.
pub(crate) fn pause(attempt: u32, [min, max]: [Duration; 2], seed: u64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let plain = min.saturating_mul(1 << doublings).min(max);
    let percent = 100 - JITTER_PERCENT + mix(seed ^ u64::from(attempt)) % (2 * JITTER_PERCENT + 1);
    let percent = u32::try_from(percent).unwrap_or(100);
    (plain / 100).saturating_mul(percent).min(max)
}

/// The finalizer of SplitMix64: bits that look like chance, the same for the same seed.
const fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(30)];

    #[test]
    fn pauses_double_up_to_the_longest_give_or_take_a_fifth() {
        for (attempt, plain_ms) in [
            (1, 100),
            (2, 200),
            (5, 1_600),
            (20, 30_000),
            (u32::MAX, 30_000),
        ] {
            for seed in 0..100 {
                let ms = pause(attempt, LIMITS, seed).as_millis();
                assert!(ms >= plain_ms * 8 / 10, "{attempt}: {ms} ms");
                assert!(ms <= (plain_ms * 12 / 10).min(30_000), "{attempt}: {ms} ms");
            }
        }
    }

    #[test]
    fn who_fails_together_does_not_come_back_together() {
        let pauses: std::collections::BTreeSet<_> =
            (0..100).map(|seed| pause(3, LIMITS, seed)).collect();
        assert!(pauses.len() > 20, "only {} different pauses", pauses.len());
    }
}
