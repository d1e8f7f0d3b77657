//! The cases that have names.

use std::time::Duration;

use spica_model::Epoch;

use super::world::{MS, World};
use crate::star::State;
use crate::{Event, Gate, Order, Reason, Solo, Sync, Verdict};

const LONG: Duration = Duration::from_secs(2);

fn pair(set: impl Fn(&mut crate::Config)) -> World {
    let mut world = World::new(set);
    world.start(0);
    world.start(1);
    world.pass(LONG);
    world
}

#[test]
fn a_healthy_start_makes_the_primary_active_and_the_backup_a_complete_passive() {
    let mut world = pair(|_| {});
    assert_eq!(world.status(0).state, State::Active);
    assert_eq!(world.status(1).state, State::Passive);
    assert_eq!(world.status(0).gate, Gate::Pair);
    assert_eq!(world.status(0).sync, Sync::Complete);
    assert_eq!(world.status(1).sync, Sync::Complete);
    assert!(world.publish(0));
    assert!(!world.publish(1), "the passive serves nobody");
    assert_eq!(world.nodes[1].journal, [2]);
}

#[test]
fn an_unhealthy_start_the_primary_serves_by_a_vote_and_the_backup_does_not() {
    for (at, serves) in [(0, true), (1, false)] {
        let mut world = World::new(|_| {});
        world.start(at);
        world.pass(LONG);
        assert_eq!(world.status(at).gate, Gate::Closed, "no vote, no take-over");
        world.request(at);
        assert_eq!(world.publish(at), serves);
        assert_eq!(world.nodes[at].was_told("unhealthy-start"), !serves);
    }
}

#[test]
fn the_active_dies_and_a_vote_lets_the_passive_take_over() {
    let mut world = pair(|_| {});
    assert!(world.publish(0));
    world.kill(0);
    assert_eq!(
        world.request(1),
        Verdict::Refuse,
        "its heartbeats are not yet gone"
    );
    world.pass(LONG);
    assert_eq!(
        world.status(1).state,
        State::Passive,
        "no vote, no take-over"
    );
    assert_eq!(world.request(1), Verdict::Wait);
    assert!(world.publish(1));
    assert_eq!(world.status(1).epoch, Epoch(3));
    assert!(world.nodes[1].was_told("failover"));
    // It comes back, follows, and does not take its place back.
    world.start(0);
    world.pass(LONG);
    assert_eq!(world.status(0).state, State::Passive);
    assert!(world.publish(1));
    assert_eq!(world.nodes[0].journal, [2, 3, 3]);
    assert_eq!(world.status(1).gate, Gate::Pair);
}

#[test]
fn the_passive_dies_and_the_active_goes_on_alone_in_a_new_epoch() {
    let mut world = pair(|_| {});
    world.kill(1);
    assert!(
        !world.publish(0),
        "it waits for its partner until that counts as gone"
    );
    world.pass(LONG);
    assert!(world.publish(0));
    assert_eq!(
        (world.status(0).epoch, world.status(0).gate),
        (Epoch(4), Gate::Solo)
    );
    assert!(world.nodes[0].was_told("solo"));
}

#[test]
fn without_permission_nothing_is_acknowledged_alone() {
    let mut world = pair(|config| config.solo = Solo::Refuse);
    world.kill(1);
    world.pass(LONG);
    assert!(!world.publish(0));
    assert!(world.nodes[0].was_told("silent"));
    world.start(1);
    world.pass(LONG);
    assert!(world.publish(0), "with its partner it goes on");
}

#[test]
fn a_cut_link_with_a_witness_leaves_one_of_the_two_whoever_is_asked_first() {
    for first in [0, 1] {
        let mut world = pair(|config| config.witness = true);
        assert!(world.publish(0));
        world.cut();
        world.witness_reachable = false;
        world.pass(LONG);
        assert!(
            !world.publish(0) && !world.publish(1),
            "nobody may go on alone"
        );
        // The witness can be reached again by one before the other.
        if first == 1 {
            world.nodes[0]
                .pair
                .as_mut()
                .unwrap()
                .step(world.now, Event::Tick, &mut Vec::new());
        }
        world.witness_reachable = true;
        world.request(first);
        if first == 0 {
            world.pass(LONG);
        }
        world.pass(LONG);
        let served = [world.publish(0), world.publish(1)];
        assert_eq!(
            served.iter().filter(|served| **served).count(),
            1,
            "{served:?}"
        );
        world.linked = true;
        world.pass(LONG);
        assert_eq!(world.leaders(), 1);
        assert_eq!(world.missing(), []);
        assert_eq!(world.nodes[0].journal, world.nodes[1].journal);
    }
}

