//! What becomes of what edge nodes publish.

use spica_journal::Journal as _;
use spica_model::{Kind, Quality, Seq};
use spica_sparkplug::rebirth_command;

use crate::world::{LANE, World, payload};

const T: &str = "sparkplug/g/e/metrics/t";

fn good(text: &str) -> Option<(String, Quality)> {
    Some((text.to_owned(), Quality::Good))
}

fn bad(text: &str) -> Option<(String, Quality)> {
    Some((text.to_owned(), Quality::Bad))
}

#[test]
fn values_become_states_and_go_stale_with_their_edge_node() {
    let mut world = World::new();
    world.birth(3);
    world.data(1, 7.25);
    world.run();
    assert_eq!(world.state(T), good("7.25"));
    assert_eq!(world.state("sparkplug/g/e/metrics/a/b"), good("2.5"));
    world.publish("spBv1.0/g/NDEATH/e", &payload(None, Some(2), &[]));
    world.run();
    assert_eq!(world.state(T), good("7.25"), "the Will of another session");
    world.publish("spBv1.0/g/NDEATH/e", &payload(None, Some(3), &[]));
    world.run();
    assert_eq!(world.state(T), bad("7.25"));
    assert_eq!(world.state("sparkplug/g/e/metrics/a/b"), bad("2.5"));
    let (status, _) = world.state("sparkplug/g/e/status").unwrap();
    assert!(status.contains(r#""online":false"#), "{status}");
    world.birth(4);
    world.run();
    assert_eq!(world.state(T), good("1.5"));
}

/// In one batch, the death must find the values that came before it, and the birth behind it must not
/// be touched by it.
#[test]
fn a_whole_life_in_one_batch_ends_as_it_should() {
    let mut world = World::new();
    world.birth(3);
    world.data(1, 7.25);
    world.publish("spBv1.0/g/NDEATH/e", &payload(None, Some(3), &[]));
    world.run();
    assert_eq!(world.state(T), bad("7.25"));
    let before = world.records(T).len();
    world.publish("spBv1.0/g/NDEATH/e", &payload(None, Some(3), &[]));
    world.birth(4);
    world.data(1, 8.0);
    world.run();
    assert_eq!(world.state(T), good("8.0"));
    assert_eq!(world.records(T).len(), before + 2);
}

#[test]
fn a_value_of_the_past_leaves_the_present_one_alone() {
    let mut world = World::new();
    world.birth(3);
    let past = payload(Some(1), None, &[(None, 1, 0.5, true)]);
    world.publish("spBv1.0/g/NDATA/e", &past);
    world.run();
    assert_eq!(world.state(T), good("1.5"));
    let history = world.records("sparkplug/g/e/history/t");
    assert_eq!(history.len(), 1);
    assert_eq!(
        (history[0].kind, &history[0].payload[..]),
        (Kind::Event, &b"0.5"[..])
    );
}

#[tokio::test]
async fn what_is_missing_for_too_long_is_asked_for() {
    let mut world = World::new();
    world.birth(3);
    world.data(2, 9.0);
    world.run();
    assert_eq!(world.state(T), good("1.5"), "it waits");
    assert_eq!(world.records("spBv1.0/g/NCMD/e").len(), 0);
    let watermark = world.journal.watermark(LANE);
    let next = world.journal.status(LANE).last.next().next();
    let (host, clock) = (world.host.clone(), world.clock.clone());
    clock.advance(std::time::Duration::from_millis(10));
    tokio::select! {
        () = host.serve() => unreachable!("it serves without end"),
        // That it is online, and that time is up.
        reached = watermark.reached(next) => reached.unwrap(),
    }
    world.run();
    assert_eq!(world.state(T), good("9.0"));
    let asked = world.records("spBv1.0/g/NCMD/e");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].kind, Kind::Event);
    let millis = u64::try_from(asked[0].received.as_micros() / 1_000).unwrap();
    assert_eq!(&asked[0].payload[..], rebirth_command(millis));
}

#[test]
fn a_restart_keeps_aliases_and_what_waits() {
    let mut world = World::new();
    world.birth(3);
    world.run();
    world.restart();
    world.data(1, 2.0);
    world.data(3, 4.0);
    world.run();
    assert_eq!(world.state(T), good("2.0"));
    world.restart();
    world.data(2, 3.0);
    world.run();
    assert_eq!(world.state(T), good("4.0"));
    assert_eq!(world.records("spBv1.0/g/NCMD/e").len(), 0);
    let values = world.records(T);
    let values: Vec<_> = values.iter().map(|it| it.payload.as_ref()).collect();
    assert_eq!(values, [&b"1.5"[..], b"2.0", b"3.0", b"4.0"]);
}

#[test]
fn a_journal_that_is_read_once_more_gets_nothing_twice() {
    let mut world = World::new();
    world.birth(3);
    world.data(1, 2.0);
    world.publish("spBv1.0/g/NDEATH/e", &payload(None, Some(3), &[]));
    world.data(2, 2.0);
    world.run();
    let count = world.records("sparkplug").len() + world.records("spBv1.0").len();
    for cursor in [0, 1, 3] {
        world.restart_at(Seq(cursor));
        world.run();
        let again = world.records("sparkplug").len() + world.records("spBv1.0").len();
        assert_eq!(again, count);
    }
}

#[test]
fn a_journal_that_takes_nothing_is_tried_again() {
    let mut world = World::new();
    world.birth(3);
    world.memory.hold(LANE);
    let journal = world.memory.clone();
    // It is durable once somebody waits for it.
    let commits = std::thread::spawn(move || {
        while journal.status(LANE).last == Seq(1) {
            std::thread::yield_now();
        }
        journal.release(LANE);
    });
    world.run();
    commits.join().unwrap();
    assert_eq!(world.state(T), good("1.5"));
    world.data(1, 2.0);
    world.memory.close();
    let error = world.try_run().unwrap_err();
    assert_eq!(error.kind, spica_handler::ErrorKind::Unavailable);
}

/// A handler that was caught in a call for so long that it was given up may come back.
#[test]
fn a_handler_that_was_given_up_writes_nothing_any_more() {
    let mut world = World::new();
    world.birth(3);
    let factory = world.host.factory().unwrap();
    factory.make(LANE).unwrap();
    let error = world.try_run().unwrap_err();
    assert_eq!(error.detail, "another handler has taken over");
    assert_eq!(world.records("sparkplug").len(), 0);
}
