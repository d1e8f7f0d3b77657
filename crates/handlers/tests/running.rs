//! Handlers as they run: order, retries, dead letters, crashes, hangs.

mod common;

use common::{World, place, quick};
use spica_handler::memory::{Fault, MemoryFactory};
use spica_handler::{ErrorKind, HandlerControl, MissedKind, State};
use spica_handlers::{Settings, StartError};
use spica_journal::Journal;
use spica_journal::memory::MemoryJournal;
use spica_model::{Lane, Seq};
use spica_role::scripted::Scripted;
use spica_settings::Span;

use Lane::{Critical, Normal};

fn all(count: u64) -> Vec<u64> {
    (1..=count).collect()
}

#[test]
fn each_lane_is_handled_in_order_and_its_cursor_follows() {
    let factory = MemoryFactory::new("counting");
    let world = World::new(&[&factory]);
    world.fill(Normal, 100);
    world.fill(Critical, 40);
    factory.wait(|f| f.given(Normal).len() == 100 && f.given(Critical).len() == 40);
    assert_eq!(factory.given(Normal), all(100));
    assert_eq!(factory.given(Critical), all(40));
    factory.wait(|_| world.status("counting", Normal).cursor == Seq(100));
    factory.wait(|_| {
        let status = world.status("counting", Critical);
        (status.handled, status.lag_records) == (40, 0)
    });
    let cursors = world.journal.cursors();
    assert!(
        cursors
            .iter()
            .any(|cursor| cursor.name == "counting-critical")
    );
}

#[test]
fn a_handler_that_keeps_late_gets_what_it_did_not_keep_again() {
    let factory = MemoryFactory::new("late").on(Normal).keeping_late();
    let settings = Settings {
        checkpoint_interval: Span::from_hours(1),
        ..quick()
    };
    let world = World::with(settings, &[&factory]);
    world.fill(Normal, 20);
    factory.wait(|f| f.handled(Normal).len() == 20);
    assert_eq!(
        world.status("late", Normal).cursor,
        Seq::ZERO,
        "nothing is kept"
    );
    // A stop in order lets it keep everything.
    let world = world.again(quick(), &[&factory]);
    world.fill(Normal, 1);
    factory.wait(|f| f.handled(Normal).len() == 21);
    assert_eq!(factory.given(Normal), all(21));
}

#[test]
fn what_fails_is_tried_again_and_nothing_before_it_is_given_twice() {
    let factory = MemoryFactory::new("flaky").on(Normal);
    factory.fail(Normal, 7, Fault::Error(ErrorKind::Retry), 2);
    let world = World::new(&[&factory]);
    world.fill(Normal, 12);
    factory.wait(|f| f.handled(Normal).len() == 12);
    assert_eq!(
        factory.given(Normal),
        [1, 2, 3, 4, 5, 6, 7, 7, 7, 8, 9, 10, 11, 12]
    );
    let status = world.status("flaky", Normal);
    assert_eq!((status.retries, status.dead_letters), (2, 0));
}

#[test]
fn what_is_no_records_fault_is_tried_for_as_long_as_it_takes() {
    let factory = MemoryFactory::new("full-disk").on(Normal);
    factory.fail(Normal, 3, Fault::Error(ErrorKind::Unavailable), 50);
    let world = World::new(&[&factory]);
    world.fill(Normal, 5);
    factory.wait(|f| f.handled(Normal).len() == 5);
    assert_eq!(world.status("full-disk", Normal).dead_letters, 0);
}

