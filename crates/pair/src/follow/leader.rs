//! The active's side of a link.

use std::collections::VecDeque;

use spica_model::{Lane, Seq};

use crate::history::{History, Relation};

/// How many batches of the critical lane may go before one of the normal lane.
const CRITICAL_BATCHES: u32 = 8;

/// What may be on the way in each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Bytes of batches. One batch may always go, however long it is.
    pub bytes: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { bytes: 8 << 20 }
    }
}

/// Where a lane begins on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// The follower has a beginning of this history: it goes on after its own end.
    After(Seq),
    /// The follower has more than that: it must put aside what stands after `common`, and come again.
    Parted {
        /// The last place that both have in common.
        common: Seq,
    },
    /// What the follower needs next is gone here: it must begin anew at `first`, and come again.
    Anew {
        /// The oldest record that the active has.
        first: Seq,
    },
}

/// One lane of a link.
#[derive(Debug, Clone, Default)]
struct Sending {
    /// What was placed here.
    staged: Seq,
    sent: Seq,
    acked: Seq,
    /// Ends and bytes of batches on the way, oldest first.
    on_the_way: VecDeque<(Seq, usize)>,
    bytes: usize,
}

/// The active's side of a link.
#[derive(Debug, Clone)]
pub struct Leader {
    lanes: [Sending; 2],
    window: Window,
    /// Batches of the critical lane since the last one of the normal lane.
    critical_run: u32,
}

impl Leader {
    /// Compares the histories of the active and of the follower, critical first: where each lane
    /// begins.
    #[must_use]
    pub fn compare(mine: &[History; 2], theirs: &[History; 2]) -> [Begin; 2] {
        Lane::ALL.map(|lane| {
            let (mine, theirs) = (&mine[lane.index()], &theirs[lane.index()]);
            match mine.relation(theirs) {
                Relation::Behind => Begin::After(theirs.last),
                Relation::Parted { common } => Begin::Parted { common },
                Relation::TooFar { first } => Begin::Anew { first },
            }
        })
    }

    /// A link whose lanes begin after these places, which the follower has.
    #[must_use]
    pub fn new(after: [Seq; 2], window: Window) -> Self {
        let lane = |after| Sending {
            staged: after,
            sent: after,
            acked: after,
            ..Sending::default()
        };
        Self {
            lanes: after.map(lane),
            window,
            critical_run: 0,
        }
    }

    /// Records up to `seq` can be sent.
    pub fn staged(&mut self, lane: Lane, seq: Seq) {
        let lane = &mut self.lanes[lane.index()];
        lane.staged = lane.staged.max(seq);
    }

    /// The lane of which a batch goes next; none if there is nothing to send, or the windows are
    /// full.
    #[must_use]
    pub fn next(&self) -> Option<Lane> {
        let ready = |lane: Lane| {
            let sending = &self.lanes[lane.index()];
            let room = sending.bytes < self.window.bytes || sending.on_the_way.is_empty();
            (sending.sent < sending.staged && room).then_some(lane)
        };
        let (critical, normal) = (ready(Lane::Critical), ready(Lane::Normal));
        match (critical, normal) {
            (Some(_), Some(_)) if self.critical_run >= CRITICAL_BATCHES => normal,
            (critical, normal) => critical.or(normal),
        }
    }

    /// A batch was sent: its last record, and its bytes.
    pub fn sent(&mut self, lane: Lane, last: Seq, bytes: usize) {
        self.critical_run = match lane {
            Lane::Critical => self.critical_run.saturating_add(1),
            Lane::Normal => 0,
        };
        let sending = &mut self.lanes[lane.index()];
        sending.sent = sending.sent.max(last);
        sending.staged = sending.staged.max(last);
        sending.on_the_way.push_back((last, bytes));
        sending.bytes += bytes;
    }

