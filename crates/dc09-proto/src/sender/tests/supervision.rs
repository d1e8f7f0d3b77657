//! Paths are polled, and their failure is noticed in time.

use super::*;

#[test]
fn paths_are_polled_at_their_intervals() {
    let mut world = World::new(config());
    world.run(secs(890 * 2));
    assert_eq!(world.stations[0].polls, 1 + 890 * 2 / 85);
    assert_eq!(world.stations[1].polls, 1 + 2);
    assert!(world.told().is_empty());
}

#[test]
fn an_event_that_was_answered_puts_the_next_poll_off() {
    let mut world = World::new(config());
    world.run(secs(80));
    world.push(1, event("man-down"));
    world.run(secs(80));
    assert_eq!(world.stations[0].polls, 1);
    world.run(secs(6));
    assert_eq!(world.stations[0].polls, 2);
}

#[test]
fn a_path_fails_once_and_is_restored_once_in_the_time_that_is_promised() {
    for says in [Says::Nothing, Says::Unreachable] {
        let mut world = World::new(config());
        world.run(secs(1));
        world.stations[0].says = says;
        world.run(secs(600));
        assert_eq!(world.told(), [Output::PathFailed(Path::Main)], "{says:?}");
        let (at, _) = world.told[0];
        assert!(at < secs(120), "only after {at:?}");
        assert!(world.sender.status().paths[0].failed);
        world.told.clear();
        world.stations[0].says = Says::Right;
        world.run(secs(61));
        assert_eq!(world.told(), [Output::PathRestored(Path::Main)]);
        assert_eq!(world.sender.status().paths[0].misses, 0);
    }
}

#[test]
fn one_lost_poll_is_no_failure() {
    let mut world = World::new(config());
    world.run(secs(84));
    world.stations[0].says = Says::Lost;
    world.run(secs(3));
    world.stations[0].says = Says::Right;
    world.run(secs(300));
    assert!(world.told().is_empty(), "{:?}", world.told());
    assert_eq!(world.sender.status().counters.missed, 1);
    // The repeat had the number of the poll that was lost.
    let polls: Vec<_> = world
        .sent
        .iter()
        .filter(|(_, path, _)| *path == Path::Main)
        .collect();
    assert_eq!(polls[1].2, polls[2].2);
    assert_ne!(polls[2].2, polls[3].2);
}

#[test]
fn pauses_grow_up_to_the_longest() {
    let mut world = World::new(Config {
        backup_poll: None,
        ..config()
    });
    world.stations[0].says = Says::Nothing;
    world.run(secs(400));
    let at: Vec<_> = world.sent.iter().map(|(at, ..)| at.as_secs()).collect();
    let pauses: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Each with the 5 s for the answer.
    assert_eq!(pauses[..8], [6, 7, 9, 13, 21, 37, 65, 65]);
}

#[test]
fn connections_are_kept_for_a_while_and_closed_then() {
    let mut world = World::new(config());
    world.run(secs(9));
    assert!(world.sender.status().paths[0].connected);
    world.run(secs(1));
    assert!(!world.sender.status().paths[0].connected);
    // A receiver that closes by itself does no harm.
    world.push(1, event("man-down"));
    world.handle(Input::Disconnected(Path::Main));
    assert_eq!(world.sender.status().counters.missed, 0);
    world.push(2, event("man-down"));
    assert_eq!(world.sender.status().counters.delivered, 2);
}

#[test]
fn a_connection_that_breaks_under_way_is_a_miss() {
    let mut world = World::new(config());
    world.stations[0].says = Says::Nothing;
    world.push(1, event("man-down"));
    world.handle(Input::Disconnected(Path::Main));
    assert_eq!(world.sender.status().paths[0].misses, 1);
    world.stations[0].says = Says::Right;
    world.run(secs(1));
    assert_eq!(world.sender.status().counters.delivered, 1);
}

#[test]
fn what_comes_without_being_awaited_is_ignored_and_counted() {
    let mut world = World::new(config());
    world.run(secs(1));
    let seal = |body: &str| crate::frame::seal(body.as_bytes()).unwrap();
    for frame in [
        seal("\"ACK\"0042L0#1234[]"),
        seal("\"NAK\"0000R0L0A0[]_05:01:23,11-22-2026"),
        seal("\"DUH\"0001L0#9999[]"),
        seal("\"NULL\"0001L0#1234[]"),
        b"\n\r".to_vec(),
    ] {
        world.handle(Input::Bytes(Path::Main, &frame));
    }
    assert_eq!(world.sender.status().counters.ignored, 5);
    assert_eq!(world.sender.status().paths[0].offset_micros, 0);
    assert!(
        world
            .told()
            .iter()
            .all(|told| matches!(told, Output::Ignored { .. }))
    );
}

#[test]
fn without_a_backup_nothing_of_it_happens() {
    let mut world = World::new(Config {
        backup_poll: None,
        ..config()
    });
    world.run(secs(1_000));
    assert_eq!(world.stations[1].polls, 0);
    world.handle(Input::Connected(Path::Backup));
    world.handle(Input::Bytes(Path::Backup, b"\n\r"));
    world.handle(Input::Disconnected(Path::Backup));
    assert_eq!(world.sender.status().paths.len(), 1);
}
