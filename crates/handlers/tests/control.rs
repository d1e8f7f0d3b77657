//! What operators do, and what a pair makes of it.

mod common;

use common::{World, quick};
use spica_handler::memory::{Fault, MemoryFactory};
use spica_handler::{ControlError, ErrorKind, HandlerControl, Replayed, State, Which};
use spica_journal::Journal;
use spica_journal::memory::MemoryJournal;
use spica_model::{Lane, Seq};
use spica_role::scripted::Scripted;

use Lane::Normal;

const ALICE: &str = "operator:alice";

#[test]
fn a_pause_lasts_through_a_restart_until_it_is_resumed() {
    let factory = MemoryFactory::new("paused").on(Normal);
    let world = World::new(&[&factory]);
    world.fill(Normal, 3);
    factory.wait(|f| f.handled(Normal).len() == 3);
    let pause = world.handlers.pause("paused", ALICE, "disk").unwrap();
    world.wait_state(&factory, "paused", Normal, State::Paused);
    let done = factory.handled(Normal);
    let second = world
        .handlers
        .pause("paused", "operator:bob", "also")
        .unwrap();
    assert_eq!(second, pause, "the first one counts");
    let world = world.again(quick(), &[&factory]);
    world.fill(Normal, 2);
    world.wait_state(&factory, "paused", Normal, State::Paused);
    factory.wait(|_| world.status("paused", Normal).lag_records > 0);
    assert_eq!(factory.handled(Normal), done);
    assert_eq!(world.status("paused", Normal).pause, Some(pause));
    world.handlers.resume("paused", ALICE, "").unwrap();
    let last = world.journal.status(Normal).last.0;
    factory.wait(|f| f.handled(Normal).last() >= Some(&last));
    assert!(world.state("root/handlers/paused/paused").is_none());
}

#[test]
fn a_letter_that_is_replayed_goes_and_one_that_fails_again_says_so() {
    let factory = MemoryFactory::new("picky").on(Normal);
    factory.fail(Normal, 2, Fault::Error(ErrorKind::Refuse), 1);
    factory.fail(Normal, 3, Fault::Error(ErrorKind::Refuse), 2);
    let world = World::new(&[&factory]);
    world.fill(Normal, 4);
    factory.wait(|_| world.status("picky", Normal).dead_letters == 2);
    let replayed = world.handlers.replay("picky", Which::All, ALICE).unwrap();
    let expected = Replayed {
        done: 1,
        failed: 1,
        pending: 0,
    };
    assert_eq!(replayed, expected);
    assert!(factory.handled(Normal).contains(&2));
    let page = world.handlers.dead_letters("picky", None, 10).unwrap();
    assert_eq!(page.letters.len(), 1);
    assert_eq!(
        (page.letters[0].id().seq, page.letters[0].attempts),
        (Seq(3), 2)
    );
    assert!(world.state("root/handlers/picky/dead/normal-2").is_none());
    let again = Which::One(page.letters[0].id());
    assert_eq!(
        world.handlers.replay("picky", again, ALICE).unwrap().done,
        1
    );
    let gone = world.handlers.replay("picky", again, ALICE);
    assert!(matches!(gone, Err(ControlError::NoLetter { .. })));
}

#[test]
fn a_replay_that_kills_the_handler_has_failed() {
    let factory = MemoryFactory::new("mortal").on(Normal);
    factory.fail(Normal, 1, Fault::Error(ErrorKind::Refuse), 1);
    let world = World::new(&[&factory]);
    world.fill(Normal, 2);
    factory.wait(|_| world.status("mortal", Normal).dead_letters == 1);
    factory.fail(Normal, 1, Fault::Panic, 1);
    let replayed = world.handlers.replay("mortal", Which::All, ALICE).unwrap();
    assert_eq!((replayed.failed, replayed.done), (1, 0));
    assert_eq!(
        world
            .handlers
            .replay("mortal", Which::All, ALICE)
            .unwrap()
            .done,
        1
    );
}

#[test]
fn wishes_without_a_name_or_a_reason_are_refused() {
    let factory = MemoryFactory::new("one").on(Normal);
    let world = World::new(&[&factory]);
    factory.wait(|_| world.status("one", Normal).state == State::Running);
    let handlers = &world.handlers;
    assert_eq!(
        handlers.pause("one", "", "x"),
        Err(ControlError::Text("by"))
    );
    assert_eq!(
        handlers.pause("one", ALICE, ""),
        Err(ControlError::Text("why"))
    );
    let long = "x".repeat(201);
    assert_eq!(
        handlers.pause("one", ALICE, &long),
        Err(ControlError::Text("why"))
    );
    let unknown = handlers.pause("two", ALICE, "x").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no handler \"two\"; there are one"
    );
    handlers.pause("one", ALICE, "x").unwrap();
    let idle = handlers.replay("one", Which::All, ALICE);
    assert_eq!(idle, Ok(Replayed::default()), "there is nothing to replay");
}

