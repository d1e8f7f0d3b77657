//! Records that were put aside come back: a node whose journal had parted from its partner's was cut,
//! and what it had taken in alone becomes new records of the one journal that counts.
//!
//! [`Shelf`] reads the files, some records at a time. They are entered at a [`Desk`]: the partner's
//! while it is active, or this node's own if it is. [`Counter`] is the desk of an active; it decides
//! what becomes of each record (`again` makes it) and answers when all of them are durable. Both
//! nodes may crash anywhere: the file stays until the end, and what is entered twice is known by its
//! key.

mod again;
mod counter;
mod desk;
mod past;
mod shelf;

use spica_model::{Lane, Seq, Timestamp, Topic};
use spica_pair_proto::AsideEnds;

pub(crate) use self::counter::{Counter, Work, serve};
pub(crate) use self::desk::{Desk, PartnerDesk};
pub(crate) use self::shelf::{RECORDS_MAX, Shelf};

/// What the views of a node show: the port through which the active finds out whether a `state`
/// record is older than what its topic has.
pub trait Shows: Send + Sync + 'static {
    /// The last record of a lane that is shown.
    fn applied(&self, lane: Lane) -> Seq;

    /// When the last record of a topic was received, tombstones included; none if there is none.
    fn received(&self, topic: &Topic) -> Option<Timestamp>;
}

/// What became of some records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Entered {
    /// New records.
    pub(crate) entered: u32,
    /// Those that the journal knew, or that are older than what retention keeps.
    pub(crate) known: u32,
    /// New ones under a topic of their own.
    pub(crate) late: u32,
}

/// What an operator is told about a file.
pub(crate) fn account(ends: &AsideEnds) -> String {
    let AsideEnds {
        epoch,
        from,
        to,
        entered,
        known,
        late,
        copies,
        unreadable,
        ..
    } = ends;
    let lane = Lane::from(ends.lane);
    let mut text = format!(
        "what one node had taken in alone, records {from} to {to} of the {lane} lane in epoch {epoch}, \
         is in the journal again: {entered} new records, {late} of them older than what their topic \
         has and therefore below system/pair/late; {known} were known, {copies} were copies"
    );
    if *unreadable > 0 {
        text.push_str(&format!(
            "; {unreadable} COULD NOT BE READ: what is left of them is in {}.done",
            ends.file
        ));
    }
    text
}
