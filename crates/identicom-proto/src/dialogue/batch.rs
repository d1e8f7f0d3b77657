//! The log entries that one append takes.

use crate::message::{Entries, LogEntry, LogPage};
use crate::profile::CodeSet;

/// Log entries of one lane, borrowed from the frame they came in: an iterator that can be cloned.
#[derive(Debug, Clone)]
pub struct EntryBatch<'a>(Kind<'a>);

#[derive(Debug, Clone)]
enum Kind<'a> {
    /// A single entry.
    One(Option<LogEntry<'a>>),
    /// The entries of a page that are not in the set, up to the first damage.
    Others(Entries<'a>, CodeSet),
}

impl<'a> EntryBatch<'a> {
    pub(super) const fn one(entry: LogEntry<'a>) -> Self {
        Self(Kind::One(Some(entry)))
    }

    pub(super) const fn without(page: &LogPage<'a>, codes: CodeSet) -> Self {
        Self(Kind::Others(page.entries(), codes))
    }
}

impl<'a> Iterator for EntryBatch<'a> {
    type Item = LogEntry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Kind::One(entry) => entry.take(),
            Kind::Others(entries, codes) => entries
                .map_while(Result::ok)
                .find(|entry| !codes.has(entry.event)),
        }
    }
}