#[test]
fn a_record_that_cannot_be_handled_becomes_a_dead_letter_that_survives_a_restart() {
    let factory = MemoryFactory::new("picky").on(Normal);
    factory.fail(Normal, 2, Fault::Error(ErrorKind::Retry), 3);
    factory.fail(Normal, 4, Fault::Error(ErrorKind::Refuse), u32::MAX);
    let world = World::new(&[&factory]);
    world.fill(Normal, 6);
    // The two letters are records of the normal lane, too.
    factory.wait(|f| f.handled(Normal) == [1, 3, 5, 6, 7, 8]);
    factory.wait(|_| world.told.last("handler-trouble") == Some(true));
    let world = world.again(quick(), &[&factory]);
    factory.wait(|_| world.status("picky", Normal).dead_letters == 2);
    let page = world.handlers.dead_letters("picky", None, 10).unwrap();
    let attempts: Vec<_> = page
        .letters
        .iter()
        .map(|l| (l.id().to_string(), l.attempts))
        .collect();
    assert_eq!(
        attempts,
        [("normal-2".to_owned(), 3), ("normal-4".to_owned(), 1)]
    );
    assert_eq!(
        page.letters[0].record.payload,
        &b"1"[..],
        "as the journal has it"
    );
    assert!(world.state("root/handlers/picky/dead/normal-4").is_some());
}

#[test]
fn a_handler_with_as_many_letters_as_may_be_stands_still_and_loses_nothing() {
    let factory = MemoryFactory::new("choking").on(Critical);
    for seq in [1, 2, 3] {
        factory.fail(Critical, seq, Fault::Error(ErrorKind::Refuse), u32::MAX);
    }
    let settings = Settings {
        dead_letters_max: 2,
        ..quick()
    };
    let world = World::with(settings, &[&factory]);
    world.fill(Critical, 5);
    world.wait_state(&factory, "choking", Critical, State::Blocked);
    factory.wait(|_| world.told.last("dead-letters-full") == Some(true));
    let status = world.status("choking", Critical);
    assert_eq!(
        (status.through, status.cursor, status.dead_letters),
        (Seq(2), Seq(2), 2)
    );
    let id = "critical-1".parse().unwrap();
    let which = spica_handler::Which::One(id);
    let dropped = world
        .handlers
        .drop_dead("choking", which, "operator:alice", "known");
    assert_eq!(dropped, Ok(1));
    factory.wait(|f| f.handled(Critical) == [4, 5]);
    factory.wait(|_| world.told.last("dead-letters-full") == Some(false));
    assert_eq!(world.status("choking", Critical).dead_letters, 2);
}

#[test]
fn a_record_about_handlers_that_cannot_be_handled_makes_no_letter() {
    let factory = MemoryFactory::new("looping").on(Normal);
    let world = World::new(&[&factory]);
    let at = place(
        &world.journal,
        Normal,
        "root/handlers/other/dead/normal-1",
        b"{}",
    );
    factory.fail(Normal, at.0 + 1, Fault::Error(ErrorKind::Refuse), u32::MAX);
    place(
        &world.journal,
        Normal,
        "root/handlers/other/dead/normal-2",
        b"{}",
    );
    world.fill(Normal, 1);
    factory.wait(|f| f.handled(Normal) == [1, 3]);
    assert_eq!(world.status("looping", Normal).dead_letters, 0);
    assert!(world.status("looping", Normal).last_error.is_some());
}

#[test]
fn a_handler_that_crashes_is_made_anew_and_told_of() {
    let factory = MemoryFactory::new("fragile").on(Normal);
    factory.fail(Normal, 5, Fault::Panic, 1);
    let world = World::new(&[&factory]);
    world.fill(Normal, 20);
    factory.wait(|f| f.handled(Normal).len() == 20);
    assert_eq!(factory.made(), 2);
    assert_eq!(world.status("fragile", Normal).restarts, 1);
    factory.wait(|_| world.told.last("handler-trouble") == Some(true));
}

