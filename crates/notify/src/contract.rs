//! What every channel must do, as checks that an adapter's tests run on it.
//!
//! An adapter implements [`Harness`] with another side that does as it is told, and calls [`all`] from
//! a test. A check that fails panics with the place and the reason, as an assertion does.
#![expect(clippy::panic, reason = "checks for tests fail as tests do")]

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, select};
use spica_alerts::{Language, Message, NoticeId, Outcome, Reason};
use spica_cases::{Case, CaseId, Severity};
use spica_model::Timestamp;

use crate::SharedChannel;

/// What the other side does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Takes it.
    Take,
    /// Says that it cannot take it now.
    BeBusy,
    /// Says that it will never take it.
    Refuse,
    /// Reads it and closes the connection without a word.
    BreakOff,
    /// Reads it and says nothing any more.
    Hang,
}

/// What an adapter offers to its checks: a channel and its other side.
pub trait Harness: Send + Sync {
    /// The channel, started, with places for at least two messages and more time than any slow
    /// machine needs.
    fn patient(&self) -> SharedChannel;

    /// The same with so short a time-out that a test can wait for it.
    fn hasty(&self) -> SharedChannel;

    /// What the other side does with the next messages that reach it, in order; without a word, it
    /// takes them.
    fn next(&self, does: &[Does]);

    /// Resolves when so many messages have reached the other side since the beginning.
    fn received(&self, count: usize) -> BoxFuture<'_, ()>;

    /// Resolves when both channels can send: after a break, a standing session is made again first.
    fn ready(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }

    /// What the other side can tell a repetition by, of every message that has reached it, in order.
    fn identities(&self) -> Vec<String>;

    /// Lets the time-out pass for a channel that has no clock of its own.
    fn time_passes(&self) {}

    /// The address of the messages.
    fn address(&self) -> &str {
        "+41791234567"
    }
}

/// Runs every check.
pub async fn all(harness: &dyn Harness) {
    answers_say_whether_to_try_again(harness).await;
    an_attempt_can_be_told_from_another_message(harness).await;
    who_hangs_is_given_up(harness).await;
    who_hangs_holds_up_nobody(harness).await;
    health_counts(harness).await;
}

/// A message about case `1-<number>`, at its attempt `attempt`.
#[must_use]
pub fn message(number: u64, attempt: u32) -> Message {
    let id = CaseId { epoch: 1, number };
    let at = Timestamp::from_secs(1_795_338_000);
    Message {
        key: format!("root/s1:{id}/1"),
        notice: NoticeId {
            case: id,
            number: 1,
        },
        case: Arc::new(case(id, at)),
        reason: Reason::Raised,
        node: "root/s1".to_owned(),
        person: Some("Anna Meier".to_owned()),
        address: "+41791234567".to_owned(),
        subject: "EMERGENCY: Man down (Lift 3)".to_owned(),
        body: format!("Man down: Lift 3, case {id}, 10:00"),
        language: Language::ENGLISH,
        link: Some(format!("https://hub.example.org/cases/{id}")),
        attempt,
        at,
    }
}

/// An open, unacknowledged emergency.
fn case(id: CaseId, at: Timestamp) -> Case {
    Case {
        id,
        source: "devices/0012345".to_owned(),
        condition: "man-down".to_owned(),
        severity: Severity::Emergency,
        text: "Man down".to_owned(),
        name: Some("Lift 3".to_owned()),
        customer: Some("acme".to_owned()),
        raised_at: at,
        received_at: at,
        happened_at: None,
        cause: "1/critical/7".to_owned(),
        active: true,
        cleared_at: None,
        acknowledged: None,
        confirmed: None,
        closed: None,
        repeats: 0,
        last_raised_at: at,
        owner: None,
        quiet: false,
        detail: serde_json::Value::Null,
    }
}

fn addressed(harness: &dyn Harness, number: u64, attempt: u32) -> Message {
    let address = harness.address().to_owned();
    Message {
        address,
        ..message(number, attempt)
    }
}

async fn answers_say_whether_to_try_again(harness: &dyn Harness) {
    let channel = harness.patient();
    for (number, does, said) in [
        (10, Does::Take, "delivered"),
        (11, Does::BeBusy, "retry"),
        (12, Does::BreakOff, "retry"),
        (13, Does::Refuse, "refused"),
        // Nothing of what went before is in its way.
        (14, Does::Take, "delivered"),
    ] {
        harness.ready().await;
        harness.next(&[does]);
        let outcome = channel.send(&addressed(harness, number, 1)).await;
        assert_eq!(outcome.as_str(), said, "{does:?}: {outcome:?}");
        assert!(!outcome.answer().is_empty(), "{does:?} says nothing");
    }
}

async fn an_attempt_can_be_told_from_another_message(harness: &dyn Harness) {
    let channel = harness.patient();
    let before = harness.identities().len();
    harness.next(&[Does::BeBusy]);
    for (number, attempt) in [(20, 1), (20, 2), (21, 1)] {
        channel.send(&addressed(harness, number, attempt)).await;
    }
    let identities = harness.identities().split_off(before);
    let [first, again, other] = identities.as_slice() else {
        panic!("three messages reached the other side as {identities:?}");
    };
    assert_eq!(first, again, "a repetition looks like another message");
    assert_ne!(first, other, "another message looks like a repetition");
}

async fn who_hangs_is_given_up(harness: &dyn Harness) {
    harness.ready().await;
    let before = harness.identities().len();
    let channel = harness.hasty();
    harness.next(&[Does::Hang]);
    let message = addressed(harness, 30, 1);
    let given_up = async {
        harness.received(before + 1).await;
        harness.time_passes();
    };
    let (outcome, ()) = futures::future::join(channel.send(&message), given_up).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    assert_eq!(channel.health().in_flight, 0);
    // The next one gets through, with the time that a slow machine needs.
    let next = harness.patient().send(&addressed(harness, 31, 1)).await;
    assert_eq!(next.as_str(), "delivered", "{next:?}");
}

async fn who_hangs_holds_up_nobody(harness: &dyn Harness) {
    let channel = harness.patient();
    let before = harness.identities().len();
    harness.next(&[Does::Hang]);
    let hanging = addressed(harness, 40, 1);
    let mut hung = channel.send(&hanging);
    match select(&mut hung, harness.received(before + 1)).await {
        Either::Left((outcome, _)) => panic!("it hangs, and yet: {outcome:?}"),
        Either::Right(((), _)) => {}
    }
    let message = addressed(harness, 41, 1);
    match select(&mut hung, channel.send(&message)).await {
        Either::Left((outcome, _)) => panic!("it hangs, and yet: {outcome:?}"),
        Either::Right((outcome, _)) => assert_eq!(outcome.as_str(), "delivered", "{outcome:?}"),
    }
    assert_eq!(channel.health().in_flight, 1);
    assert!((&mut hung).now_or_never().is_none());
    drop(hung);
    assert_eq!(
        channel.health().in_flight,
        0,
        "a send that is dropped is over"
    );
}

async fn health_counts(harness: &dyn Harness) {
    let channel = harness.patient();
    let before = channel.health();
    harness.next(&[Does::Take, Does::BeBusy, Does::Refuse]);
    for number in 50..53 {
        channel.send(&addressed(harness, number, 1)).await;
    }
    let after = channel.health();
    let more = |count: fn(&crate::Health) -> u64| count(&after) - count(&before);
    let counted = [
        more(|h| h.delivered),
        more(|h| h.retries),
        more(|h| h.refused),
    ];
    assert_eq!(counted, [1, 1, 1]);
    assert!(after.last_success.is_some() && after.last_failure.is_some());
}
