//! A disk that says it has written what it has not, writes it elsewhere, and lets bits rot. What is
//! lost then cannot all be known, but what is served is right, holes are said, and after a repair
//! the lane goes on.

use std::sync::Arc;

use spica_clock::SharedClock;
use spica_storage::{Fault, FaultyStorage, Storage};

use super::world::World;
use super::{seeds, steps};
use crate::OpenError;
use crate::repair::repair_on;

const LIES: [(Fault, f64); 4] = [
    (Fault::TornWrite, 0.003),
    (Fault::MisdirectedWrite, 0.003),
    (Fault::BitRot, 0.002),
    (Fault::ReadError, 0.002),
];

#[test]
fn what_is_served_is_right_whatever_the_disk_does() {
    for seed in seeds(&[21, 22]) {
        let mut world = begin(seed);
        let (mut repairs, mut lost) = (0, 0);
        for _ in 0..steps(4_000) {
            match world.random.below(1_000) {
                0..450 => world.submit(),
                450..750 => world.commit(),
                750..800 => world.settle(),
                800..850 => world.mark(),
                850..950 => world.follow(),
                950..985 => world.pass_time(),
                _ => {
                    world.die(true);
                    repairs += u64::from(open(&mut world));
                    lost += read(&world);
                }
            }
            if world.has_failed() {
                world.die(true);
                repairs += u64::from(open(&mut world));
            }
            if world.placed.len() > 3_000 {
                world = begin(world.random.next());
            }
        }
        println!("seed {seed}: {lost} damaged records met, {repairs} repairs");
        assert!(lost > 0, "nothing was damaged");
    }
}

fn begin(seed: u64) -> World {
    let mut world = World::new(seed);
    world.keys_may_be_lost = true;
    world.open().unwrap();
    for (lie, chance) in LIES {
        world.disk().set_chance(lie, chance);
    }
    world
}

/// Opens what is there, with a repair if it cannot be opened otherwise; says whether it could not.
/// After a repair a new world begins: places go on far behind the lost ones.
fn open(world: &mut World) -> bool {
    loop {
        match world.open() {
            Ok(report) => {
                world.acknowledged = report.last.0;
                if report.last.0 <= world.placed.len() as u64 {
                    world.forget_after(report.last.0);
                    return false;
                }
                // The proof of an acknowledgement was itself a lie: cannot be.
                panic!("{report}");
            }
            Err(OpenError::Io { .. }) => world.die(false),
            Err(_) => {
                repair(world);
                *world = begin(world.random.next());
                return true;
            }
        }
    }
}

fn repair(world: &mut World) {
    world.disk().calm();
    world.disks = world.disks.each_ref().map(FaultyStorage::kill);
    let storages = world
        .disks
        .each_ref()
        .map(|disk| Arc::new(disk.clone()) as Arc<dyn Storage>);
    let clock: SharedClock = world.clock.clone();
    let report = repair_on(&storages, &clock).unwrap();
    assert!(
        report.after.lanes.iter().all(|lane| lane.refusal.is_none()),
        "{report}"
    );
    let report = world.open().unwrap();
    assert!(report.last.0 > 1 << 32, "{report}");
}

/// Reads everything; returns how many records were said to be damaged.
fn read(world: &World) -> u64 {
    let mut lost = 0;
    // A read that fails ends it.
    let _ = world.read_all(|from, to| lost += to - from + 1);
    lost
}
