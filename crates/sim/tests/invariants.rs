//! Many seeds of every profile: all invariants hold. More of them, and for longer, with
//! `spica-sim run`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use spica_sim::{Profile, Run, shrink};

/// Seeds per profile. As many as the planted bugs need to be found; see `plants.rs`.
const SEEDS: u64 = 1_000;
/// Seeds of the profile in which all have alarms: each takes as long as several others.
const SEEDS_WITH_ALARMS: u64 = 300;

fn hold_under(name: &str) {
    hold_for(name, SEEDS);
}

fn hold_for(name: &str, seeds: u64) {
    let profile: Profile = name.parse().unwrap();
    let mut acknowledged = 0;
    for seed in 0..seeds {
        let run = Run {
            seed,
            profile,
            plant: None,
        };
        let report = run.run();
        acknowledged += report.acknowledged;
        if report.broken.is_some() {
            panic!("seed {seed}, profile {name}: {:#?}", shrink(&run));
        }
    }
    assert!(
        acknowledged as u64 > 100 * seeds,
        "only {acknowledged} facts were acknowledged"
    );
}

#[test]
fn with_a_witness() {
    hold_under("witness");
}

#[test]
fn alone_is_accepted() {
    hold_under("accept");
}

#[test]
fn alone_is_refused() {
    hold_under("refuse");
}

#[test]
fn with_damage() {
    hold_under("damage");
}

#[test]
fn with_orders() {
    hold_under("orders");
}

#[test]
fn with_single_failures() {
    hold_under("single");
}

#[test]
fn while_calm() {
    hold_under("calm");
}

#[test]
fn with_alarms() {
    hold_for("alarms", SEEDS_WITH_ALARMS);
}

#[test]
fn a_seed_makes_the_same_run_again() {
    for profile in Profile::ALL {
        let run = Run {
            seed: 42,
            profile,
            plant: None,
        };
        let [once, again] = [run.told(run.faults()), run.told(run.faults())];
        assert_eq!(once, again);
        assert_eq!(once.0, run.run(), "to look on changes nothing");
        assert!(once.0.events > 1_000);
    }
}
