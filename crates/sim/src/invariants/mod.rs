//! What must hold, a file each. Every file says under which profiles it does.
//!
//! Some are checked whenever something happens that could break them, the others when the world has
//! come to rest.

mod a_message_repeats_only_after_a_death;
mod acknowledged_facts_are_kept;
mod acknowledged_places_do_not_change;
mod acknowledged_when_durable;
mod alarm_history;
mod alone_only_by_permission;
mod commands_and_pictures_are_whole;
mod desks_know_what_is_kept;
mod diverged_facts_come_back;
mod epochs_grow;
mod every_emergency_has_a_case;
mod every_emergency_is_told_of;
mod handlers_see_everything;
mod liveness;
mod messages_leave_after_their_records;
mod no_acknowledgement_of_a_case_is_lost;
mod one_epoch_one_node;
mod one_fact_per_key;
mod one_open_case_per_condition;
mod only_the_whole_lead;
mod timers_fire_once;
mod views_agree;
mod views_show_what_is_committed;

use std::ops::Range;

use spica_alerts::Message;
use spica_model::Epoch;
use spica_pair::Gate;

pub(crate) use liveness::NAME as LIVENESS;

use self::alarm_history::AlarmHistory;
use crate::desk::Sent;
use crate::words::{Entry, NODES, Us};
use crate::world::World;

/// What an acknowledgement looks like from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acknowledgement {
    pub(crate) node: usize,
    pub(crate) gate: Gate,
    pub(crate) lane: usize,
    pub(crate) place: u64,
    pub(crate) entry: Entry,
}

/// The names of all invariants.
pub const NAMES: [&str; 22] = [
    a_message_repeats_only_after_a_death::NAME,
    acknowledged_facts_are_kept::NAME,
    acknowledged_places_do_not_change::NAME,
    acknowledged_when_durable::NAME,
    alone_only_by_permission::NAME,
    commands_and_pictures_are_whole::NAME,
    desks_know_what_is_kept::NAME,
    diverged_facts_come_back::NAME,
    epochs_grow::NAME,
    every_emergency_has_a_case::NAME,
    every_emergency_is_told_of::NAME,
    handlers_see_everything::NAME,
    liveness::NAME,
    messages_leave_after_their_records::NAME,
    no_acknowledgement_of_a_case_is_lost::NAME,
    one_epoch_one_node::NAME,
    one_fact_per_key::NAME,
    one_open_case_per_condition::NAME,
    only_the_whole_lead::NAME,
    timers_fire_once::NAME,
    views_agree::NAME,
    views_show_what_is_committed::NAME,
];

impl World {
    /// A node acknowledges the records of a lane at these places.
    pub(crate) fn acknowledged(
        &mut self,
        node: usize,
        reign: Epoch,
        gate: Gate,
        lane: usize,
        after: Range<u64>,
    ) {
        alone_only_by_permission::check(self, node, reign, gate);
        one_epoch_one_node::check(self, node, reign);
        only_the_whole_lead::acknowledges(self, node, reign);
        for place in after.start + 1..=after.end {
            let Some(entry) = self.nodes[node].disk.lanes[lane].at(place) else {
                continue;
            };
            let acknowledgement = Acknowledgement {
                node,
                gate,
                lane,
                place,
                entry,
            };
            acknowledged_when_durable::check(self, acknowledgement);
            acknowledged_places_do_not_change::check(self, acknowledgement);
        }
    }

    /// A node begins to lead.
    pub(crate) fn leads(&mut self, node: usize, epoch: Epoch) {
        let name = NODES[node];
        self.trace
            .note(self.now, || format!("{name} leads in epoch {}", epoch.0));
        epochs_grow::check(self, node, epoch);
        only_the_whole_lead::check(self, node, epoch);
        self.oracle.reigns.push((epoch, node));
    }
}

impl crate::oracle::Oracle {
    /// A node's view shows a record.
    pub(crate) fn shown(&mut self, now: Us, node: usize, lane: usize, place: u64, entry: Entry) {
        views_show_what_is_committed::check(self, now, node, (lane, place), entry);
    }
}

/// What must hold when everything has come to rest.
pub(crate) fn at_the_end(world: &mut World) {
    for check in [
        acknowledged_places_do_not_change::at_the_end,
        one_fact_per_key::at_the_end,
        acknowledged_facts_are_kept::at_the_end,
        diverged_facts_come_back::at_the_end,
        commands_and_pictures_are_whole::at_the_end,
        handlers_see_everything::at_the_end,
        views_agree::at_the_end,
    ] {
        check(world);
    }
    if world.center.is_some() {
        alarms_at_the_end(world);
    }
}

fn alarms_at_the_end(world: &mut World) {
    let history = AlarmHistory::of(world);
    for check in [
        every_emergency_has_a_case::at_the_end,
        every_emergency_is_told_of::at_the_end,
        no_acknowledgement_of_a_case_is_lost::at_the_end,
        one_open_case_per_condition::at_the_end,
        timers_fire_once::at_the_end,
        desks_know_what_is_kept::at_the_end,
    ] {
        check(world, &history);
    }
}

/// A message leaves a desk.
pub(crate) fn message_leaves(world: &mut World, node: usize, message: &Message, sent: &Sent) {
    messages_leave_after_their_records::check(world, node, message);
    a_message_repeats_only_after_a_death::check(world, node, sent);
}

/// The lanes of the active, and where each fact stands there: filled when the world is at rest.
pub(crate) struct Final {
    pub(crate) active: usize,
    /// For each fact, how often it is there and at which place of its lane last.
    pub(crate) found: Vec<(u32, u64)>,
}

impl Final {
    pub(crate) fn of(world: &World) -> Self {
        let active = world.complete().unwrap_or(0);
        let mut found = vec![(0, 0); world.book.len()];
        for lane in &world.nodes[active].disk.lanes {
            for (place, entry) in (1..).zip(&lane.entries) {
                let fact = world.book.fact(entry.key).of;
                let (times, at) = &mut found[fact as usize];
                *times += 1;
                *at = place;
            }
        }
        Self { active, found }
    }
}