#[test]
fn a_record_that_handlers_keep_dying_of_becomes_a_dead_letter() {
    let factory = MemoryFactory::new("mortal").on(Normal);
    factory.fail(Normal, 5, Fault::Panic, u32::MAX);
    let world = World::new(&[&factory]);
    world.fill(Normal, 20);
    factory.wait(|f| f.handled(Normal).contains(&20));
    assert!(!factory.handled(Normal).contains(&5));
    let page = world.handlers.dead_letters("mortal", None, 10).unwrap();
    assert_eq!(page.letters.len(), 1);
    assert_eq!(page.letters[0].id().seq, Seq(5));
    assert!(
        page.letters[0].error.contains("crashed"),
        "{}",
        page.letters[0].error
    );
    // Once in a batch, then alone.
    assert_eq!(world.status("mortal", Normal).restarts, 4);
}

#[test]
fn a_handler_that_hangs_is_left_behind_and_delays_nobody_else() {
    let (stuck, other) = (MemoryFactory::new("stuck"), MemoryFactory::new("other"));
    stuck.fail(Normal, 3, Fault::Hang, 1);
    let settings = Settings {
        hang_after: Span::from_millis(100),
        ..quick()
    };
    let world = World::with(settings, &[&stuck, &other]);
    world.fill(Normal, 10);
    world.fill(Critical, 10);
    other.wait(|f| f.handled(Normal).len() >= 10);
    stuck.wait(|f| f.handled(Critical).len() >= 10);
    // It hangs again and again, and at last goes on without the record.
    stuck.wait(|f| f.handled(Normal).contains(&10));
    assert!(!stuck.handled(Normal).contains(&3));
    assert!(world.status("stuck", Normal).restarts >= 4);
    let page = world.handlers.dead_letters("stuck", None, 1).unwrap();
    assert!(page.letters[0].error.contains("hangs"), "{page:?}");
    stuck.mend();
}

#[test]
fn gaps_and_damage_are_told_to_the_handler_and_counted() {
    let factory = MemoryFactory::new("late").on(Normal);
    let settings = quick();
    let world = World::with(settings.clone(), &[&factory]);
    world.fill(Normal, 3);
    factory.wait(|_| world.status("late", Normal).cursor == Seq(3));
    world.handlers.stop();
    world.fill(Normal, 17);
    world.journal.damage(Normal, Seq(15), Seq(16));
    // Retention is not held back by a cursor that somebody removed.
    world.journal.remove_cursor("late-normal", Normal).unwrap();
    world
        .journal
        .open_cursor("late-normal", Normal, Seq(3))
        .unwrap();
    world.journal.remove_cursor("late-normal", Normal).unwrap();
    world.journal.trim(Normal, Seq(10));
    let world = World::on(world.journal, world.role, settings, &[&factory]);
    factory.wait(|f| f.handled(Normal).contains(&20));
    let status = world.status("late", Normal);
    assert_eq!(status.damaged_records, 2);
    let kinds: Vec<_> = factory
        .missed()
        .iter()
        .map(|m| (m.kind, m.from.0, m.to.0))
        .collect();
    assert_eq!(
        kinds,
        [(MissedKind::Damage, 15, 16)],
        "a new cursor begins at what there is"
    );
}

#[test]
fn reads_that_fail_are_tried_again() {
    let factory = MemoryFactory::new("reading").on(Normal);
    let world = World::new(&[&factory]);
    factory.wait(|_| world.status("reading", Normal).state == State::Running);
    world.journal.fail_reads(Normal, 3);
    world.fill(Normal, 5);
    factory.wait(|f| f.handled(Normal).len() == 5);
    assert!(world.status("reading", Normal).retries >= 1);
}

#[test]
fn names_are_checked() {
    let (role, journal) = (Scripted::default(), MemoryJournal::new);
    let (same, bad) = (MemoryFactory::new("same"), MemoryFactory::new("Bad"));
    let twice = World::try_on(journal(), role.clone(), quick(), &[&same, &same]);
    assert!(matches!(twice.err(), Some(StartError::Twice(name)) if name == "same"));
    let bad = World::try_on(journal(), role, quick(), &[&bad]);
    assert!(matches!(bad.err(), Some(StartError::Name(name)) if name == "Bad"));
}
