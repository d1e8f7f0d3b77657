//! Bugs that are planted are found, within seeds that are all clean without them (`invariants.rs`
//! runs the same). A simulator that finds nothing proves nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use spica_sim::{Plant, Profile, Run, shrink};

/// For each bug: the profile that finds it, and within how many seeds.
const FOUND: [(Plant, &str, u64); 24] = [
    (Plant::AckBeforePartner, "witness", 10),
    (Plant::AckFromStaged, "witness", 10),
    (Plant::SkipEpochCheck, "witness", 1_000),
    (Plant::DropSuffix, "accept", 50),
    (Plant::StaleVote, "witness", 700),
    (Plant::EmptyPromise, "witness", 700),
    (Plant::WitnessIgnoresBasis, "witness", 100),
    (Plant::SameEpochAlone, "witness", 50),
    (Plant::DamageHidden, "damage", 700),
    (Plant::NeverStored, "witness", 50),
    (Plant::CursorFirst, "accept", 100),
    (Plant::ReentryWithoutKey, "accept", 100),
    (Plant::ForgetKeys, "witness", 20),
    (Plant::AssumeHistories, "witness", 100),
    (Plant::ShowUncommitted, "witness", 20),
    (Plant::PassiveAcksStaged, "witness", 20),
    (Plant::OwnStamp, "witness", 50),
    (Plant::MarkApart, "alarms", 20),
    (Plant::SendEarly, "alarms", 10),
    (Plant::RestoreWithoutConditions, "alarms", 20),
    (Plant::ForgetNotices, "alarms", 50),
    (Plant::OrderEarly, "alarms", 300),
    (Plant::BeginEarly, "alarms", 50),
    (Plant::ReenterDecisions, "alarms", 100),
];

fn first(plant: Plant, profile: &str, seeds: u64) -> Option<Run> {
    let profile: Profile = profile.parse().unwrap();
    let mut runs = (0..seeds).map(|seed| Run {
        seed,
        profile,
        plant: Some(plant),
    });
    runs.find(|run| run.run().broken.is_some())
}

#[test]
fn every_planted_bug_is_found() {
    for (plant, profile, seeds) in FOUND {
        let found = first(plant, profile, seeds);
        assert!(found.is_some(), "{plant} in {seeds} seeds of {profile}");
    }
}

#[test]
fn the_list_names_every_bug_that_can_be_planted() {
    for plant in Plant::ALL {
        assert!(FOUND.iter().any(|(found, ..)| *found == plant), "{plant}");
        assert_eq!(plant.name().parse(), Ok(plant));
    }
}

#[test]
fn a_failing_run_is_shrunk_to_the_faults_that_it_needs() {
    let run = first(Plant::WitnessIgnoresBasis, "witness", 100).unwrap();
    let (faults, report) = shrink(&run).unwrap();
    let all = run.faults();
    assert!(faults.len() < all.len(), "{faults:?}");
    assert!(faults.iter().all(|fault| all.contains(fault)));
    let broken = |report: spica_sim::Report| report.broken.map(|broken| broken.invariant);
    assert_eq!(broken(report.clone()), broken(run.run()));
    assert_eq!(
        run.with_faults(faults),
        report,
        "the same faults fail again"
    );
}
