//! Seeded random workloads on the faulty disk, one step at a time and without threads: the same seed
//! gives the same run. `SPICA_STEPS` sets the number of steps, `SPICA_SEED` the seed.

mod honest;
mod lying;
mod record;
mod rotten;
mod world;

/// How many steps a test makes.
fn steps(default: u64) -> u64 {
    number("SPICA_STEPS").unwrap_or(default)
}

/// The seeds a test runs with.
fn seeds(default: &[u64]) -> Vec<u64> {
    number("SPICA_SEED").map_or_else(|| default.to_vec(), |seed| vec![seed])
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
