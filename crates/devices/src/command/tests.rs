//! The table of a command's life, and that nothing leaves it.

use proptest::prelude::*;
use spica_model::Timestamp;

use super::{Command, CommandState, Transition, TransitionError};
use crate::Serial;

const EXPIRES: Timestamp = Timestamp::from_secs(100);
const BEFORE: Timestamp = Timestamp::from_secs(99);

fn command(state: CommandState) -> Command {
    Command {
        serial: Serial::new("1").unwrap(),
        id: 7,
        code: 2,
        name: "take-picture".into(),
        arguments: vec![],
        state,
        queued_at: Timestamp::from_secs(1),
        expires_at: EXPIRES,
        sent_at: None,
        settled_at: None,
        attempts: 0,
        result: None,
        by: "alice".into(),
    }
}

#[test]
fn the_table_is_complete() {
    use CommandState::{Cancelled, Confirmed, Expired, Queued, Refused, Sent};
    let table = |from: CommandState, transition: Transition, now: Timestamp| {
        command(from).after(transition, now).ok().map(|c| c.state)
    };
    for (from, transition, now, to) in [
        (Queued, Transition::Send, BEFORE, Some(Sent)),
        (Sent, Transition::Send, BEFORE, Some(Sent)),
        (Queued, Transition::Send, EXPIRES, None),
        (Sent, Transition::Send, EXPIRES, None),
        (Queued, Transition::Settle(0), BEFORE, None),
        (Sent, Transition::Settle(0), BEFORE, Some(Confirmed)),
        (Sent, Transition::Settle(0), EXPIRES, Some(Confirmed)),
        (Sent, Transition::Settle(9), BEFORE, Some(Refused)),
        (Queued, Transition::Expire, BEFORE, None),
        (Queued, Transition::Expire, EXPIRES, Some(Expired)),
        (Sent, Transition::Expire, EXPIRES, Some(Expired)),
        (Queued, Transition::Cancel, BEFORE, Some(Cancelled)),
        (Sent, Transition::Cancel, EXPIRES, Some(Cancelled)),
    ] {
        assert_eq!(
            table(from, transition, now),
            to,
            "{from} {transition} {now}"
        );
    }
    for from in [Confirmed, Refused, Expired, Cancelled] {
        for transition in [
            Transition::Send,
            Transition::Settle(0),
            Transition::Expire,
            Transition::Cancel,
        ] {
            assert_eq!(table(from, transition, BEFORE), None, "{from} {transition}");
        }
    }
}

#[test]
fn a_refused_transition_says_what_stands_against_it() {
    let error = command(CommandState::Queued)
        .after(Transition::Settle(3), BEFORE)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "command 7 is queued: it cannot be settled with result 3"
    );
    let error = command(CommandState::Sent)
        .after(Transition::Send, EXPIRES)
        .unwrap_err();
    assert!(matches!(error, TransitionError::Overdue { id: 7, .. }));
}

fn transitions() -> impl Strategy<Value = Transition> {
    prop_oneof![
        Just(Transition::Send),
        any::<u8>().prop_map(Transition::Settle),
        Just(Transition::Expire),
        Just(Transition::Cancel),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_books_of_a_command_agree(
        steps in prop::collection::vec((transitions(), 90u32..110), 0..20)
    ) {
        let mut now = command(CommandState::Queued);
        let mut sends = 0;
        for (transition, at) in steps {
            let before = now.clone();
            match now.after(transition, Timestamp::from_secs(at)) {
                Ok(next) => now = next,
                Err(_) => continue,
            }
            prop_assert!(!before.state.is_settled(), "a settled state is final");
            sends += u32::from(transition == Transition::Send);
            prop_assert_eq!(now.attempts, sends);
            prop_assert_eq!(now.sent_at.is_some(), sends > 0);
            prop_assert_eq!(now.settled_at.is_some(), now.state.is_settled());
            let answered = matches!(now.state, CommandState::Confirmed | CommandState::Refused);
            prop_assert_eq!(now.result.is_some(), answered);
            prop_assert_eq!(now.result == Some(0), now.state == CommandState::Confirmed);
            prop_assert!(!answered || sends > 0, "no answer to what was never sent");
        }
    }
}
