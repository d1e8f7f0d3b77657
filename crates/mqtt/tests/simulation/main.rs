//! A strict client and a station's shell around the machine, with a link that is cut and a server
//! that crashes between any two steps, which leaves only what was durable. QoS 1 loses nothing, QoS 2
//! repeats nothing, both ways; order per topic, packet ids, windows, bounds and the low-water place
//! hold. And a station that does it wrong is found.

#[cfg(test)]
mod client;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod random;
#[cfg(test)]
mod server;
#[cfg(test)]
mod world;

/// An error unless it is so.
#[cfg(test)]
macro_rules! ensure {
    ($is_so:expr, $($said:tt)*) => {
        if !$is_so {
            return Err(format!($($said)*));
        }
    };
}
#[cfg(test)]
pub(crate) use ensure;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::server::Plant;
use crate::world::run;

/// Runs within which each planted bug must be found.
#[cfg(test)]
const HUNT: u64 = 3_000;

/// The same runs each time; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` make it others, and more.
#[cfg(test)]
fn runs() -> ProptestConfig {
    let from_outside = std::env::var_os("PROPTEST_RNG_SEED").is_some();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    };
    match from_outside {
        true => config,
        false => ProptestConfig {
            rng_seed: RngSeed::Fixed(6),
            ..config
        },
    }
}

proptest! {
    #![proptest_config(runs())]

    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(seed: u64) {
        prop_assert_eq!(run(seed, None), Ok(()), "seed {}", seed);
    }
}

#[test]
fn what_a_station_does_wrong_is_found() {
    for plant in Plant::ALL {
        let found = (0..HUNT).find_map(|seed| run(seed, Some(plant)).err());
        assert!(found.is_some(), "{plant:?} is not found");
    }
}
