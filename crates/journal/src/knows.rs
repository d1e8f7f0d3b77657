//! Whether a place that someone has seen is one of this journal's history.

use spica_model::{Lane, Place, Seq};

use crate::{FollowError, Followed, Journal};

/// Whether a place lies in the history that `journal` holds, in all of `lanes`. Reads at most
/// one record per lane, and only for a place of an earlier reign. A place that retention has
/// passed counts as one of this history: whoever follows from it is told of the gap.
///
/// # Errors
/// If a file cannot be read.
pub fn knows(journal: &dyn Journal, place: &Place, lanes: &[Lane]) -> Result<bool, FollowError> {
    for &lane in lanes {
        if !lane_is_known(journal, place, lane)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lane_is_known(journal: &dyn Journal, place: &Place, lane: Lane) -> Result<bool, FollowError> {
    let (epoch, seq) = (place.epoch(lane), place.seq(lane));
    let status = journal.status(lane);
    if epoch > status.epoch || seq > status.durable {
        return Ok(false);
    }
    if epoch == status.epoch || seq < status.first || seq == Seq::ZERO {
        return Ok(true);
    }
    // Seen in an earlier reign: if a later one wrote another record here, the histories parted.
    let found = journal.follow(lane, Seq(seq.0 - 1))?.read(1)?;
    Ok(match found {
        Followed::Records(records) => records.iter().all(|r| r.position.epoch <= epoch),
        _ => true,
    })
}

#[cfg(test)]
mod tests;
