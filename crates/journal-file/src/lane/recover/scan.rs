//! Scanning a segment that no footer describes, or that is not to be trusted.

use bytes::Bytes;
use spica_journal::Damage;
use spica_journal_format::{
    Batch, BatchHeader, BatchKind, Found, IndexEntry, Item, KeyEntry, PAGE_BYTES, Scan, Secret,
    SegmentHeader, TimeRange, VERSION,
};
use spica_model::{Lane, Seq};

use crate::lane::damage::{BAD_RECORD, Describe, NO_BATCH};
use crate::report::Note;
use crate::segment::{Extent, note_batch};

/// What a scan has found in a segment.
pub(crate) struct Scanned {
    /// What was scanned.
    pub(crate) bytes: Bytes,
    pub(crate) header: SegmentHeader,
    pub(crate) extent: Extent,
    pub(crate) index: Vec<IndexEntry>,
    pub(crate) keys: Vec<KeyEntry>,
    pub(crate) damaged: Vec<Damage>,
    pub(crate) notes: Vec<Note>,
    /// The place after its last record.
    pub(crate) next: Seq,
    /// A record that marks prove to have been durable.
    pub(crate) proven: Seq,
    /// Whether it ends with the mark of an orderly end.
    pub(crate) closed: bool,
    /// Where the last batch with records begins.
    pub(crate) last_batch: Option<u64>,
    /// Whether there are the beginnings of a batch after the last one.
    pub(crate) remains: bool,
    /// The last batch, if some of its records do not hold: torn, or damaged.
    pub(crate) doubtful: Option<Batch>,
    /// Where bytes that are no batch began, since the last batch that was taken over.
    gap: Option<u64>,
}

/// Looks for batches in a segment whose header is gone; none if there are none.
pub(crate) fn rebuild_header(
    bytes: &Bytes,
    lane: Lane,
    secret: Secret,
    number: u64,
) -> Option<SegmentHeader> {
    let keys = secret.segment_keys(lane, number);
    let batch =
        Scan::new(bytes.clone(), lane, keys, PAGE_BYTES as u64).find_map(|found| match found {
            Found::Batch(batch) => Some(batch),
            Found::Damaged { .. } | Found::End { .. } => None,
        })?;
    Some(SegmentHeader {
        version: VERSION,
        lane,
        fresh: false,
        epoch: batch.header.epoch,
        secret,
        number,
        first: batch.header.first,
        created: batch.header.base,
        file_bytes: bytes.len() as u64,
    })
}

/// Walks a segment.
pub(crate) struct Scanner<'a> {
    describe: Describe<'a>,
    name: &'a str,
    secret: Secret,
    out: Scanned,
}

impl<'a> Scanner<'a> {
    /// A walk over the segment of `header`, in which the record at `expected` should come first.
    pub(crate) fn new(
        describe: Describe<'a>,
        name: &'a str,
        header: SegmentHeader,
        expected: Seq,
    ) -> Self {
        let extent = Extent {
            data_end: PAGE_BYTES as u64,
            last: Seq(expected.0.saturating_sub(1)),
            records: 0,
            received: TimeRange::NONE,
            seal: None,
        };
        let out = Scanned {
            bytes: Bytes::new(),
            header,
            extent,
            index: Vec::new(),
            keys: Vec::new(),
            damaged: Vec::new(),
            notes: Vec::new(),
            next: expected,
            proven: Seq::ZERO,
            closed: false,
            last_batch: None,
            remains: false,
            doubtful: None,
            gap: None,
        };
        Self {
            describe,
            name,
            secret: header.secret,
            out,
        }
    }

    /// Walks `bytes`, the whole file or as much of it as is to be believed.
    pub(crate) fn run(mut self, bytes: &Bytes) -> Scanned {
        let lane = self.out.header.lane;
        let keys = self.secret.segment_keys(lane, self.out.header.number);
        let mut last: Option<Batch> = None;
        self.out.bytes = bytes.clone();
        for found in Scan::new(bytes.clone(), lane, keys, PAGE_BYTES as u64) {
            // What is followed by another batch was durable before that was written.
            if let Some(batch) = last.take_if(|_| !matches!(found, Found::End { .. })) {
                self.accept(batch);
            }
            match found {
                Found::Batch(batch) => last = Some(batch),
                Found::Damaged { offset, .. } => self.out.gap = self.out.gap.or(Some(offset)),
                Found::End { offset } => self.end(bytes, offset, keys.salt),
            }
        }
        match last {
            Some(batch) if batch.is_whole() => self.accept(batch),
            doubtful => self.out.doubtful = doubtful,
        }
        self.out
    }

