//! Order, ids and deadlines of commands.

use proptest::prelude::*;
use spica_model::Timestamp;

use super::{ACKNOWLEDGE_ALERT, CommandQueue, NoFreeId};
use crate::{Command, CommandState, Serial};

fn serial() -> Serial {
    Serial::new("1").unwrap()
}

fn at(secs: u32) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn command(id: u16, queued: u32, state: CommandState) -> Command {
    Command {
        serial: serial(),
        id,
        code: 2,
        name: "take-picture".into(),
        arguments: vec![],
        state,
        queued_at: at(queued),
        expires_at: at(queued + 100),
        sent_at: None,
        settled_at: None,
        attempts: 0,
        result: None,
        by: "alice".into(),
    }
}

fn ids<'a>(commands: impl IntoIterator<Item = &'a std::sync::Arc<Command>>) -> Vec<u16> {
    commands.into_iter().map(|command| command.id).collect()
}

#[test]
fn alerts_are_acknowledged_first_then_the_oldest_goes_out() {
    let mut queue = CommandQueue::default();
    queue.put(command(3, 10, CommandState::Queued));
    queue.put(command(9, 5, CommandState::Sent));
    queue.put(command(4, 11, CommandState::Confirmed));
    for (id, queued) in [(5, 12), (1, 13)] {
        queue.put(Command {
            code: ACKNOWLEDGE_ALERT,
            ..command(id, queued, CommandState::Queued)
        });
    }
    assert_eq!(ids(&queue.pending(&serial(), at(20))), [5, 1, 9, 3]);
    assert_eq!(ids(queue.newest_first(&serial())), [1, 5, 4, 3, 9]);
    assert_eq!(ids(&queue.pending(&serial(), at(105))), [5, 1, 3]);
}

#[test]
fn due_commands_come_in_the_order_of_their_deadlines_until_settled() {
    let mut queue = CommandQueue::default();
    queue.put(command(1, 10, CommandState::Queued));
    queue.put(command(2, 5, CommandState::Sent));
    queue.put(command(3, 500, CommandState::Queued));
    let due = |queue: &CommandQueue| queue.due(at(110)).map(|(_, id)| id).collect::<Vec<_>>();
    assert_eq!(due(&queue), [2, 1]);
    queue.put(command(2, 5, CommandState::Expired));
    assert_eq!(due(&queue), [1]);
    assert_eq!(queue.len_unsettled(), 2);
}

#[test]
fn ids_go_on_after_the_newest_wrap_and_skip_kept_ones() {
    let mut queue = CommandQueue::default();
    assert_eq!(queue.next_id(&serial()), Ok(1));
    queue.put(command(65_535, 1, CommandState::Queued));
    assert_eq!(queue.next_id(&serial()), Ok(1), "0 is no id");
    queue.put(command(1, 2, CommandState::Queued));
    queue.put(command(3, 3, CommandState::Confirmed));
    queue.put(command(2, 4, CommandState::Queued));
    assert_eq!(queue.next_id(&serial()), Ok(4));
    for id in 1..=u16::MAX {
        queue.put(command(id, u32::from(id), CommandState::Queued));
    }
    assert_eq!(queue.next_id(&serial()), Err(NoFreeId));
}

#[test]
fn the_time_of_a_new_command_is_later_than_that_of_all_others() {
    let mut queue = CommandQueue::default();
    assert_eq!(queue.next_queued_at(&serial(), at(7)), at(7));
    queue.put(command(1, 9, CommandState::Queued));
    assert_eq!(
        queue.next_queued_at(&serial(), at(7)),
        Timestamp::from_micros(at(9).as_micros() + 1)
    );
    assert_eq!(queue.next_queued_at(&serial(), at(10)), at(10));
}

#[test]
fn only_settled_commands_beyond_the_kept_ones_may_go() {
    let mut queue = CommandQueue::default();
    for id in 1..=5 {
        queue.put(command(id, u32::from(id), CommandState::Confirmed));
    }
    queue.put(command(6, 0, CommandState::Queued));
    assert_eq!(ids(queue.settled_beyond(&serial(), 3)), [2, 1]);
    assert_eq!(queue.settled_beyond(&serial(), 5).count(), 0);
    assert_eq!(queue.unsettled(&serial()), 1);
}

proptest! {
    #[test]
    fn only_the_last_word_on_each_command_counts(
        steps in prop::collection::vec((1u16..6, 0u32..9, 0usize..6, any::<bool>()), 0..40)
    ) {
        let mut queue = CommandQueue::default();
        let mut last = std::collections::BTreeMap::new();
        for (id, queued, state, removed) in steps {
            if removed {
                queue.remove(&serial(), id);
                last.remove(&id);
            } else {
                let command = command(id, queued, CommandState::ALL[state]);
                queue.put(command.clone());
                last.insert(id, command);
            }
        }
        prop_assert_eq!(queue.len(), last.len());
        let mut afresh = CommandQueue::default();
        last.into_values().for_each(|command| afresh.put(command));
        prop_assert_eq!(queue, afresh);
    }
}
