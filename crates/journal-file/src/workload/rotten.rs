//! A disk whose bits flip: nothing damaged is ever served, and everything that was acknowledged is
//! either served as it was placed or said to be damaged.

use std::sync::Arc;

use spica_clock::SharedClock;
use spica_storage::{FaultyStorage, Storage};

use super::world::{LANE, World};
use super::{seeds, steps};
use crate::OpenError;
use crate::repair::repair_on;
use crate::verify::verify_on;

/// The most places one flipped bit may cost: those of one batch.
const BATCH_RECORDS: u64 = 4_096 / 12;

#[test]
fn one_flipped_bit_costs_a_batch_at_most_and_is_said() {
    for seed in seeds(&[11, 12]) {
        let mut world = World::new(seed);
        open(&mut world);
        let (mut flips, mut costly) = (0, 0);
        for _ in 0..steps(4_000) {
            if !act(&mut world) {
                continue;
            }
            flips += 1;
            costly += u64::from(flip_and_check(&mut world) > 0);
            world = World::new(world.random.next());
            open(&mut world);
        }
        println!("seed {seed}: {flips} bits, {costly} of them cost records");
        assert!(costly > 0, "nothing was hit");
    }
}

/// Works a while; says when it is time for a bit to flip.
fn act(world: &mut World) -> bool {
    match world.random.below(1_000) {
        0..500 => world.submit(),
        500..800 => world.commit(),
        800..850 => world.settle(),
        850..900 => world.mark(),
        900..940 => world.follow(),
        940..960 => world.pass_time(),
        960..970 => {
            world.close();
            open(world);
        }
        970..980 => {
            world.die(false);
            open(world);
        }
        980..990 => {
            world.die(true);
            open(world);
        }
        _ => return world.acknowledged > 0,
    }
    false
}

fn open(world: &mut World) {
    let report = world.open().unwrap();
    assert!(report.damaged.is_empty(), "{report}");
    world.forget_after(report.last.0);
}

/// Flips a bit: what is served while the journal is open, after it was opened again, and after a
/// repair. Returns how many records were lost.
fn flip_and_check(world: &mut World) -> u64 {
    world.keys_may_be_lost = true;
    let flipped = world.disk().rot().unwrap();
    let mut lost = read(world);
    assert!(lost <= BATCH_RECORDS, "{flipped:?} cost {lost} records");
    if world.random.chance(2) {
        world.close();
    } else {
        let crash = world.random.chance(2);
        world.die(crash);
    }
    let proven = world.proven;
    match world.open() {
        Ok(report) => {
            let last = report.last.0;
            assert!(last >= proven, "{flipped:?}: {proven} was proven\n{report}");
            // What was not proven may look like a torn tail.
            world.acknowledged = world.acknowledged.min(last);
            world.forget_after(last);
            lost = read(world);
            assert!(
                lost <= BATCH_RECORDS,
                "{flipped:?} cost {lost} records\n{report}"
            );
        }
        Err(OpenError::TailDamaged { .. }) => {}
        Err(error) => panic!("{flipped:?}: {error}"),
    }
    world.running = None;
    world.disks = world.disks.each_ref().map(FaultyStorage::kill);
    check_repair(world);
    lost
}

/// Reads everything; returns how many records were said to be damaged.
fn read(world: &World) -> u64 {
    let mut lost = 0;
    world.read_all(|from, to| lost += to - from + 1).unwrap();
    lost
}

fn check_repair(world: &mut World) {
    let storages = world
        .disks
        .each_ref()
        .map(|disk| Arc::new(disk.clone()) as Arc<dyn Storage>);
    let clock: SharedClock = world.clock.clone();
    let before = verify_on(&storages).unwrap();
    let after = repair_on(&storages, &clock).unwrap().after;
    let lanes = before.lanes.iter().zip(&after.lanes);
    for (before, after) in lanes {
        assert!(after.refusal.is_none(), "{}", after.found);
        assert!(after.found.damaged.is_empty(), "{}", after.found);
        assert!(after.found.given_up.len() >= before.found.damaged.len());
    }
    let refused = before.lanes[LANE.index()].refusal.is_some();
    let report = world.open().unwrap();
    assert!(report.damaged.is_empty(), "{report}");
    assert!(
        !refused || report.last.0 > 1 << 32,
        "new records must not take lost places"
    );
    if !refused {
        world.forget_after(report.last.0);
        let _ = read(world);
    }
}