    /// Whether a batch was begun where the last one ends.
    fn end(&mut self, bytes: &Bytes, offset: u64, salt: u64) {
        let at = (offset as usize).min(bytes.len());
        let head = &bytes[at..bytes.len().min(at + BatchHeader::BYTES)];
        let written = head.iter().any(|byte| *byte != 0);
        self.out.remains =
            written && (self.out.header.fresh || head.starts_with(&salt.to_le_bytes()));
    }

    /// Takes over a batch that is no torn tail.
    fn accept(&mut self, batch: Batch) {
        self.continuity(&batch);
        let header = batch.header;
        let (offset, end) = (batch.offset, batch.end());
        match header.kind {
            BatchKind::Records => {
                self.out.last_batch = Some(offset);
                let mut received = TimeRange::NONE;
                batch
                    .records()
                    .for_each(|item| self.item(item, &mut received));
                note_batch(&mut self.out.index, &header, offset, received);
                self.out.extent.received.join(received);
            }
            BatchKind::Mark | BatchKind::Close => {
                self.out.proven = self.out.proven.max(Seq(header.first.0.saturating_sub(1)));
            }
        }
        self.out.closed = header.kind == BatchKind::Close;
        self.out.next = self.out.next.max(header.next());
        self.out.extent.data_end = end;
        self.out.extent.last = Seq(self.out.next.0 - 1);
    }

    /// Compares the place of a batch with the one expected.
    fn continuity(&mut self, batch: &Batch) {
        let gap = self.out.gap.take();
        let (first, expected) = (batch.header.first, self.out.next);
        let offset = gap.unwrap_or(batch.offset);
        if first > expected {
            self.damaged(expected, Seq(first.0 - 1), offset, NO_BATCH);
        } else if first < expected {
            self.note(
                batch.offset,
                "a batch repeats places that were given before",
            );
        } else if gap.is_some() {
            self.note(offset, "damaged bytes that held no record");
        }
    }

    fn item(&mut self, item: Item, received: &mut TimeRange) {
        match item {
            Item::Record(record) => {
                self.out.extent.records += 1;
                if !record.is_restated() {
                    received.add(record.received);
                }
                if let Some(key) = &record.key {
                    let hash = self.secret.hash_key(key.as_bytes());
                    let entry = KeyEntry::new(hash, record.position.seq, record.received);
                    self.out.keys.push(entry);
                }
            }
            Item::Damaged { from, to, offset } => self.damaged(from, to, offset, BAD_RECORD),
        }
    }

    fn damaged(&mut self, from: Seq, to: Seq, offset: u64, reason: &str) {
        let damage = self.describe.damage(from, to, self.name, offset, reason);
        self.out.damaged.push(damage);
    }

    fn note(&mut self, offset: u64, what: &str) {
        let file = self.describe.storage.describe(self.name);
        self.out.notes.push(Note {
            file,
            offset,
            what: what.to_owned(),
        });
    }
}

impl Scanned {
    /// Takes the doubtful last batch for damaged, not for torn: it was durable once.
    pub(crate) fn accept_doubtful(mut self, describe: Describe<'_>, name: &str) -> Self {
        let Some(batch) = self.doubtful.take() else {
            return self;
        };
        let mut scanner = Scanner {
            describe,
            name,
            secret: self.header.secret,
            out: self,
        };
        scanner.accept(batch);
        scanner.out
    }

    /// Takes the doubtful last batch for torn: its places are given anew. What it proves of the
    /// bytes before it stays: they were durable before it was begun.
    pub(crate) fn cut_doubtful(mut self, describe: Describe<'_>, name: &str) -> Self {
        let Some(batch) = self.doubtful.take() else {
            return self;
        };
        let mut scanner = Scanner {
            describe,
            name,
            secret: self.header.secret,
            out: self,
        };
        scanner.continuity(&batch);
        let mut out = scanner.out;
        out.next = out.next.max(batch.header.first);
        out.extent.last = Seq(out.next.0 - 1);
        out.extent.data_end = batch.offset;
        out.closed = false;
        out.remains = true;
        out
    }
}
