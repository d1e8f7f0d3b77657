//! Where a record stands: owner's epoch, lane and sequence, compared as one value only.

use std::fmt;
use std::str::FromStr;

/// One of the two independent journals of an owner. A record's class *is* its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Life-critical records: own files, own commits, never behind the normal lane.
    Critical,
    /// Everything else.
    Normal,
}

impl Lane {
    /// Both lanes, critical first.
    pub const ALL: [Self; 2] = [Self::Critical, Self::Normal];

    /// 0 for critical, 1 for normal: an index into per-lane arrays.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Critical => 0,
            Self::Normal => 1,
        }
    }

    /// `critical` or `normal`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Normal => "normal",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Lane {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "critical" => Ok(Self::Critical),
            "normal" => Ok(Self::Normal),
            _ => Err(ParsePositionError),
        }
    }
}

/// Number of an owner's reign, raised at each take-over. The first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch of an owner that has never been taken over.
    pub const FIRST: Self = Self(1);
}

/// Number of a record in its lane. The first is 1; 0 stands for "before the first". It goes on
/// counting across epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first record.
    pub const ZERO: Self = Self(0);

    /// The sequence after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a record stands in its owner's journal. The owner is known from the context (the node
/// whose journal it is). Positions have no order of their own: two epochs' positions can only be
/// compared by someone who knows both histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The owner's reign.
    pub epoch: Epoch,
    /// The lane.
    pub lane: Lane,
    /// The number in the lane.
    pub seq: Seq,
}

/// A text that is no position. Positions look like `1/normal/42`: epoch, lane, sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a position looks like 1/normal/42: epoch, lane (critical or normal), sequence")]
pub struct ParsePositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.epoch.0, self.lane, self.seq)
    }
}

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or(ParsePositionError);
        let (epoch, lane, seq) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(ParsePositionError);
        }
        Ok(Self {
            epoch: Epoch(epoch.parse().map_err(|_| ParsePositionError)?),
            lane: lane.parse()?,
            seq: Seq(seq.parse().map_err(|_| ParsePositionError)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back_what_they_print() {
        let position = Position {
            epoch: Epoch(3),
            lane: Lane::Critical,
            seq: Seq(9),
        };
        assert_eq!(position.to_string(), "3/critical/9");
        assert_eq!("3/critical/9".parse(), Ok(position));
        for bad in [
            "",
            "3/critical",
            "3/urgent/9",
            "3/critical/9/1",
            "x/normal/1",
        ] {
            assert_eq!(bad.parse::<Position>(), Err(ParsePositionError), "{bad:?}");
        }
    }
}