#[test]
fn a_stale_passive_knows_it_and_does_not_take_over() {
    let mut world = pair(|_| {});
    world.kill(1);
    world.pass(LONG);
    assert!((0..100).all(|_| world.publish(0)));
    world.start(1);
    // It sees the active, and lacks much of what was acknowledged, when that dies.
    world.nodes[0].config.join_within = 0;
    world.pass(5 * MS);
    assert_eq!(world.status(1).state, State::Passive);
    assert_ne!(world.status(1).sync, Sync::Complete);
    world.kill(0);
    world.pass(LONG);
    assert_eq!(world.request(1), Verdict::Refuse);
    assert!(world.nodes[1].was_told("stale"));
    // By order of an operator it does, and outranks the partner when that comes back.
    world.event(1, Event::Order(Order::Promote));
    assert!(world.publish(1));
    assert!(world.nodes[1].was_told("promoted"));
    world.start(0);
    world.pass(LONG);
    assert_eq!(world.status(1).state, State::Active);
    assert!(matches!(
        world.nodes[0].restarts[..],
        [Reason::Parted { .. }]
    ));
}

#[test]
fn two_actives_after_a_cut_without_a_witness_the_younger_reign_stays() {
    let mut world = pair(|_| {});
    assert!(world.publish(0));
    world.cut();
    world.pass(LONG);
    assert!(world.publish(0));
    world.request(1);
    assert!(world.publish(1), "the hole of the pattern: both serve");
    let epochs = [world.status(0).epoch, world.status(1).epoch];
    assert_ne!(epochs[0], epochs[1], "but never under the same epoch");
    world.linked = true;
    world.pass(LONG);
    assert_eq!(world.leaders(), 1);
    let loser = usize::from(epochs[1] < epochs[0]);
    assert!(
        world.nodes[loser]
            .restarts
            .iter()
            .any(|r| matches!(r, Reason::Outranked { .. }))
    );
    assert!(world.nodes[loser].was_told("diverged"));
    assert_eq!(world.nodes[0].journal, world.nodes[1].journal);
}

#[test]
fn a_switch_over_hands_over_without_waiting_for_a_time_out() {
    let mut world = pair(|_| {});
    assert!(world.publish(0));
    world.event(0, Event::Order(Order::SwitchOver));
    assert!(!world.publish(0), "nothing more comes in");
    world.pass(10 * MS);
    assert_eq!(world.status(1).state, State::Active);
    assert!(world.publish(1));
    world.pass(LONG);
    assert_eq!(world.status(0).state, State::Passive);
    assert_eq!(world.nodes[0].restarts, [Reason::HandedOver]);
    assert_eq!(world.status(1).gate, Gate::Pair);
}

#[test]
fn a_switch_over_that_loses_its_partner_is_called_off() {
    let mut world = pair(|_| {});
    world.publish(0);
    world.nodes[1].journal.clear();
    world.event(0, Event::Order(Order::SwitchOver));
    world.kill(1);
    world.pass(LONG);
    assert!(world.publish(0));
}

#[test]
fn both_restart_and_the_primary_is_active_again() {
    let mut world = pair(|_| {});
    assert!(world.publish(0));
    world.kill(0);
    world.kill(1);
    world.pass(LONG);
    world.start(1);
    world.start(0);
    world.pass(LONG);
    assert_eq!(world.status(0).state, State::Active);
    assert!(world.publish(0));
    assert_eq!(world.missing(), []);
}

#[test]
fn the_one_that_went_on_alone_leads_after_both_restart_whichever_it_is() {
    for alone in [0, 1] {
        let mut world = pair(|_| {});
        world.kill(1 - alone);
        world.pass(LONG);
        world.request(alone);
        assert!(world.publish(alone));
        world.kill(alone);
        world.start(0);
        world.start(1);
        world.pass(LONG);
        assert_eq!(world.status(alone).state, State::Active);
        assert_eq!(world.missing(), []);
    }
}

#[test]
fn damage_never_leads_over_sound() {
    let mut world = World::new(|_| {});
    world.nodes[0].sound = false;
    world.start(0);
    world.start(1);
    world.pass(LONG);
    assert_eq!(world.status(1).state, State::Active);
    let mut world = World::new(|_| {});
    world.nodes[0].sound = false;
    world.start(0);
    world.pass(LONG);
    assert_eq!(world.request(0), Verdict::Refuse, "nor alone");
}

#[test]
fn two_primaries_refuse_each_other_until_one_is_put_right() {
    let mut world = World::new(|config| config.side = crate::Side::Primary);
    world.start(0);
    world.start(1);
    world.pass(LONG);
    for at in [0, 1] {
        assert!(!world.publish(at));
        assert!(world.nodes[at].was_told("role-error"));
    }
}

#[test]
fn a_partner_that_lives_but_takes_nothing_is_left_behind() {
    let mut world = pair(|_| {});
    world.event(0, Event::PartnerStuck);
    assert_eq!(world.status(0).epoch, Epoch(4));
    world.pass(LONG);
    assert_eq!(
        world.status(0).sync,
        Sync::Complete,
        "and taken in again when it can"
    );
}

#[test]
fn a_farewell_spares_the_wait() {
    let mut world = pair(|_| {});
    world.event(1, Event::Stop);
    world.pass(2 * MS);
    assert_eq!(world.status(0).gate, Gate::Solo);
}

