//! A disk that loses what was not flushed, fails and fills up, but does not lie: what was
//! acknowledged is there afterwards, all of it, in order, and nothing is damaged. Now and then, one
//! read of an opening is stale.

use spica_storage::Fault;

use super::world::World;
use super::{seeds, steps};
use crate::OpenError;

const FAULTS: [Fault; 5] = [
    Fault::WriteError,
    Fault::SyncError,
    Fault::NoSpace,
    Fault::DirectorySyncError,
    Fault::PowerCut,
];

#[test]
fn what_was_acknowledged_is_recovered() {
    let mut stale = 0;
    for seed in seeds(&[1, 2, 3]) {
        let mut world = World::new(seed);
        open(&mut world);
        for _ in 0..steps(6_000) {
            act(&mut world);
        }
        let counters = world.disk().counters();
        println!(
            "seed {seed}: {} records, {} acknowledged, {} crashes, {} kills, {} faults",
            world.placed.len(),
            world.acknowledged,
            counters.crashes,
            counters.kills,
            counters.injected_in_all(),
        );
        assert!(world.acknowledged > 0);
        stale += counters.injected(Fault::StaleRead);
    }
    assert!(stale > 0, "no read was stale");
}

fn act(world: &mut World) {
    match world.random.below(1_000) {
        0..400 => world.submit(),
        400..700 => world.commit(),
        700..760 => world.settle(),
        760..790 => world.mark(),
        790..900 => world.follow(),
        900..930 => world.cursor(),
        930..950 => world.pass_time(),
        950..962 => {
            let fault = FAULTS[world.random.below(FAULTS.len() as u64) as usize];
            let skip = world.random.below(20);
            world.disk().inject_after(fault, skip);
        }
        962..967 => {
            let bytes = world.random.below(1 << 20);
            world.disk().set_capacity(Some(bytes));
        }
        967..975 => world.disk().set_capacity(None),
        975..985 => reopen(world, true),
        985..995 => reopen(world, false),
        _ => {
            world.close();
            open(world);
        }
    }
    if world.has_failed() {
        let crash = world.random.chance(2);
        reopen(world, crash);
    }
}

fn reopen(world: &mut World, crash: bool) {
    world.die(crash);
    if world.random.chance(2) {
        // One read of the opening finds what was there before the last flush: nothing may be cut or
        // given anew for it.
        let skip = world.random.below(24);
        world.disk().inject_after(Fault::StaleRead, skip);
    }
    open(world);
}

/// Opens and reads everything, if need be after the disk has come to itself.
fn open(world: &mut World) {
    while let Err(error) = try_open(world) {
        assert!(matches!(error, OpenError::Io { .. }), "{error}");
        world.disk().calm();
        world.disk().set_capacity(None);
        let crash = world.random.chance(2);
        world.die(crash);
    }
}

fn try_open(world: &mut World) -> Result<(), OpenError> {
    let report = world.open()?;
    // What did not strike meanwhile is over: readers are told of damage where a read went wrong.
    world.disk().calm();
    assert!(report.damaged.is_empty(), "{report}");
    assert!(
        report.last.0 >= world.acknowledged,
        "{report} but {} was said",
        world.acknowledged
    );
    assert!(report.last.0 <= world.placed.len() as u64, "{report}");
    world.forget_after(report.last.0);
    let read = world.read_all(|from, to| panic!("{from} to {to} are damaged"));
    read.map(drop).map_err(|error| OpenError::Io {
        file: String::new(),
        verb: "read",
        source: std::io::Error::other(error),
    })
}
