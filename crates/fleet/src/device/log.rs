//! The event log on the wire.

use spica_model::Timestamp;

use super::{Device, Violation};
use crate::ledger::Entry;
use crate::wire::{self, FROM_DEVICE_MAX, kind};

/// Fixed bytes of a log page, and of an entry in it.
const PAGE_HEAD: usize = 3;
const ENTRY_HEAD: usize = 10;

impl Device {
    /// Appends a page with the newest entry alone, as a device with an alarm in hand sends it
    /// unasked. It says that the rest of the log remains.
    pub fn send_newest(&mut self, now: Timestamp, out: &mut Vec<u8>) {
        let newest = self.books.entries.len().saturating_sub(1);
        if newest >= self.log_start && !self.books.entries.is_empty() {
            let rest = newest - self.log_start;
            self.send_page(newest, newest + 1, rest, now, out);
        }
    }

    pub(super) fn read_log(&mut self, from: u32, now: Timestamp, out: &mut Vec<u8>) {
        let log = &self.books.entries[self.log_start..];
        let first = self.log_start + log.partition_point(|entry| entry.index < from);
        let mut bytes = PAGE_HEAD;
        let fits = self.books.entries[first..]
            .iter()
            .take(usize::from(u8::MAX))
            .take_while(|entry| {
                bytes += ENTRY_HEAD + entry.detail.encode().len();
                bytes <= FROM_DEVICE_MAX
            });
        let end = first + fits.count();
        self.send_page(first, end, self.books.entries.len() - end, now, out);
    }

    fn send_page(
        &mut self,
        first: usize,
        end: usize,
        remaining: usize,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) {
        let remaining = u16::try_from(remaining).unwrap_or(u16::MAX);
        let mut data = Vec::with_capacity(FROM_DEVICE_MAX);
        data.extend_from_slice(&remaining.to_le_bytes());
        data.push((end - first) as u8);
        for entry in &mut self.books.entries[first..end] {
            entry.first_sent.get_or_insert(now);
            push_entry(&mut data, entry);
        }
        wire::encode(kind::LOG_PAGE, &data, out);
    }

    pub(super) fn delete_log(&mut self, upto: u32, out: &mut Vec<u8>) -> Result<(), Violation> {
        let log = &mut self.books.entries[self.log_start..];
        let count = log.partition_point(|entry| entry.index <= upto);
        let mut unsent = None;
        for entry in &mut log[..count] {
            entry.told = true;
            if entry.first_sent.is_none() {
                unsent.get_or_insert(entry.index - 1);
            }
        }
        self.log_start += count;
        let deleted = u16::try_from(count).unwrap_or(u16::MAX);
        wire::encode(kind::DELETED, &deleted.to_le_bytes(), out);
        match unsent {
            Some(sent) => Err(Violation::DeletedUnsent {
                deleted: upto,
                sent: (sent > 0).then_some(sent),
            }),
            None => Ok(()),
        }
    }
}

fn push_entry(data: &mut Vec<u8>, entry: &Entry) {
    let detail = entry.detail.encode();
    data.extend_from_slice(&entry.index.to_le_bytes());
    data.extend_from_slice(&entry.time.to_le_bytes());
    data.extend_from_slice(&[entry.event.0, detail.len() as u8]);
    data.extend_from_slice(&detail);
}
