//! Reading records at places of a lane.

use spica_journal::{FollowError, Followed, Follower, Journal};
use spica_model::{Lane, Seq};

use super::lane::Item;
use super::{DamagedRange, GapRange};

/// Records that are rather read over than looked up anew.
const NEAR: u64 = 64;
/// Records that are read at once.
const READ: u64 = 256;

/// Reads a lane, best in its order.
pub(super) struct Reader<'j> {
    journal: &'j dyn Journal,
    lane: Lane,
    follower: Option<Box<dyn Follower>>,
}

impl<'j> Reader<'j> {
    pub(super) fn new(journal: &'j dyn Journal, lane: Lane) -> Self {
        Self {
            journal,
            lane,
            follower: None,
        }
    }

    /// The records at `seqs`, which ascend.
    pub(super) fn at(&mut self, seqs: &[Seq]) -> Result<Vec<Item>, FollowError> {
        let mut found = Vec::with_capacity(seqs.len());
        let mut seqs = seqs.iter().copied().peekable();
        while let Some(&seq) = seqs.peek() {
            let max = {
                let follower = self.follower_near(seq)?;
                (seq.0 - follower.after().0).max(1)
            };
            for item in self.read(max)? {
                match &item {
                    Item::Record(record) => {
                        if seqs.next_if_eq(&record.position.seq).is_some() {
                            found.push(item);
                        }
                    }
                    Item::Gap(GapRange { from, to, .. })
                    | Item::Damaged(DamagedRange { from, to, .. }) => {
                        let (from, to) = (*from, *to);
                        let mut hit = false;
                        while seqs.next_if(|seq| (from..=to).contains(seq)).is_some() {
                            hit = true;
                        }
                        if hit {
                            found.push(item);
                        }
                    }
                }
            }
            // The journal was cut, or a damaged place was passed over.
            let after = self
                .follower
                .as_ref()
                .map_or(seq, |follower| follower.after());
            if after < seq && self.is_at_end() {
                break;
            }
            while seqs.next_if(|seq| *seq <= after).is_some() {}
        }
        Ok(found)
    }

    /// All that stands after `after` up to `through`.
    pub(super) fn span(&mut self, after: Seq, through: Seq) -> Result<Vec<Item>, FollowError> {
        self.follower = Some(self.journal.follow(self.lane, after)?);
        let mut found = Vec::new();
        let mut place = after;
        while place < through {
            let items = self.read(through.0 - place.0)?;
            if items.is_empty() {
                break;
            }
            found.extend(items);
            place = self
                .follower
                .as_ref()
                .map_or(through, |follower| follower.after());
        }
        Ok(found)
    }

    /// A follower that stands shortly before `seq`.
    fn follower_near(&mut self, seq: Seq) -> Result<&dyn Follower, FollowError> {
        let near = |follower: &dyn Follower| {
            let after = follower.after();
            after < seq && seq.0 - after.0 <= NEAR
        };
        let follower = match self.follower.take().filter(|follower| near(&**follower)) {
            Some(follower) => follower,
            None => self
                .journal
                .follow(self.lane, Seq(seq.0.saturating_sub(1)))?,
        };
        Ok(&**self.follower.insert(follower))
    }

    fn is_at_end(&self) -> bool {
        let durable = self.journal.status(self.lane).durable;
        self.follower
            .as_ref()
            .is_none_or(|follower| follower.after() >= durable)
    }

    fn read(&mut self, max: u64) -> Result<Vec<Item>, FollowError> {
        let Some(follower) = &mut self.follower else {
            return Ok(Vec::new());
        };
        let max = usize::try_from(max.min(READ)).unwrap_or(1);
        let lane = self.lane;
        Ok(match follower.read(max)? {
            Followed::Records(records) => records.into_iter().map(Item::Record).collect(),
            Followed::Gap { from, to } => vec![Item::Gap(GapRange { lane, from, to })],
            Followed::Damaged(damage) => vec![Item::Damaged(DamagedRange {
                lane,
                from: damage.from,
                to: damage.to,
            })],
            Followed::UpToDate => Vec::new(),
        })
    }
}
