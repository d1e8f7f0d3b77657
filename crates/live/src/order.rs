//! What comes next in a lane: states and events, in the order of their numbers.

use std::iter::Peekable;
use std::sync::Arc;

use spica_model::Record;

use crate::group::Group;

/// What comes next in a lane.
pub(crate) enum Next {
    State(u64, u32),
    /// The index of an event in the ring.
    Event(u64, usize),
    /// The first record that was read again.
    Again(u64),
}

/// The next of states and events, in the order of numbers.
pub(crate) fn merge(
    states: &mut Peekable<impl Iterator<Item = (u64, u32)>>,
    group: &Group,
    lane: usize,
    index: usize,
    limit: u64,
) -> Option<Next> {
    let state = states.peek().copied();
    let event = group.ring(lane).and_then(|ring| ring.get(index));
    let event = event.map(|(seq, _)| *seq).filter(|seq| *seq <= limit);
    match (state, event) {
        (Some((seq, topic)), event) if event.is_none_or(|event| seq < event) => {
            Some(Next::State(seq, topic))
        }
        (_, event) => event.map(|seq| Next::Event(seq, index)),
    }
}

pub(crate) fn merge_again(
    states: &mut Peekable<impl Iterator<Item = (u64, u32)>>,
    record: Option<&Arc<Record>>,
    limit: u64,
) -> Option<Next> {
    let state = states.peek().copied();
    let again = record
        .map(|it| it.position.seq.0)
        .filter(|seq| *seq <= limit);
    match (state, again) {
        (Some((seq, topic)), again) if again.is_none_or(|again| seq < again) => {
            Some(Next::State(seq, topic))
        }
        (_, again) => again.map(Next::Again),
    }
}
