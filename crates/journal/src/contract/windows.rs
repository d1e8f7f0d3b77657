//! Finding places by the times at which records were received, whatever the clock did.

use std::sync::Arc;
use std::time::Duration;

use spica_model::{Lane, Seq, Timestamp};

use super::samples::{Sample, append, append_numbers, read_all};
use super::{Checked, Harness};
use crate::{Journal, Window};

const LANE: Lane = Lane::Normal;

/// Enough that a journal of segments has several.
const MANY: u64 = 100;

/// A day, an hour, a second: what clocks are set by.
const STEPS: [Duration; 3] = [
    Duration::from_secs(86_400),
    Duration::from_secs(3_600),
    Duration::from_secs(1),
];

/// The window between two times. Every record of `received` (by place, from the first one on) that
/// was received between them must stand within.
#[track_caller]
fn window(
    journal: &Arc<dyn Journal>,
    received: &[Timestamp],
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Window {
    let window = journal.window(LANE, from, until).unwrap();
    assert!(window.after <= window.through, "{window:?}");
    assert!(window.through <= journal.status(LANE).durable, "{window:?}");
    for (seq, time) in (1..).map(Seq).zip(received) {
        let wanted = from.is_none_or(|from| *time >= from) && until.is_none_or(|u| *time < u);
        let inside = window.after < seq && seq <= window.through;
        assert!(
            inside || !wanted,
            "{seq} of {time} is not in {window:?} of {from:?} to {until:?}"
        );
    }
    window
}

/// All windows that begin and end at the time of some record, just after it, or not at all.
fn check_all(journal: &Arc<dyn Journal>, received: &[Timestamp]) {
    let just_after = |time: &Timestamp| time.saturating_add(Duration::from_micros(1));
    let some = || received.iter().step_by(7);
    let bounds: Vec<_> = some()
        .copied()
        .chain(some().map(just_after))
        .map(Some)
        .chain([None])
        .collect();
    for from in &bounds {
        for until in &bounds {
            window(journal, received, *from, *until);
        }
    }
}

pub(super) fn hold_what_was_received(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let nothing = window(&journal, &[], Some(Timestamp::EPOCH), None);
    assert_eq!((nothing.after, nothing.through), (Seq::ZERO, Seq::ZERO));
    append_numbers(&journal, LANE, 1..=MANY);
    let received: Vec<_> = (1..=MANY).map(|n| Sample::number(n).received).collect();
    let check = |journal: &Arc<dyn Journal>| {
        check_all(journal, &received);
        let all = window(journal, &received, None, None);
        assert_eq!((all.after, all.through), (Seq::ZERO, Seq(MANY)));
        let later = Some(Sample::number(MANY + 1).received);
        let none = window(journal, &received, later, None);
        assert_eq!(none.after, none.through, "nothing was received so late");
        let none = window(journal, &received, None, Some(Sample::number(0).received));
        assert_eq!(none.after, none.through, "nothing was received so early");
    };
    check(&journal);
    if let Some(journal) = harness.reopen(journal) {
        check(&journal);
    }
    Checked::Yes
}

/// The clock goes back by an hour, forward by a day and back again, between commits and within one.
pub(super) fn do_not_trust_the_clock(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let mut now = Timestamp::from_secs(1_800_000_000);
    let mut received = Vec::new();
    for number in 1..=MANY {
        let [day, hour, second] = STEPS;
        now = match number {
            25 | 71 => now.saturating_sub(hour),
            50 => now.saturating_add(day),
            75 => now.saturating_sub(day),
            _ => now.saturating_add(second),
        };
        // The second record of a commit was received before the first one.
        let times = [now, now.saturating_sub(hour), now];
        let samples = times.map(|received| Sample {
            received,
            ..Sample::number(number)
        });
        append(&journal, LANE, &samples);
        received.extend(times);
    }
    check_all(&journal, &received);
    if let Some(journal) = harness.reopen(journal) {
        check_all(&journal, &received);
        assert_eq!(read_all(&journal, LANE, Seq::ZERO).len(), received.len());
    }
    Checked::Yes
}
