//! Two nodes of the real binary that are one: killed, frozen, cut apart and damaged under load.
//! Whatever happens, a record that was acknowledged is there, once, on both.
//!
//! `SPICA_ROUNDS=100 cargo test --release --test pair` for a long run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use spica_fixture::{Ack, NodeIdentity, Pair, Plan, Side, Traffic, at, audit};

/// Generous times: what is proved here must not depend on how busy the machine is.
const SLOW: &str = "pair.heartbeat = \"50ms\"\npair.dead_after = \"600ms\"";
/// Small segments: each start reads them.
const SMALL: &str = "journal.normal.segment_bytes = \"1MiB\"\njournal.critical.segment_bytes = \
                     \"1MiB\"";

fn plan(dir: &Path) -> Plan {
    Plan::new(env!("CARGO_BIN_EXE_spica"), dir)
        .config(SLOW)
        .config(SMALL)
}

fn rounds(few: usize) -> usize {
    std::env::var("SPICA_ROUNDS").map_or(few, |text| text.parse().unwrap())
}

/// Clients that know both nodes.
fn load(pair: &Pair, name: &str) -> Traffic {
    Traffic::start(&pair.pirate().unwrap(), name, 4, None)
}

/// Stops both without letting them say much about it, and compares their books with the clients'.
async fn settle(pair: &mut Pair, acked: &[Ack]) {
    // What was on its way when the clients stopped is on both, too.
    pair.flush().await.unwrap();
    pair.kill(Side::Backup).unwrap();
    pair.kill(Side::Primary).unwrap();
    let audit = audit(pair, acked).unwrap_or_else(|error| panic!("{error}\n{}", pair.logs()));
    let none: &[(String, Side)] = &[];
    assert_eq!(audit.lost, none, "acknowledged and missing");
    assert_eq!(audit.duplicated, none, "there more than once");
    assert_eq!(audit.differ, [], "the journals differ");
    assert!(audit.keyed >= acked.len() && !acked.is_empty());
    for side in [Side::Primary, Side::Backup] {
        let (sound, report) = pair.launch(side).verify().unwrap();
        assert!(sound, "{side}: {report}");
    }
}

/// Files that hold what was put aside from a node's lanes and is not yet entered again.
fn put_aside(pair: &Pair, side: Side) -> Vec<PathBuf> {
    let lanes = ["critical", "normal"].map(|lane| {
        let dir = pair.launch(side).data().join("journal").join(lane);
        std::fs::read_dir(dir).unwrap()
    });
    let files = lanes
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let aside = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("aside-") && !name.ends_with(".done")
    };
    files.filter(aside).collect()
}