#[test]
fn a_passive_rests_and_goes_on_where_its_partner_was() {
    let factory = MemoryFactory::new("mailing").on(Normal);
    let settings = spica_handlers::Settings {
        place_interval: spica_settings::Span::from_millis(10),
        ..quick()
    };
    let active = World::with(settings.clone(), &[&factory]);
    active.fill(Normal, 30);
    factory.wait(|f| f.handled(Normal).len() >= 30);
    let noted = || active.state("root/handlers/mailing/place");
    factory.wait(|_| noted().is_some_and(|place| place.payload.ends_with(b"30}")));
    // The partner has a copy of the journal, and no cursor.
    let copy = MemoryJournal::new();
    let mut follower = active.journal.follow(Normal, Seq::ZERO).unwrap();
    while let spica_journal::Followed::Records(records) = follower.read(100).unwrap() {
        for record in &records {
            copy.submit(Normal, &[record.as_new()]).unwrap();
        }
    }
    let other = MemoryFactory::new("mailing").on(Normal);
    let role = Scripted::default();
    let passive = World::on(copy, role, settings, &[&other]);
    other.wait(|_| {
        passive
            .journal
            .cursors()
            .iter()
            .any(|cursor| cursor.seq == Seq(30))
    });
    assert_eq!(passive.status("mailing", Normal).state, State::Standby);
    assert_eq!(other.given(Normal), [0; 0]);
    let refused = passive.handlers.pause("mailing", ALICE, "x");
    assert_eq!(refused, Err(ControlError::NotServing));
    passive.role.serve();
    passive.fill(Normal, 2);
    let last = passive.journal.status(Normal).last.0;
    other.wait(|f| f.handled(Normal).contains(&last));
    assert_eq!(
        other.given(Normal)[0],
        31,
        "nothing of what was done is done again"
    );
}

#[test]
fn what_runs_everywhere_keeps_its_letters_until_it_may_write_them() {
    let factory = MemoryFactory::new("index").on(Normal).everywhere();
    factory.fail(Normal, 3, Fault::Error(ErrorKind::Refuse), u32::MAX);
    let world = World::on(
        MemoryJournal::new(),
        Scripted::default(),
        quick(),
        &[&factory],
    );
    world.fill(Normal, 6);
    factory.wait(|f| f.handled(Normal) == [1, 2, 4, 5, 6]);
    assert_eq!(world.status("index", Normal).dead_letters, 1);
    let cursor = || world.status("index", Normal).cursor;
    factory.wait(|_| cursor() == Seq(2));
    assert_eq!(
        world.journal.status(Normal).last,
        Seq(6),
        "a passive writes nothing"
    );
    world.role.serve();
    factory.wait(|_| world.state("root/handlers/index/dead/normal-3").is_some());
    world.fill(Normal, 1);
    factory.wait(|_| cursor() >= Seq(7));
}

#[test]
fn the_backlog_tells_how_far_everybody_is() {
    let factory = MemoryFactory::new("one").on(Normal);
    let world = World::new(&[&factory]);
    world
        .journal
        .open_cursor("elsewhere", Normal, Seq::ZERO)
        .unwrap();
    // It moves with checkpoints; what the views show is ahead of it.
    let checkpoint = world.journal.open_cursor("views", Normal, Seq::ZERO);
    checkpoint.unwrap();
    let settings = spica_handlers::Settings {
        watch: spica_handlers::WatchSettings {
            interval: spica_settings::Span::from_millis(100),
            ..Default::default()
        },
        ..quick()
    };
    let world = world.again(settings, &[&factory]);
    world.fill(Normal, 5);
    let lag = |name: &str| {
        let cursors = world.handlers.backlog().cursors;
        let mut of_name = cursors
            .iter()
            .filter(|c| c.name == name && c.lane == Normal);
        let found = of_name.next().map(|cursor| cursor.lag_records);
        assert!(of_name.next().is_none(), "{name} stands there twice");
        found
    };
    factory.wait(|_| lag("elsewhere") == Some(5));
    assert_eq!(lag("views"), Some(0));
    let backlog = world.handlers.backlog();
    assert!(
        backlog
            .disk
            .is_some_and(|disk| disk.free > 0 && disk.free <= disk.total)
    );
    assert_eq!(backlog.lanes.len(), 2);
}
