//! Removing what is too old, a little at a time.

use redb::ReadableTable;
use spica_model::{Seq, Timestamp, Topic};

use super::store::{
    BUCKETS, MISSED, POSTINGS, Store, TOPICS, posting_key, split_bucket_key, split_posting_key,
};
use crate::posting;
use crate::rules::Rules;

/// Rows that are looked at by one step.
const STEP_ROWS: usize = 4_096;

/// Where the sweep goes on.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    posting: [u8; 12],
    bucket: [u8; 13],
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            posting: posting_key(0, Seq::ZERO),
            bucket: [0; 13],
        }
    }
}

/// What may be removed.
#[derive(Debug, Default)]
struct Old {
    postings: Vec<[u8; 12]>,
    buckets: Vec<[u8; 13]>,
    missed: Vec<u64>,
}

impl Store {
    /// Looks at some rows and removes those that nobody will be shown any more: blocks of which the
    /// journal has nothing left before `first` or whose topic's age is over, and intervals that are
    /// too old. Says how many rows it removed.
    pub(crate) fn sweep(
        &self,
        sweep: &mut Sweep,
        rules: &Rules,
        first: Seq,
        now: Timestamp,
    ) -> Result<usize, redb::Error> {
        let old = Old {
            postings: self.old_postings(sweep, rules, first, now)?,
            buckets: self.old_buckets(sweep, rules, now)?,
            missed: self.old_missed(first)?,
        };
        let rows = old.postings.len() + old.buckets.len() + old.missed.len();
        if rows > 0 {
            self.remove(&old)?;
        }
        Ok(rows)
    }

    fn old_postings(
        &self,
        sweep: &mut Sweep,
        rules: &Rules,
        first: Seq,
        now: Timestamp,
    ) -> Result<Vec<[u8; 12]>, redb::Error> {
        use redb::ReadableDatabase as _;
        let reading = self.database().begin_read()?;
        let (table, topics) = (reading.open_table(POSTINGS)?, reading.open_table(TOPICS)?);
        let mut old = Vec::new();
        let mut rows = table.range::<&[u8; 12]>(&sweep.posting..)?;
        // The horizon of the list that is being looked at.
        let mut horizon: (Option<u32>, Option<Timestamp>) = (None, None);
        for _ in 0..STEP_ROWS {
            let Some(row) = rows.next() else {
                *sweep = Sweep {
                    bucket: sweep.bucket,
                    ..Sweep::default()
                };
                return Ok(old);
            };
            let (key, block) = row?;
            let (list, begin) = split_posting_key(key.value());
            sweep.posting = posting_key(list, begin.next());
            if horizon.0 != Some(list) {
                let name = topics.get(list)?;
                let topic = name.and_then(|name| {
                    Topic::new(String::from_utf8_lossy(name.value()).into_owned()).ok()
                });
                horizon = (
                    Some(list),
                    topic.and_then(|topic| rules.horizon(&topic, now)),
                );
            }
            let postings = posting::decode(begin, block.value());
            let gone = |posting: &posting::Posting| {
                posting.seq < first || horizon.1.is_some_and(|horizon| posting.received < horizon)
            };
            if postings.iter().all(gone) {
                old.push(*key.value());
            }
        }
        Ok(old)
    }

    fn old_buckets(
        &self,
        sweep: &mut Sweep,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Vec<[u8; 13]>, redb::Error> {
        use redb::ReadableDatabase as _;
        let reading = self.database().begin_read()?;
        let table = reading.open_table(BUCKETS)?;
        let mut old = Vec::new();
        let mut rows = table.range::<&[u8; 13]>(&sweep.bucket..)?;
        for _ in 0..STEP_ROWS {
            let Some(row) = rows.next() else {
                sweep.bucket = [0; 13];
                return Ok(old);
            };
            let key = *row?.0.value();
            sweep.bucket = key;
            let (Some(resolution), _, begin) = split_bucket_key(&key) else {
                continue;
            };
            let age = resolution.age(&rules.settings.series_ages);
            let end = begin.saturating_add(resolution.length());
            if end < now.saturating_sub(age) {
                old.push(key);
            }
        }
        Ok(old)
    }

    fn old_missed(&self, first: Seq) -> Result<Vec<u64>, redb::Error> {
        use redb::ReadableDatabase as _;
        let reading = self.database().begin_read()?;
        let table = reading.open_table(MISSED)?;
        let mut old = Vec::new();
        for row in table.iter()? {
            let (from, to) = row?;
            if to.value() >= first.0 {
                break;
            }
            old.push(from.value());
        }
        Ok(old)
    }

    fn remove(&self, old: &Old) -> Result<(), redb::Error> {
        let mut writing = self.database().begin_write()?;
        writing.set_quick_repair(true);
        {
            let mut postings = writing.open_table(POSTINGS)?;
            for key in &old.postings {
                postings.remove(key)?;
            }
            let mut buckets = writing.open_table(BUCKETS)?;
            for key in &old.buckets {
                buckets.remove(key)?;
            }
            let mut missed = writing.open_table(MISSED)?;
            for key in &old.missed {
                missed.remove(key)?;
            }
        }
        writing.commit()?;
        Ok(())
    }
}
