//! Questions to the index.

use std::ops::Bound;

use redb::ReadableDatabase;
use spica_devices::Serial;
use spica_model::Timestamp;

use crate::index::{DEVICES, Index, TIMES, device_key, entry, time_key};
use crate::{Entry, IndexError, Place};

/// Most entries of a page.
pub const PAGE_MAX: usize = 1_000;

/// Which pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Those of this device; of all without one.
    pub serial: Option<Serial>,
    /// Received at or after this time.
    pub from: Timestamp,
    /// Received before this time.
    pub to: Timestamp,
    /// Whether the newest come first.
    pub newest_first: bool,
    /// Those after this one, in that order: [`Page::next`] of the page before.
    pub after: Option<Place>,
    /// How many, at most [`PAGE_MAX`].
    pub limit: usize,
}

impl Default for Query {
    /// All pictures, newest first, 100 at a time.
    fn default() -> Self {
        Self {
            serial: None,
            from: Timestamp::from_micros(i64::MIN),
            to: Timestamp::from_micros(i64::MAX),
            newest_first: true,
            after: None,
            limit: 100,
        }
    }
}

/// Some of the pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In the order that was asked for.
    pub entries: Vec<Entry>,
    /// Where the next page goes on; none if this is the last.
    pub next: Option<Place>,
}

impl Index {
    /// A page of pictures.
    pub(crate) fn page(&self, query: &Query) -> Result<Page, IndexError> {
        let limit = query.limit.clamp(1, PAGE_MAX);
        // One more tells whether there is another page.
        let mut entries = match query.serial {
            Some(serial) => self.of_device(serial, query, limit + 1)?,
            None => self.of_all(query, limit + 1)?,
        };
        let more = entries.len() > limit;
        entries.truncate(limit);
        let last = entries.last().map(|entry| entry.place);
        Ok(Page {
            entries,
            next: last.filter(|_| more),
        })
    }

    fn of_device(
        &self,
        serial: Serial,
        query: &Query,
        limit: usize,
    ) -> Result<Vec<Entry>, IndexError> {
        let read = self.database.begin_read()?;
        let devices = read.open_table(DEVICES)?;
        let name = serial.as_str();
        let after = query.after.as_ref().map(device_key);
        let after = after.map(|(_, micros, epoch, seq)| (name, micros, epoch, seq));
        let Some(range) = range(query, |micros| (name, micros, 0, 0), after) else {
            return Ok(Vec::new());
        };
        let mut rows = devices.range(range)?;
        let mut next = || step(&mut rows, query.newest_first);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(row) = next()
        {
            found.extend(entry(&devices, row?.0.value())?);
        }
        Ok(found)
    }

    fn of_all(&self, query: &Query, limit: usize) -> Result<Vec<Entry>, IndexError> {
        let read = self.database.begin_read()?;
        let (devices, times) = (read.open_table(DEVICES)?, read.open_table(TIMES)?);
        let after = query.after.as_ref().map(time_key);
        let Some(range) = range(query, |micros| (micros, "", 0, 0), after) else {
            return Ok(Vec::new());
        };
        let mut rows = times.range(range)?;
        let mut next = || step(&mut rows, query.newest_first);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(row) = next()
        {
            let key = row?.0;
            let (micros, serial, epoch, seq) = key.value();
            found.extend(entry(&devices, (serial, micros, epoch, seq))?);
        }
        Ok(found)
    }
}

fn step<T>(rows: &mut impl DoubleEndedIterator<Item = T>, newest_first: bool) -> Option<T> {
    if newest_first {
        rows.next_back()
    } else {
        rows.next()
    }
}

/// The keys that a query asks for; none if there can be none. `edge` is the first key of a time.
fn range<K: PartialOrd>(
    query: &Query,
    edge: impl Fn(i64) -> K,
    after: Option<K>,
) -> Option<(Bound<K>, Bound<K>)> {
    let (from, to) = (edge(query.from.as_micros()), edge(query.to.as_micros()));
    let newest = query.newest_first;
    match after {
        _ if from >= to => None,
        Some(after) if newest && after <= from => None,
        Some(after) if newest && after < to => {
            Some((Bound::Included(from), Bound::Excluded(after)))
        }
        Some(after) if !newest && after >= to => None,
        Some(after) if !newest && after >= from => {
            Some((Bound::Excluded(after), Bound::Excluded(to)))
        }
        _ => Some((Bound::Included(from), Bound::Excluded(to))),
    }
}
