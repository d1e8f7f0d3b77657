//! One lane of a question: what the index holds of it, then what the index has not seen.

use std::collections::VecDeque;

use spica_journal::Journal;
use spica_model::{Lane, Record, Seq, Timestamp};

use super::fetch::Reader;
use super::list::Merged;
use super::plan::Plan;
use super::{DamagedRange, GapRange, Order, Query, Wanted};
use crate::error::HistoryError;
use crate::index::lane::LaneIndex;
use crate::index::store::MISSED;

/// Records that are fetched by the index at once.
const FETCH: usize = 64;
/// Records that are read in order at once.
const SCAN: u64 = 256;

/// What a lane brings next.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are records")]
pub(super) enum Item {
    Record(Record),
    Gap(GapRange),
    Damaged(DamagedRange),
}

/// One lane of a question.
pub(super) struct LaneReader<'a> {
    index: &'a LaneIndex,
    wanted: &'a Wanted,
    order: Order,
    reader: Reader<'a>,
    /// What is left to look at: after .. through.
    after: Seq,
    through: Seq,
    /// Up to where lists tell; behind it, and without lists, the journal is read in order.
    reach: Seq,
    lists: Option<Vec<u32>>,
    merged: Option<Merged>,
    ahead: VecDeque<Item>,
    /// The last place that was given out, or known not to matter.
    taken: Seq,
    begun: Seq,
    /// Records that may still be looked at. Each lane has its share: a question goes on somewhere.
    looks: usize,
    now: Timestamp,
}

impl<'a> LaneReader<'a> {
    pub(super) fn new(
        journal: &'a dyn Journal,
        index: &'a LaneIndex,
        query: &'a Query,
        looks: usize,
    ) -> Result<Self, HistoryError> {
        let (lane, wanted) = (index.lane, &query.wanted);
        let plan = Plan::of(index, wanted)?;
        let status = journal.status(lane);
        let window = journal.window(lane, wanted.from, wanted.to)?;
        let mut after = window.after.max(Seq(status.first.0.saturating_sub(1)));
        let mut through = window.through.min(status.durable);
        if let Some(place) = query.after {
            match query.order {
                Order::OldestFirst => after = after.max(place.of(lane)),
                Order::NewestFirst => {
                    through = through.min(Seq(place.of(lane).0.saturating_sub(1)));
                }
            }
        }
        // An empty span, however its ends were found.
        let through = through.max(after);
        let begun = match query.order {
            Order::OldestFirst => after,
            Order::NewestFirst => through.next(),
        };
        Ok(Self {
            index,
            wanted,
            order: query.order,
            reader: Reader::new(journal, lane),
            after,
            through,
            reach: if plan.lists.is_some() {
                plan.through
            } else {
                Seq::ZERO
            },
            lists: plan.lists,
            merged: None,
            ahead: VecDeque::new(),
            taken: begun,
            begun,
            looks,
            now: index.clock.wall(),
        })
    }

    pub(super) const fn lane(&self) -> Lane {
        self.index.lane
    }

    /// Whether it may not look further, and has nothing in hand.
    pub(super) fn is_starved(&self) -> bool {
        self.ahead.is_empty() && self.after < self.through && self.looks == 0
    }

    /// Where the page ends in this lane.
    pub(super) fn place(&self) -> Seq {
        if !self.ahead.is_empty() {
            return self.taken;
        }
        match self.order {
            Order::OldestFirst => self.after,
            Order::NewestFirst => self.through.next(),
        }
    }

    /// When the next item was received, if there is one; a range has no time.
    pub(super) fn next_received(&self) -> Option<Option<Timestamp>> {
        Some(match self.ahead.front()? {
            Item::Record(record) => Some(record.received),
            Item::Gap(_) | Item::Damaged(_) => None,
        })
    }

    pub(super) fn take(&mut self) -> Option<Item> {
        let item = self.ahead.pop_front()?;
        self.taken = match (&item, self.order) {
            (Item::Record(record), _) => record.position.seq,
            (
                Item::Gap(GapRange { to, .. }) | Item::Damaged(DamagedRange { to, .. }),
                Order::OldestFirst,
            ) => *to,
            (
                Item::Gap(GapRange { from, .. }) | Item::Damaged(DamagedRange { from, .. }),
                Order::NewestFirst,
            ) => *from,
        };
        Some(item)
    }

    /// Makes sure that something is ahead, unless the lane ends or its looks run out.
    pub(super) fn fill(&mut self) -> Result<(), HistoryError> {
        while self.ahead.is_empty() && self.after < self.through && self.looks > 0 {
            if self.is_in_reach() {
                self.fetch()?;
            } else {
                self.scan()?;
            }
        }
        Ok(())
    }

