//! How old what nobody has handled is.

use spica_journal::{Followed, Journal};
use spica_model::{Lane, Seq, Timestamp};

/// The first record of a lane after `after` that can be read, and when it was received. Reads at most
/// one record from the journal.
pub(crate) fn first_after(
    journal: &dyn Journal,
    lane: Lane,
    after: Seq,
) -> Option<(Seq, Timestamp)> {
    let before_first = Seq(journal.status(lane).first.0.saturating_sub(1));
    let mut follower = journal.follow(lane, after.max(before_first)).ok()?;
    // Damage that stands there first hides how old it is; what follows it is younger.
    for _ in 0..2 {
        if let Followed::Records(records) = follower.read(1).ok()? {
            let first = records.first()?;
            return Some((first.position.seq, first.received));
        }
    }
    None
}

/// As [`first_after`]; what was found before is believed as long as it still comes first.
pub(crate) fn oldest_unhandled(
    journal: &dyn Journal,
    lane: Lane,
    through: Seq,
    known: Option<(Seq, Timestamp)>,
) -> Option<(Seq, Timestamp)> {
    if through >= journal.status(lane).durable {
        return None;
    }
    match known {
        Some((seq, received)) if seq == through.next() => Some((seq, received)),
        _ => first_after(journal, lane, through),
    }
}
