//! What survives a process: two lanes over a disk that loses what was not flushed, and a small file
//! of facts.

use std::collections::VecDeque;

use spica_model::{Epoch, Seq};
use spica_pair::Durable;
use spica_pair::history::History;

use crate::chance::Chance;
use crate::words::{Entry, Us};

/// One lane on a disk.
#[derive(Debug, Default)]
pub(crate) struct LaneDisk {
    /// What is written, in order; the record at place `n` is the `n - 1`st.
    pub(crate) entries: Vec<Entry>,
    /// How many of them are flushed.
    pub(crate) synced: u64,
    /// Up to where the flush goes that is under way.
    pub(crate) flushing: Option<u64>,
    /// Up to where the lane must reach to be whole: a tail that is missing is known.
    pub(crate) mark: u64,
    /// Places whose record is damaged.
    pub(crate) damaged: Vec<u64>,
}

impl LaneDisk {
    pub(crate) fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The record at a place, from 1.
    pub(crate) fn at(&self, place: u64) -> Option<Entry> {
        let index = usize::try_from(place.checked_sub(1)?).ok()?;
        self.entries.get(index).copied()
    }

    pub(crate) fn history(&self) -> History {
        let mut reigns: Vec<(Epoch, Seq)> = Vec::new();
        for (place, entry) in (1..).zip(&self.entries) {
            if reigns.last().is_none_or(|(last, _)| last.0 != entry.epoch) {
                reigns.push((Epoch(entry.epoch), Seq(place)));
            }
        }
        History {
            reigns,
            first: Seq(1),
            last: Seq(self.end()),
        }
    }

    /// Cuts off what stands after a place, and gives it. Damaged records are beyond giving.
    pub(crate) fn cut_after(&mut self, place: u64) -> Vec<Entry> {
        let keep = usize::try_from(place).unwrap_or(usize::MAX);
        let suffix = self.entries.split_off(keep.min(self.entries.len()));
        let damaged = std::mem::take(&mut self.damaged);
        let (kept, lost): (Vec<u64>, Vec<u64>) = damaged.into_iter().partition(|at| *at <= place);
        self.damaged = kept;
        self.synced = self.synced.min(place);
        self.mark = self.mark.min(place);
        let is_whole = |at: &u64| !lost.contains(at);
        let numbered = (place + 1..).zip(suffix);
        numbered
            .filter(|(at, _)| is_whole(at))
            .map(|(_, entry)| entry)
            .collect()
    }
}

/// What survives a process.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) lanes: [LaneDisk; 2],
    /// The newest epoch that the journal has durably begun.
    pub(crate) epoch: u32,
    pub(crate) facts: Durable,
    /// Facts on their way to the small file, oldest first.
    pub(crate) storing: VecDeque<Durable>,
    /// When the small file is free again.
    pub(crate) busy_until: Us,
    /// Suffixes that parted, until they are re-entered: lane and record.
    pub(crate) aside: Vec<(u8, Entry)>,
    /// How far the handler came.
    pub(crate) cursor: [u64; 2],
    /// Grows when what was on its way to the disk no longer arrives.
    pub(crate) life: u32,
    pub(crate) full: bool,
    /// How long a flush takes now, if it is slow.
    pub(crate) slow: Option<Us>,
    /// Flushes hang until this time.
    pub(crate) stuck_until: Us,
    /// Whether the process that runs has found damage, which was not there when it started.
    pub(crate) found: bool,
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Epoch::FIRST.0,
            ..Self::default()
        }
    }

    /// The process has ended. What it had written stays; what it was about to store may or may not.
    pub(crate) fn process_ends(&mut self, chance: &mut Chance) {
        let arrives = chance.below(self.storing.len() as u64 + 1);
        for facts in self.storing.drain(..).take(arrives as usize) {
            self.facts = facts;
        }
        self.life += 1;
        self.found = false;
        for lane in &mut self.lanes {
            lane.flushing = None;
        }
    }

    /// The power goes: of what was not flushed, a beginning stays, which may be all.
    pub(crate) fn power_loss(&mut self, chance: &mut Chance) {
        self.process_ends(chance);
        for lane in &mut self.lanes {
            let keep = chance.between(lane.synced, lane.end());
            lane.entries.truncate(keep as usize);
        }
    }

    /// What a process finds: recovery flushes what it has read.
    pub(crate) fn recover(&mut self) {
        for lane in &mut self.lanes {
            lane.synced = lane.end();
            lane.flushing = None;
            let newest = lane.entries.last().map_or(0, |entry| entry.epoch);
            self.epoch = self.epoch.max(newest);
        }
        self.busy_until = 0;
    }

    /// Whether nothing is damaged or missing.
    pub(crate) fn is_sound(&self) -> bool {
        let whole = |lane: &LaneDisk| lane.damaged.is_empty() && lane.end() >= lane.mark;
        self.lanes.iter().all(whole)
    }

    /// The flushed ends of both lanes.
    pub(crate) fn synced(&self) -> [Seq; 2] {
        self.lanes.each_ref().map(|lane| Seq(lane.synced))
    }

    /// Up to where both lanes are flushed and undamaged.
    pub(crate) fn whole(&self) -> [Seq; 2] {
        self.lanes.each_ref().map(|lane| {
            let damaged = lane.damaged.iter().min().map_or(u64::MAX, |at| at - 1);
            Seq(lane.synced.min(damaged))
        })
    }

    /// How long a flush that begins now takes.
    pub(crate) fn flush_time(&self, now: Us, chance: &mut Chance) -> Us {
        let usual = chance.between(80, 600);
        let slow = self.slow.map_or(usual, |slow| slow + usual);
        slow.max(self.stuck_until.saturating_sub(now) + usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(epochs: &[u32]) -> LaneDisk {
        let entry = |(key, epoch): (u32, &u32)| Entry {
            key,
            epoch: *epoch,
            received: 0,
        };
        LaneDisk {
            entries: (0..).zip(epochs).map(entry).collect(),
            ..LaneDisk::default()
        }
    }

    #[test]
    fn a_power_loss_keeps_what_was_flushed_and_perhaps_more() {
        let mut lengths = Vec::new();
        for seed in 0..50 {
            let mut disk = Disk::new();
            disk.lanes[0] = lane(&[1, 1, 2, 2, 2]);
            disk.lanes[0].synced = 3;
            disk.power_loss(&mut Chance::new(seed, 0));
            lengths.push(disk.lanes[0].end());
        }
        assert_eq!(lengths.iter().min(), Some(&3));
        assert_eq!(lengths.iter().max(), Some(&5));
    }

    #[test]
    fn a_history_is_the_list_of_its_reigns() {
        let history = lane(&[1, 1, 2, 4]).history();
        let reigns = [(1, 1), (2, 3), (4, 4)].map(|(epoch, seq)| (Epoch(epoch), Seq(seq)));
        assert_eq!(
            (history.reigns.as_slice(), history.last),
            (&reigns[..], Seq(4))
        );
    }

    #[test]
    fn a_suffix_is_given_without_what_is_damaged() {
        let mut lane = lane(&[1, 1, 2, 2]);
        lane.damaged = vec![1, 3];
        let suffix = lane.cut_after(2);
        assert_eq!(suffix.len(), 1);
        assert_eq!((suffix[0].key, &lane.damaged), (3, &vec![1]));
    }
}