    fn is_in_reach(&self) -> bool {
        match self.order {
            Order::OldestFirst => self.after < self.reach,
            Order::NewestFirst => self.through <= self.reach,
        }
    }

    /// Gets the next records that the lists tell of.
    fn fetch(&mut self) -> Result<(), HistoryError> {
        let span = (self.after, self.through.min(self.reach));
        let mut merged = match self.merged.take() {
            Some(merged) => merged,
            None => Merged::open(
                self.index,
                self.lists.as_deref().unwrap_or_default(),
                span,
                self.order,
            )?,
        };
        let mut seqs = Vec::new();
        let mut last = None;
        let ended = loop {
            if seqs.len() >= FETCH || self.looks == 0 {
                break false;
            }
            let Some(posting) = merged.next()? else {
                break true;
            };
            self.looks -= 1;
            last = Some(posting.seq);
            if self.wanted.is_timely(posting.received) {
                seqs.push(posting.seq);
            }
        };
        self.merged = (!ended).then_some(merged);
        seqs.sort_unstable();
        let items = self.reader.at(&seqs)?;
        self.put(items);
        match (self.order, last.filter(|_| !ended)) {
            (Order::OldestFirst, Some(last)) => self.after = last,
            (Order::OldestFirst, None) => self.after = span.1,
            (Order::NewestFirst, Some(last)) => self.through = Seq(last.0 - 1),
            (Order::NewestFirst, None) => self.through = span.0,
        }
        Ok(())
    }

    /// Reads on in the journal.
    fn scan(&mut self) -> Result<(), HistoryError> {
        let max = SCAN.min(self.looks as u64);
        let (after, through) = match self.order {
            Order::OldestFirst => (self.after, self.through.min(Seq(self.after.0 + max))),
            Order::NewestFirst => {
                let after = Seq(self.through.0.saturating_sub(max)).max(self.after);
                // Not past where the lists begin to tell.
                (
                    if self.reach < self.through {
                        after.max(self.reach)
                    } else {
                        after
                    },
                    self.through,
                )
            }
        };
        let looked = usize::try_from(through.0 - after.0).unwrap_or(usize::MAX);
        self.looks = self.looks.saturating_sub(looked);
        let items = self.reader.span(after, through)?;
        self.put(items);
        match self.order {
            Order::OldestFirst => self.after = through,
            Order::NewestFirst => self.through = after,
        }
        Ok(())
    }

    /// Puts what is wanted of items, which ascend, ahead.
    fn put(&mut self, mut items: Vec<Item>) {
        items.retain(|item| match item {
            Item::Record(record) => self.is_wanted(record),
            Item::Gap(_) | Item::Damaged(_) => true,
        });
        if self.order == Order::NewestFirst {
            items.reverse();
        }
        self.ahead.extend(items);
    }

    fn is_wanted(&self, record: &Record) -> bool {
        let (rules, topic) = (&self.index.rules, &record.topic);
        !record.is_restated()
            && self.wanted.is_timely(record.received)
            && self.wanted.fits(topic, rules.event_of(topic))
            && (rules.keeps_all()
                || rules
                    .horizon(topic, self.now)
                    .is_none_or(|horizon| record.received >= horizon))
    }

    /// Adds the damage that the handler once found in what was looked at by lists.
    pub(super) fn add_damage(&self, damaged: &mut Vec<DamagedRange>) -> Result<(), HistoryError> {
        if self.lists.is_none() {
            return Ok(());
        }
        let place = self.place();
        let (low, high) = match self.order {
            Order::OldestFirst => (self.begun.next(), place.min(self.reach)),
            Order::NewestFirst => (place, Seq(self.begun.0.saturating_sub(1)).min(self.reach)),
        };
        let lane = self.lane();
        let mut add = |from: Seq, to: Seq| {
            let range = DamagedRange { lane, from, to };
            if from <= high && to >= low && !damaged.contains(&range) {
                damaged.push(range);
            }
        };
        let reading = self.index.store.read()?;
        let table = reading.open_table(MISSED).map_err(HistoryError::index)?;
        for row in table.range(..=high.0).map_err(HistoryError::index)? {
            let (from, to) = row.map_err(HistoryError::index)?;
            add(Seq(from.value()), Seq(to.value()));
        }
        let state = self.index.state();
        let missed = state.heads().flat_map(|head| &head.missed);
        let missed = missed.filter(|missed| missed.kind == spica_handler::MissedKind::Damage);
        missed.for_each(|missed| add(missed.from, missed.to));
        Ok(())
    }
}