#[test]
fn a_node_whose_journal_does_not_answer_says_nothing() {
    let mut world = pair(|_| {});
    let mut out = Vec::new();
    let later = world.now + Duration::from_millis(500);
    world.nodes[0]
        .pair
        .as_mut()
        .unwrap()
        .step(later, Event::Tick, &mut out);
    let says = |out: &Vec<crate::Output>| out.iter().any(|o| matches!(o, crate::Output::Send(_)));
    assert!(!says(&out), "{out:?}");
    out.clear();
    let ends = world.nodes[0].ends();
    world.nodes[0].pair.as_mut().unwrap().step(
        later,
        Event::Answered {
            ends,
            epoch: Epoch(2),
        },
        &mut out,
    );
    let later = later + Duration::from_millis(100);
    world.nodes[0]
        .pair
        .as_mut()
        .unwrap()
        .step(later, Event::Tick, &mut out);
    assert!(says(&out), "{out:?}");
}

/// An active was stopped (SIGSTOP) past the time-out and its partner took over. When it went on, it
/// looked at the clock before it read what had been said, and went on alone in a later epoch still.
#[test]
fn an_active_that_was_frozen_hears_of_its_successor_before_it_misses_its_partner() {
    let mut world = pair(|_| {});
    assert!(world.publish(0));
    let frozen = world.nodes[0].pair.take();
    world.pass(LONG);
    assert_eq!(world.request(1), Verdict::Wait);
    world.pass(LONG);
    assert!(world.publish(1));
    world.nodes[0].pair = frozen;
    world.pass(LONG);
    assert_eq!(world.status(1).state, State::Active);
    assert_eq!(world.status(1).epoch, Epoch(3), "its reign goes on");
    assert_eq!(world.status(0).state, State::Passive);
    assert_eq!(world.missing(), []);
}

#[test]
fn a_passive_that_was_frozen_does_not_take_over_from_an_active_that_lives() {
    let mut world = pair(|_| {});
    let frozen = world.nodes[1].pair.take();
    world.now += LONG;
    world.nodes[1].pair = frozen;
    assert_eq!(world.request(1), Verdict::Refuse);
    world.pass(LONG);
    assert_eq!(world.leaders(), 1);
    assert!(world.publish(0));
}

/// An active that was cut off from its partner and from its clients asked the witness at once, got its
/// word, and had nobody to serve; the passive, which all clients reached, was refused.
#[test]
fn with_a_witness_an_active_that_nobody_wants_leaves_its_word_to_the_partner() {
    let mut world = pair(|config| config.witness = true);
    assert!(world.publish(0));
    let granted = world.witness;
    world.cut();
    world.pass(LONG);
    assert_eq!(world.witness, granted, "nobody has asked");
    assert_eq!(world.status(0).sync, Sync::Absent);
    assert_eq!(world.request(1), Verdict::Wait);
    assert!(world.publish(1), "the clients are here");
    assert!(!world.publish(0));
    world.pass(LONG);
    world.linked = true;
    world.pass(LONG);
    assert_eq!((world.leaders(), world.missing()), (1, vec![]));
    assert!(world.publish(1));
}

#[test]
fn with_a_witness_an_active_asks_as_soon_as_somebody_waits() {
    let mut world = pair(|config| config.witness = true);
    world.kill(1);
    world.pass(LONG);
    assert_eq!(world.status(0).gate, Gate::Pair, "nobody wants anything");
    assert!(!world.publish(0));
    world.pass(MS);
    assert!(world.publish(0));
    assert_eq!(world.status(0).gate, Gate::Solo);
}

#[test]
fn an_active_that_finds_damage_hands_over_to_a_partner_that_holds_everything() {
    let mut world = pair(|_| {});
    assert!(world.publish(0));
    world.event(0, Event::Damaged);
    world.pass(LONG);
    assert_eq!(world.nodes[0].restarts, [Reason::HandedOver]);
    assert_eq!(world.status(1).state, State::Active);
    assert!(world.publish(1));
    assert_eq!(world.missing(), []);
}

#[test]
fn an_active_that_finds_damage_goes_on_until_its_partner_holds_everything() {
    let mut world = pair(|_| {});
    world.kill(1);
    world.pass(LONG);
    assert!(world.publish(0));
    world.event(0, Event::Damaged);
    world.pass(LONG);
    assert!(world.publish(0), "nobody else holds it");
    let told = world.nodes[0].notices.iter();
    assert_eq!(told.filter(|notice| notice.name() == "damaged").count(), 1);
    // A partner that is damaged itself is no better.
    world.nodes[1].sound = false;
    world.start(1);
    world.pass(MS * 2);
    assert_eq!(world.nodes[0].restarts, []);
    // It has got everything again from the active.
    world.pass(LONG);
    assert_eq!(world.nodes[0].restarts, [Reason::HandedOver]);
    assert_eq!(world.status(1).state, State::Active);
    assert_eq!(world.missing(), []);
}
