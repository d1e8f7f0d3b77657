//! How far the desk has come in the journal.

use serde::{Deserialize, Serialize};
use spica_model::{Lane, Seq};

/// The last record of each lane on which everything is decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark([Seq; 2]);

#[derive(Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Json {
    critical: u64,
    normal: u64,
}

impl Mark {
    /// A mark at these places.
    #[must_use]
    pub const fn new(critical: Seq, normal: Seq) -> Self {
        Self([critical, normal])
    }

    /// The last record of `lane`.
    #[must_use]
    pub const fn of(&self, lane: Lane) -> Seq {
        self.0[lane.index()]
    }

    /// Goes on to `seq` of `lane`; never back.
    pub(crate) fn pass(&mut self, lane: Lane, seq: Seq) {
        let mark = &mut self.0[lane.index()];
        *mark = seq.max(*mark);
    }

    /// The payload of its record: JSON.
    pub(crate) fn encode(self) -> Vec<u8> {
        let [critical, normal] = self.0.map(|seq| seq.0);
        format!(r#"{{"critical":{critical},"normal":{normal}}}"#).into_bytes()
    }

    /// Reads a payload; `None` if it is none.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let Json { critical, normal } = serde_json::from_slice(payload).ok()?;
        Some(Self::new(Seq(critical), Seq(normal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_never_goes_back() {
        let mut mark = Mark::new(Seq(3), Seq(9));
        mark.pass(Lane::Normal, Seq(7));
        mark.pass(Lane::Critical, Seq(4));
        assert_eq!(
            Mark::decode(&mark.encode()),
            Some(Mark::new(Seq(4), Seq(9)))
        );
        assert_eq!(Mark::decode(b"x"), None);
    }
}
