//! Encoded rows, made once for all who are sent them.

use std::collections::VecDeque;

use bytes::Bytes;
use hashbrown::HashMap;
use spica_live_proto::{Encoding, diff, rows};
use spica_model::{Lane, Op, Record};

use crate::topics::Version;

/// What identifies a row: under one engine a place stands for one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    lane: Lane,
    seq: u64,
    encoding: Encoding,
    /// The place of the base, for a row that says what has changed.
    base: Option<(Lane, u64)>,
}

/// The newest rows that were encoded.
#[derive(Debug)]
pub(crate) struct Rows {
    encoded: HashMap<Key, Bytes>,
    order: VecDeque<Key>,
    bytes: usize,
    limit: usize,
    scratch: Vec<u8>,
}

/// What a cached row costs beside its bytes, about.
const OVERHEAD_BYTES: usize = 160;

impl Rows {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            encoded: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            limit,
            scratch: Vec::new(),
        }
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The whole record, or that its topic is deleted.
    pub(crate) fn full(&mut self, encoding: Encoding, number: u64, record: &Record) -> Bytes {
        let position = record.position;
        let key = Key {
            lane: position.lane,
            seq: position.seq.0,
            encoding,
            base: None,
        };
        if let Some(row) = self.encoded.get(&key) {
            return row.clone();
        }
        self.scratch.clear();
        rows::full(encoding, number, record, &mut self.scratch);
        self.keep(key)
    }

    /// What has changed since `base`; `None` if that is not shorter than `full` bytes.
    pub(crate) fn change(
        &mut self,
        encoding: Encoding,
        number: u64,
        version: &Version,
        base: &Version,
        full: usize,
    ) -> Option<Bytes> {
        let position = version.record.position;
        let key = Key {
            lane: position.lane,
            seq: position.seq.0,
            encoding,
            base: Some((base.lane, base.seq)),
        };
        let row = match self.encoded.get(&key) {
            Some(row) => row.clone(),
            None => {
                self.scratch.clear();
                self.encode_change(encoding, number, &version.record, &base.record);
                self.keep(key)
            }
        };
        // An empty row notes that there is none worth it.
        (!row.is_empty() && row.len() < full).then_some(row)
    }

    fn encode_change(&mut self, encoding: Encoding, number: u64, record: &Record, base: &Record) {
        let comparable = record.op == Op::Put && record.content_type == base.content_type;
        if !comparable {
            return;
        }
        if record.payload == base.payload {
            return rows::same(encoding, number, record, &mut self.scratch);
        }
        if let Some(patch) = diff(&record.content_type, &base.payload, &record.payload) {
            rows::delta(
                encoding,
                number,
                record,
                base.position,
                &patch,
                &mut self.scratch,
            );
        }
    }

    fn keep(&mut self, key: Key) -> Bytes {
        let row = Bytes::copy_from_slice(&self.scratch);
        self.bytes += row.len() + OVERHEAD_BYTES;
        self.encoded.insert(key, row.clone());
        self.order.push_back(key);
        while self.bytes > self.limit {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(gone) = self.encoded.remove(&oldest) {
                self.bytes -= gone.len() + OVERHEAD_BYTES;
            }
        }
        row
    }
}
