//! What a witness records and nobody hears of, and reigns that begin without it. Each was found by
//! the simulator.

use std::time::Duration;

use spica_model::Epoch;

use super::world::{MS, World};
use crate::star::State;
use crate::{Beat, Event, Gate, Message, Order, Output, Phase, Reason, Side};

const LONG: Duration = Duration::from_secs(2);

fn pair() -> World {
    let mut world = World::new(|config| config.witness = true);
    world.start(0);
    world.start(1);
    world.pass(LONG);
    world
}

/// A node asked to go on alone, the witness recorded it, and both nodes lost power before the answer
/// came. Its epoch stood there for ever, and neither node got another one.
#[test]
fn a_grant_that_nobody_heard_of_does_not_keep_the_pair_from_starting() {
    for recorded in [4, 5] {
        let mut world = pair();
        assert!(world.publish(0));
        world.kill(0);
        world.kill(1);
        world.witness = Some(Epoch(recorded));
        world.start(0);
        world.start(1);
        world.pass(LONG);
        assert_eq!(world.leaders(), 1, "epoch {recorded}");
        assert!(world.publish(0) || world.publish(1));
        assert_eq!(world.missing(), []);
    }
}

/// The same, and the partner stays away: the one who had asked goes on, the other one cannot.
#[test]
fn a_grant_that_nobody_heard_of_is_good_for_the_one_who_asked() {
    for (recorded, serves) in [(4, true), (5, false)] {
        let mut world = pair();
        world.kill(0);
        world.kill(1);
        world.witness = Some(Epoch(recorded));
        world.start(0);
        world.pass(LONG);
        world.request(0);
        world.pass(LONG);
        assert_eq!(world.publish(0), serves, "epoch {recorded}");
    }
}

/// A vote found a stale node alone; while it waited for the witness its partner came back, who had
/// gone on alone. A silent witness then let the stale one lead.
#[test]
fn a_stale_node_does_not_lead_its_partner_when_the_witness_is_silent() {
    let mut world = pair();
    world.cut();
    world.kill(0);
    world.pass(LONG);
    world.request(1);
    assert!(world.publish(1));
    world.kill(1);
    world.start(0);
    world.pass(LONG);
    world.witness_reachable = false;
    world.request(0);
    world.linked = true;
    world.start(1);
    world.pass(LONG);
    assert_ne!(world.status(0).state, State::Active);
    assert_eq!(world.status(1).state, State::Active);
    assert_eq!(world.missing(), []);
    assert_eq!(world.status(1).gate, Gate::Pair);
}

/// A reign that began without the witness has a later epoch than one that the witness permitted
/// meanwhile, but has acknowledged nothing: it gives way.
#[test]
fn a_reign_without_permission_gives_way_to_one_with_it() {
    let mut world = World::new(|config| {
        config.witness = true;
        config.join_within = 0;
    });
    world.witness_reachable = false;
    world.nodes[0].journal = vec![1; 50];
    world.start(0);
    world.start(1);
    while world.status(0).state != State::Active {
        world.pass(MS);
    }
    world.cut();
    let status = world.status(0);
    assert_eq!((status.epoch, status.gate), (Epoch(2), Gate::Closed));
    assert_eq!(
        status.authority,
        Epoch(0),
        "it counts from the first acknowledgement on"
    );
    let rival = Beat {
        side: Side::Backup,
        state: State::Active,
        epoch: Epoch(1),
        authority: Epoch(1),
        sound: true,
        ends: Default::default(),
    };
    world.event(0, Event::Received(Message::Beat(rival)));
    assert_eq!(
        world.nodes[0].restarts,
        [Reason::Outranked { by: Epoch(1) }]
    );
}

/// Both had asked, nobody heard an answer, and each found the other one there by heartbeats that were
/// long on their way: both began a reign. The backup got the witness's word after all and went on
/// alone. The primary saw it ask to follow, which was as old, and stored that it led: it then passed
/// for the one that holds everything, and what the backup had acknowledged was put aside.
#[test]
fn a_reign_without_permission_counts_when_the_partner_is_complete_in_it() {
    let mut world = World::new(|config| config.witness = true);
    world.witness_reachable = false;
    world.nodes[0].journal = vec![1; 50];
    world.start(0);
    world.start(1);
    while world.status(0).state != State::Active {
        world.pass(MS);
    }
    world.cut();
    let reign = world.status(0).epoch;
    world.event(0, Event::Lag(Some([0, 0])));
    let status = world.status(0);
    assert_eq!((status.gate, status.authority), (Gate::Closed, Epoch(0)));
    world.event(0, Event::Received(Message::Kept { epoch: reign }));
    let status = world.status(0);
    assert_eq!((status.gate, status.authority), (Gate::Pair, reign));
}

/// A hand-over was ordered while it was still being stored that the reign counts: the gate then never
/// opened, and the hand-over waited for ever for what had been taken in.
#[test]
fn nothing_is_handed_over_before_the_reign_counts() {
    let mut world = World::new(|config| config.witness = true);
    world.witness_reachable = false;
    world.start(0);
    world.start(1);
    while world.status(0).state != State::Active {
        world.pass(MS);
    }
    let node = &mut world.nodes[0];
    let (pair, now) = (node.pair.as_mut().unwrap(), world.now);
    let epoch = pair.status().epoch;
    let mut out = Vec::new();
    pair.step(now, Event::Lag(Some([0, 0])), &mut out);
    pair.step(now, Event::Received(Message::Kept { epoch }), &mut out);
    let durable = out.iter().find_map(|output| match output {
        Output::Store(durable) => Some(*durable),
        _ => None,
    });
    pair.step(now, Event::Order(Order::SwitchOver), &mut out);
    assert_eq!(pair.status().phase, Phase::Settled);
    pair.step(now, Event::Stored(durable.unwrap()), &mut out);
    assert_eq!(pair.status().gate, Gate::Pair);
    pair.step(now, Event::Order(Order::SwitchOver), &mut out);
    assert_eq!(pair.status().phase, Phase::HandingOver);
}