async fn until_nothing_is_put_aside(pair: &Pair, side: Side) {
    let none = async {
        while !put_aside(pair, side).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let none = tokio::time::timeout(Duration::from_secs(60), none).await;
    assert!(none.is_ok(), "{}", pair.logs());
}

fn notices(standing: &Value) -> String {
    standing["notices"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_of_two_that_start_serves_and_the_backup_follows() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).start().await.unwrap();
    assert_eq!(pair.active().await.unwrap(), Side::Primary);
    let backup = pair.standing(Side::Backup).await.unwrap();
    assert_eq!(backup["state"], "passive");
    assert_eq!(backup["gate"], "closed");
    let primary = pair.standing(Side::Primary).await.unwrap();
    assert_eq!(primary["gate"], "pair");
    let mut load = load(&pair, "healthy");
    load.goes_on(200).await.unwrap();
    settle(&mut pair, &load.finish().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_active_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).start().await.unwrap();
    let mut load = load(&pair, "kills");
    for round in 0..rounds(3) {
        let active = pair.complete().await.unwrap();
        load.goes_on(100).await.unwrap();
        pair.kill(active).unwrap();
        load.goes_on(100).await.unwrap();
        println!(
            "round {round}: the {active} was killed, {} acknowledged",
            load.count()
        );
        assert_eq!(pair.active().await.unwrap(), active.other());
        pair.start(active).unwrap();
    }
    pair.complete().await.unwrap();
    load.goes_on(50).await.unwrap();
    settle(&mut pair, &load.finish().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_active_goes_on_when_the_passive_is_killed_and_both_are_complete_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).start().await.unwrap();
    let mut load = load(&pair, "passive");
    for _ in 0..rounds(2) {
        let active = pair.complete().await.unwrap();
        load.goes_on(50).await.unwrap();
        pair.kill(active.other()).unwrap();
        load.goes_on(100).await.unwrap();
        let standing = pair.standing(active).await.unwrap();
        assert_eq!(standing["gate"], "solo");
        assert!(notices(&standing).contains("only this node has them"));
        pair.start(active.other()).unwrap();
        assert_eq!(pair.complete().await.unwrap(), active);
        load.goes_on(50).await.unwrap();
    }
    settle(&mut pair, &load.finish().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_switch_over_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).start().await.unwrap();
    let mut load = load(&pair, "planned");
    for _ in 0..rounds(3) {
        let active = pair.complete().await.unwrap();
        load.goes_on(50).await.unwrap();
        pair.switch_over().await.unwrap();
        assert_eq!(pair.active().await.unwrap(), active.other());
        load.goes_on(50).await.unwrap();
    }
    // A node that is asked to stop hands over, too.
    let active = pair.complete().await.unwrap();
    assert_eq!(pair.stop(active).unwrap(), Some(0));
    load.goes_on(50).await.unwrap();
    pair.start(active).unwrap();
    pair.complete().await.unwrap();
    settle(&mut pair, &load.finish().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_witness_only_one_of_two_that_are_cut_apart_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let witness = dir.path().join("witness");
    std::fs::create_dir(&witness).unwrap();
    let witness = format!("pair.witness.url = \"file://{}\"", witness.display());
    let plan = plan(dir.path()).cable().config(&witness);
    let mut pair = plan.start().await.unwrap();
    let mut loads = split_load(&pair).await;
    pair.cable().unwrap().cut();
    let winner = {
        let [primary, backup] = &mut loads;
        tokio::select! {
            went_on = primary.goes_on(100) => went_on.map(|()| Side::Primary),
            went_on = backup.goes_on(100) => went_on.map(|()| Side::Backup),
        }
    };
    let winner = winner.unwrap();
    let standing = pair.standing(winner).await.unwrap();
    assert_eq!(standing["gate"], "solo");
    assert!(notices(&standing).contains("as the witness permits"));
    let loser = winner.other();
    let silent = loads[at(loser)].count();
    loads[at(winner)].goes_on(200).await.unwrap();
    let standing = pair.standing(loser).await.unwrap();
    assert_eq!(standing["gate"], "closed", "{standing}");
    assert_eq!(loads[at(loser)].count(), silent, "only one acknowledges");
    pair.cable().unwrap().heal();
    assert_eq!(pair.complete().await.unwrap(), winner);
    let acked = finish(loads).await;
    settle(&mut pair, &acked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_witness_what_both_took_in_while_cut_apart_is_united() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).cable().start().await.unwrap();
    let mut loads = split_load(&pair).await;
    pair.cable().unwrap().cut();
    for load in &mut loads {
        load.goes_on(100).await.unwrap();
    }
    let acked = finish(loads).await;
    for side in [Side::Primary, Side::Backup] {
        let standing = pair.standing(side).await.unwrap();
        assert_eq!(standing["gate"], "solo", "{side} went on alone");
    }
    pair.cable().unwrap().heal();
    let active = pair.complete().await.unwrap();
    let standing = pair.standing(active).await.unwrap();
    assert!(
        notices(&standing).contains("parted from the active's"),
        "{standing}"
    );
    // What the other one had taken in is in the journal again, and that is said.
    pair.says(active.other(), "is in the journal again")
        .await
        .unwrap();
    until_nothing_is_put_aside(&pair, active.other()).await;
    let said = pair.client(active).unwrap();
    let said = said
        .history("topic=root/system/pair/diverged")
        .await
        .unwrap();
    assert!(!said.is_empty());
    settle(&mut pair, &acked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_active_that_was_frozen_acknowledges_nothing_more_in_its_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).start().await.unwrap();
    let active = pair.complete().await.unwrap();
    let pirate = pair.pirate_of(active).unwrap();
    let mut stubborn = Traffic::start(&pirate, "stubborn", 2, None);
    stubborn.goes_on(50).await.unwrap();
    pair.hub(active).unwrap().freeze().unwrap();
    let frozen = stubborn.count();
    let mut load = load(&pair, "flexible");
    load.goes_on(50).await.unwrap();
    pair.hub(active).unwrap().thaw().unwrap();
    let serves = pair.complete().await.unwrap();
    assert_eq!(serves, active.other(), "{}", pair.logs());
    load.goes_on(50).await.unwrap();
    let standing = pair.standing(active).await.unwrap();
    assert_eq!(standing["state"], "passive");
    // What both had before may have been acknowledged late; nothing that came after.
    assert!(
        stubborn.count() <= frozen + 2,
        "one on its way for each client"
    );
    let mut acked = load.finish().await.unwrap();
    acked.extend(stubborn.finish().await.unwrap());
    settle(&mut pair, &acked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passive_that_is_far_behind_catches_up_while_the_active_serves() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).start().await.unwrap();
    let active = pair.complete().await.unwrap();
    pair.kill(active.other()).unwrap();
    let client = pair.client(active).unwrap();
    for part in 0..behind().div_ceil(1_000) {
        let value =
            |n| json!({ "topic": "root/behind", "kind": "event", "value": part * 1_000 + n });
        let records = Value::Array((0..1_000).map(value).collect());
        let written = client.write(Method::POST, "/v1/records", &records);
        written.await.unwrap();
    }
    let mut load = load(&pair, "serves");
    load.goes_on(20).await.unwrap();
    pair.start(active.other()).unwrap();
    let before = load.count();
    assert_eq!(pair.complete().await.unwrap(), active);
    assert!(load.count() > before, "the active serves meanwhile");
    let acked = load.finish().await.unwrap();
    settle(&mut pair, &acked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_node_never_leads_and_is_repaired_from_its_partner() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).start().await.unwrap();
    let mut load = load(&pair, "damage");
    for damaged in [Side::Backup, Side::Primary] {
        load.goes_on(200).await.unwrap();
        let active = pair.complete().await.unwrap();
        pair.kill(damaged).unwrap();
        load.goes_on(50).await.unwrap();
        flip_a_bit(pair.launch(damaged).data());
        let (sound, _) = pair.launch(damaged).verify().unwrap();
        assert!(!sound, "the bit counts");
        pair.start(damaged).unwrap();
        // In a segment that a start does not read, it is found a little later.
        pair.says(damaged, "the lane was cut").await.unwrap();
        let serves = pair.complete().await.unwrap();
        assert_eq!(serves, damaged.other(), "{active} was active before");
    }
    settle(&mut pair, &load.finish().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_active_that_finds_damage_hands_over_and_is_repaired_from_its_partner() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = plan(dir.path()).start().await.unwrap();
    let mut load = load(&pair, "damage");
    load.goes_on(200).await.unwrap();
    // A node that has just started reads what is old from its disk.
    let damaged = pair.complete().await.unwrap();
    pair.kill(damaged).unwrap();
    load.goes_on(50).await.unwrap();
    pair.start(damaged).unwrap();
    pair.complete().await.unwrap();
    pair.switch_over().await.unwrap();
    assert_eq!(pair.complete().await.unwrap(), damaged);
    // It may have been cut already when it came back: with what it had taken in alone.
    let cuts = |pair: &Pair| {
        pair.launch(damaged)
            .log()
            .matches("the lane was cut")
            .count()
    };
    let before = cuts(&pair);
    flip_a_bit(pair.launch(damaged).data());
    // Who asks for the record finds the damage, if the node has not found it before.
    let client = pair.client(damaged).unwrap();
    let found = async {
        while cuts(&pair) == before {
            // It is busy with its hand-over, or says that it cannot read.
            let _ = client.history("topic=root/damage/1").await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    assert!(found.is_ok(), "{}", pair.logs());
    let serves = pair.complete().await.unwrap();
    assert_eq!(serves, damaged.other(), "{}", pair.logs());
    let said = pair.client(damaged.other()).unwrap();
    let said = said
        .history("topic=root/system/pair/damaged")
        .await
        .unwrap();
    assert_eq!(said.len(), 1, "it said so before it handed over");
    settle(&mut pair, &load.finish().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_are_no_pair_say_why() {
    let identity = |path: &str, side| NodeIdentity {
        node: path.parse().unwrap(),
        side: Some(side),
    };
    let other = |plan: Plan, path, side| plan.identity_of(Side::Backup, identity(path, side));
    let two_primaries = |plan| other(plan, "root", Side::Primary);
    let two_paths = |plan| other(plan, "root/other", Side::Backup);
    let two_topologies = |plan: Plan| plan.config_of(Side::Backup, "pair.heartbeat = \"70ms\"");
    refused(two_primaries, "not this node's partner").await;
    refused(two_paths, "not this node's partner").await;
    refused(two_topologies, "not configured alike").await;
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::new(env!("CARGO_BIN_EXE_spica"), dir.path());
    let mut pair = plan.lay().unwrap();
    std::fs::remove_dir_all(dir.path().join("backup/tls")).unwrap();
    plan.certify(Side::Backup, "foreign").unwrap();
    both_say(&mut pair, "certificate").await;
}

async fn refused(wrong: impl Fn(Plan) -> Plan, reason: &str) {
    let dir = tempfile::tempdir().unwrap();
    let plan = wrong(Plan::new(env!("CARGO_BIN_EXE_spica"), dir.path()));
    both_say(&mut plan.lay().unwrap(), reason).await;
}

async fn both_say(pair: &mut Pair, reason: &str) {
    pair.begin(Side::Primary).unwrap();
    pair.start(Side::Backup).unwrap();
    for side in [Side::Primary, Side::Backup] {
        pair.says(side, reason).await.unwrap();
    }
}

/// Clients of the primary, and clients of the backup, that reach only that one.
async fn split_load(pair: &Pair) -> [Traffic; 2] {
    let active = pair.complete().await.unwrap();
    let mut loads = [Side::Primary, Side::Backup].map(|side| {
        let pirate = pair.pirate_of(side).unwrap();
        Traffic::start(&pirate, &format!("of-{side}"), 2, None)
    });
    loads[at(active)].goes_on(50).await.unwrap();
    assert_eq!(loads[at(active.other())].count(), 0);
    loads
}

async fn finish(loads: [Traffic; 2]) -> Vec<Ack> {
    let mut acked = Vec::new();
    for load in loads {
        acked.extend(load.finish().await.unwrap());
    }
    acked
}

fn behind() -> u64 {
    std::env::var("SPICA_BEHIND").map_or(50_000, |text| text.parse().unwrap())
}

/// Flips one bit in the middle of what a node's normal lane holds.
fn flip_a_bit(data: &Path) {
    let lane = data.join("journal/normal");
    let needle = b"damage/1/5\"";
    for entry in std::fs::read_dir(lane).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes
            .windows(needle.len())
            .position(|window| window == needle);
        if let Some(at) = found {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.write_all_at(&[bytes[at] ^ 0x04], at as u64).unwrap();
            return;
        }
    }
    panic!("no segment holds the record");
}