    /// The follower has everything up to `seq` on its disk. False if that was never sent: the other
    /// side is confused, and the link must be cut.
    #[must_use]
    pub fn acked(&mut self, lane: Lane, seq: Seq) -> bool {
        let sending = &mut self.lanes[lane.index()];
        if seq > sending.sent {
            return false;
        }
        sending.acked = sending.acked.max(seq);
        while let Some((_, bytes)) = sending.on_the_way.pop_front_if(|(last, _)| *last <= seq) {
            sending.bytes -= bytes;
        }
        true
    }

    /// Whether everything of a lane that can be sent was sent: more comes when more is placed, not
    /// when there is room.
    #[must_use]
    pub fn is_drained(&self, lane: Lane) -> bool {
        let lane = &self.lanes[lane.index()];
        lane.sent >= lane.staged
    }

    /// Bytes of a lane on the way.
    #[must_use]
    pub fn bytes(&self, lane: Lane) -> usize {
        self.lanes[lane.index()].bytes
    }

    /// What the follower has on its disk.
    #[must_use]
    pub fn has(&self, lane: Lane) -> Seq {
        self.lanes[lane.index()].acked
    }

    /// How many records of each lane the follower lacks.
    #[must_use]
    pub fn lag(&self) -> [u64; 2] {
        self.lanes
            .each_ref()
            .map(|lane| lane.staged.0.saturating_sub(lane.acked.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader() -> Leader {
        Leader::new([Seq(10), Seq(20)], Window { bytes: 100 })
    }

    #[test]
    fn critical_goes_first_and_normal_keeps_a_share() {
        let mut leader = leader();
        leader.staged(Lane::Critical, Seq(1_000));
        leader.staged(Lane::Normal, Seq(1_000));
        let mut order = Vec::new();
        for n in 1..=18 {
            let lane = leader.next().unwrap();
            order.push(lane);
            let at = Seq(20 + n);
            leader.sent(lane, at, 10);
            assert!(leader.acked(lane, at));
        }
        let normal = order.iter().filter(|lane| **lane == Lane::Normal).count();
        assert_eq!(
            (order[0], order[8], normal),
            (Lane::Critical, Lane::Normal, 2)
        );
    }

    #[test]
    fn a_full_window_waits_but_one_batch_always_goes() {
        let mut leader = leader();
        leader.staged(Lane::Normal, Seq(50));
        leader.sent(Lane::Normal, Seq(30), 5_000);
        assert_eq!(leader.next(), None);
        assert_eq!(leader.lag(), [0, 30]);
        // The other lane's window is its own.
        leader.staged(Lane::Critical, Seq(11));
        assert_eq!(leader.next(), Some(Lane::Critical));
        leader.sent(Lane::Critical, Seq(11), 1);
        assert!(leader.acked(Lane::Normal, Seq(30)));
        assert_eq!(leader.next(), Some(Lane::Normal));
    }

    #[test]
    fn an_acknowledgement_of_what_was_never_sent_is_refused() {
        let mut leader = leader();
        leader.staged(Lane::Normal, Seq(50));
        assert!(!leader.acked(Lane::Normal, Seq(21)));
        leader.sent(Lane::Normal, Seq(25), 10);
        assert!(leader.acked(Lane::Normal, Seq(25)));
        assert!(leader.acked(Lane::Normal, Seq(22)), "late, and harmless");
        assert_eq!(leader.has(Lane::Normal), Seq(25));
    }

    #[test]
    fn each_lane_begins_by_its_own_history() {
        let history = |reigns: &[(u32, u64)], first, last| History {
            reigns: reigns
                .iter()
                .map(|(epoch, seq)| (spica_model::Epoch(*epoch), Seq(*seq)))
                .collect(),
            first: Seq(first),
            last: Seq(last),
        };
        let mine = [
            history(&[(1, 1), (2, 6)], 1, 9),
            history(&[(2, 100)], 100, 200),
        ];
        let theirs = [history(&[(1, 1), (3, 5)], 1, 8), history(&[], 1, 0)];
        assert_eq!(
            Leader::compare(&mine, &theirs),
            [
                Begin::Parted { common: Seq(4) },
                Begin::Anew { first: Seq(100) }
            ]
        );
    }
}
