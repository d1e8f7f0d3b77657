//! Describing damage, in the words of the port.

use spica_journal::Damage;
use spica_journal_format::Ledger;
use spica_model::{Lane, Seq};
use spica_storage::Storage;

/// What is said of bytes that should be a batch.
pub(crate) const NO_BATCH: &str = "the batch that stood here is damaged";
/// What is said of a record in a batch whose header is right.
pub(crate) const BAD_RECORD: &str = "the checksum is wrong";
/// What is said of records that no segment holds.
pub(crate) const NO_SEGMENT: &str = "the segment that held them is missing, or damaged to its end";

/// Describes damage of one lane.
#[derive(Clone, Copy)]
pub(crate) struct Describe<'a> {
    pub(crate) lane: Lane,
    pub(crate) storage: &'a dyn Storage,
    pub(crate) ledger: &'a Ledger,
}

impl Describe<'_> {
    /// Records that cannot be served. A range that a repair has given up says so.
    pub(crate) fn damage(
        self,
        from: Seq,
        to: Seq,
        name: &str,
        offset: u64,
        reason: &str,
    ) -> Damage {
        let lane = self.lane;
        if let Some(lost) = self.ledger.holding(from).filter(|lost| to <= lost.to) {
            let reason = format!("given up by a repair at {}: {}", lost.repaired, lost.reason);
            let (file, offset) = (lost.file.as_str().into(), lost.offset);
            return Damage {
                lane,
                from,
                to,
                file,
                offset,
                reason: reason.into(),
            };
        }
        let file = self.storage.describe(name).into();
        Damage {
            lane,
            from,
            to,
            file,
            offset,
            reason: reason.into(),
        }
    }

    /// Whether a repair has given up all of these records.
    pub(crate) fn is_given_up(self, damage: &Damage) -> bool {
        self.ledger.covers(damage.from, damage.to)
    }
}
