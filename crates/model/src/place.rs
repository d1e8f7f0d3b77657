//! A place in both lanes at once: what a page of history goes on from, and what a live session
//! resumes after.

use std::fmt;
use std::str::FromStr;

use crate::{Epoch, Lane, Position, Seq};

/// Everything up to a record in each lane. The epoch says in which reign it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place([(Epoch, Seq); 2]);

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place: give back what was given out, unchanged")]
pub struct PlaceError;

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
mod tests {
    use super::*;

    fn place() -> Place {
        Place::new((Epoch(2), Seq(5)), (Epoch(1), Seq(u64::MAX)))
    }

    #[test]
    fn a_place_reads_back_what_it_prints() {
        let text = "critical:2/5,normal:1/18446744073709551615";
        assert_eq!(place().to_string(), text);
        assert_eq!(text.parse(), Ok(place()));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "critical:1/1",
            "critical:1/+1,normal:1/1",
            "critical:1/1,normal:1/-",
            ",",
        ] {
            assert_eq!(bad.parse::<Place>(), Err(PlaceError), "{bad:?}");
        }
    }

    #[test]
    fn a_place_only_moves_forward() {
        let mut place = Place::new((Epoch(1), Seq(5)), (Epoch(1), Seq(5)));
        let at = |seq| Position {
            epoch: Epoch(2),
            lane: Lane::Normal,
            seq: Seq(seq),
        };
        assert!(place.covers(at(5)) && !place.covers(at(6)));
        place.advance(at(4));
        assert_eq!(place.epoch(Lane::Normal), Epoch(1));
        place.advance(at(6));
        assert_eq!(
            (place.epoch(Lane::Normal), place.seq(Lane::Normal)),
            (Epoch(2), Seq(6))
        );
        assert_eq!(place.seq(Lane::Critical), Seq(5));
    }
}
