//! Postings of several lists, merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use redb::{Range, ReadOnlyTable, ReadTransaction};
use spica_model::{Seq, Timestamp};

use super::Order;
use crate::error::HistoryError;
use crate::index::lane::LaneIndex;
use crate::index::store::{POSTINGS, posting_key, split_posting_key};
use crate::posting::{self, Posting};

type Blocks = ReadOnlyTable<&'static [u8; 12], &'static [u8]>;

/// How many postings of a list there are in a span (after, through), counted up to `limit`.
pub(crate) fn count(
    index: &LaneIndex,
    list: u32,
    span: (Seq, Seq),
    limit: usize,
) -> Result<usize, HistoryError> {
    let mut merged = Merged::open(index, &[list], span, Order::OldestFirst)?;
    let mut count = 0;
    while count < limit && merged.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// One list, in one direction.
struct List {
    rows: Range<'static, &'static [u8; 12], &'static [u8]>,
    order: Order,
    span: (Seq, Seq),
    /// Up to where the file counts; what lies behind is in memory.
    base: Seq,
    /// The postings to come, the next one last.
    ahead: Vec<Posting>,
    /// What memory holds, in the order of the lane; taken when it is due.
    memory: Option<Vec<Posting>>,
}

impl List {
    fn open(
        table: &Blocks,
        list: u32,
        span: (Seq, Seq),
        order: Order,
        base: Seq,
        memory: Vec<Posting>,
    ) -> Result<Self, HistoryError> {
        let [least, most] = [
            posting_key(list, Seq::ZERO),
            posting_key(list, span.1.min(base)),
        ];
        let from = posting_key(list, span.0.next());
        // The block that begins before the span may reach into it.
        let begin = match table
            .range::<&[u8; 12]>(&least..=&from)
            .map_err(HistoryError::index)?
            .next_back()
        {
            Some(row) => *row.map_err(HistoryError::index)?.0.value(),
            None => least,
        };
        let rows = if begin > most {
            table.range::<&[u8; 12]>(&least..&least)
        } else {
            table.range::<&[u8; 12]>(&begin..=&most)
        };
        Ok(Self {
            rows: rows.map_err(HistoryError::index)?,
            order,
            span,
            base,
            ahead: Vec::new(),
            memory: Some(memory),
        })
    }

    fn next(&mut self) -> Result<Option<Posting>, HistoryError> {
        loop {
            if let Some(posting) = self.ahead.pop() {
                return Ok(Some(posting));
            }
            if self.order == Order::NewestFirst
                && let Some(memory) = self.memory.take()
            {
                self.ahead = memory;
                continue;
            }
            let row = match self.order {
                Order::OldestFirst => self.rows.next(),
                Order::NewestFirst => self.rows.next_back(),
            };
            match row {
                Some(row) => {
                    let (key, block) = row.map_err(HistoryError::index)?;
                    let first = split_posting_key(key.value()).1;
                    self.ahead = posting::decode(first, block.value());
                    let (after, through) = self.span;
                    let end = through.min(self.base);
                    self.ahead
                        .retain(|posting| posting.seq > after && posting.seq <= end);
                }
                None => match self.memory.take() {
                    Some(memory) => self.ahead = memory,
                    None => return Ok(None),
                },
            }
            if self.order == Order::OldestFirst {
                self.ahead.reverse();
            }
        }
    }
}

/// Several lists as one.
pub(super) struct Merged {
    lists: Vec<List>,
    /// The next posting of each list that has one: first what comes first.
    next: BinaryHeap<(Rank, usize, Timestamp)>,
    order: Order,
    last: Option<Seq>,
}

/// Greatest first: a place, turned around to go on from the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Oldest(Reverse<Seq>),
    Newest(Seq),
}

impl Merged {
    /// The postings of `lists` in a span (after, through), which the index has reached.
    pub(super) fn open(
        index: &LaneIndex,
        lists: &[u32],
        span: (Seq, Seq),
        order: Order,
    ) -> Result<Self, HistoryError> {
        let (reading, base, memory) = snapshot(index, lists, span)?;
        let table = reading.open_table(POSTINGS).map_err(HistoryError::index)?;
        let lists = lists.iter().zip(memory);
        let lists =
            lists.map(|(list, memory)| List::open(&table, *list, span, order, base, memory));
        let mut merged = Self {
            lists: lists.collect::<Result<_, _>>()?,
            next: BinaryHeap::new(),
            order,
            last: None,
        };
        for at in 0..merged.lists.len() {
            merged.advance(at)?;
        }
        Ok(merged)
    }

    fn advance(&mut self, at: usize) -> Result<(), HistoryError> {
        if let Some(posting) = self.lists[at].next()? {
            let rank = match self.order {
                Order::OldestFirst => Rank::Oldest(Reverse(posting.seq)),
                Order::NewestFirst => Rank::Newest(posting.seq),
            };
            self.next.push((rank, at, posting.received));
        }
        Ok(())
    }

    /// The next posting; each place once.
    pub(super) fn next(&mut self) -> Result<Option<Posting>, HistoryError> {
        while let Some((rank, at, received)) = self.next.pop() {
            self.advance(at)?;
            let (Rank::Oldest(Reverse(seq)) | Rank::Newest(seq)) = rank;
            if self.last.replace(seq) != Some(seq) {
                return Ok(Some(Posting { seq, received }));
            }
        }
        Ok(None)
    }
}

/// The file as it is now, up to where it counts, and for each list what is in memory beyond that, in
/// the order of the lane.
fn snapshot(
    index: &LaneIndex,
    lists: &[u32],
    (after, through): (Seq, Seq),
) -> Result<(ReadTransaction, Seq, Vec<Vec<Posting>>), HistoryError> {
    let state = index.state();
    let base = state.base;
    let within =
        |posting: &&Posting| posting.seq > base && posting.seq > after && posting.seq <= through;
    let memory = lists.iter().map(|list| {
        let of_list = state.heads().filter_map(|head| head.postings.get(list));
        of_list.flatten().filter(within).copied().collect()
    });
    Ok((index.store.read()?, base, memory.collect()))
}

/// The places of all postings of topics, as often as they are there.
#[cfg(test)]
pub(crate) fn all(index: &LaneIndex) -> Result<Vec<Seq>, HistoryError> {
    use redb::ReadableTable as _;
    let (reading, mut seqs) = {
        let state = index.state();
        let postings = state.heads().flat_map(|head| head.postings.values());
        let seqs: Vec<Seq> = postings.flatten().map(|posting| posting.seq).collect();
        (index.store.read()?, seqs)
    };
    let table = reading.open_table(POSTINGS).map_err(HistoryError::index)?;
    for row in table.iter().map_err(HistoryError::index)? {
        let (key, block) = row.map_err(HistoryError::index)?;
        let first = split_posting_key(key.value()).1;
        seqs.extend(
            posting::decode(first, block.value())
                .iter()
                .map(|posting| posting.seq),
        );
    }
    Ok(seqs)
}
