//! A place in both lanes at once: what a page of history goes on from, and what a live stream
//! resumes after.
//!
//! Two spellings of the same value: a page's `next` is opaque and carries a version; a server-sent
//! event's id is plain, since its reader is often a person with curl.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use spica_journal::{FollowError, Followed, Journal};
use spica_model::{Epoch, Lane, Position, Seq};

/// Everything up to a record in each lane. The epoch says in which reign it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place([(Epoch, Seq); 2]);

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place: give back what was given out, unchanged")]
pub struct PlaceError;

/// Version of the opaque spelling.
const VERSION: &str = "1";

impl Place {
    /// A place from its two lanes, critical first.
    #[must_use]
    pub const fn new(critical: (Epoch, Seq), normal: (Epoch, Seq)) -> Self {
        Self([critical, normal])
    }

    /// The last record of `lane` that lies before this place.
    #[must_use]
    pub const fn seq(&self, lane: Lane) -> Seq {
        self.0[lane.index()].1
    }

    /// The reign in which the place was seen.
    #[must_use]
    pub const fn epoch(&self, lane: Lane) -> Epoch {
        self.0[lane.index()].0
    }

    /// Moves on to `position`, if that is further in its lane.
    pub fn advance(&mut self, position: Position) {
        let lane = &mut self.0[position.lane.index()];
        if position.seq > lane.1 {
            *lane = (position.epoch, position.seq);
        }
    }

    /// Whether `position` lies before this place.
    #[must_use]
    pub fn covers(&self, position: Position) -> bool {
        position.seq <= self.seq(position.lane)
    }

    /// The opaque spelling.
    #[must_use]
    pub fn cursor(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{VERSION};{self}"))
    }

    /// Reads the opaque spelling.
    ///
    /// # Errors
    /// If it is none, or of a version that is not known.
    pub fn from_cursor(text: &str) -> Result<Self, PlaceError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| PlaceError)?;
        let plain = std::str::from_utf8(&bytes).map_err(|_| PlaceError)?;
        let (version, place) = plain.split_once(';').ok_or(PlaceError)?;
        if version == VERSION {
            place.parse()
        } else {
            Err(PlaceError)
        }
    }

    /// Whether this place lies in the history that `journal` holds, in all of `lanes`. Reads at most
    /// one record per lane, and only for a place of an earlier reign. A place that retention has
    /// passed counts as one of this history: whoever follows from it is told of the gap.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn is_known(&self, journal: &dyn Journal, lanes: &[Lane]) -> Result<bool, FollowError> {
        for &lane in lanes {
            if !self.lane_is_known(journal, lane)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn lane_is_known(&self, journal: &dyn Journal, lane: Lane) -> Result<bool, FollowError> {
        let (epoch, seq) = (self.epoch(lane), self.seq(lane));
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
}

impl fmt::Display for Place {
    /// `critical:1/5,normal:1/42`: lane, epoch, number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(critical, c), (normal, n)] = self.0;
        write!(f, "critical:{}/{c},normal:{}/{n}", critical.0, normal.0)
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (critical, normal) = text.split_once(',').ok_or(PlaceError)?;
        Ok(Self([
            lane(critical, "critical:")?,
            lane(normal, "normal:")?,
        ]))
    }
}

fn lane(text: &str, prefix: &str) -> Result<(Epoch, Seq), PlaceError> {
    let (epoch, seq) = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.split_once('/'))
        .ok_or(PlaceError)?;
    Ok((Epoch(number(epoch)?), Seq(number(seq)?)))
}

/// Digits only: `+7` is no number of ours.
fn number<T: FromStr>(digits: &str) -> Result<T, PlaceError> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PlaceError);
    }
    digits.parse().map_err(|_| PlaceError)
}

#[cfg(test)]
mod tests;
