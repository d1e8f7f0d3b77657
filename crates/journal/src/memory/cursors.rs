//! The cursors of named consumers.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use spica_model::{Lane, Seq};

use crate::{CursorError, CursorStatus};

/// Longest name of a consumer, in bytes.
const NAME_BYTES: usize = 64;

#[derive(Debug)]
pub(super) struct Cursors {
    /// By name and index of the lane.
    places: Mutex<BTreeMap<(String, usize), Seq>>,
    limit: usize,
}

impl Cursors {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            places: Mutex::new(BTreeMap::new()),
            limit,
        }
    }

    pub(super) fn list(&self) -> Vec<CursorStatus> {
        let places = self.places.lock();
        let status = |((name, index), seq): (&(String, usize), &Seq)| CursorStatus {
            name: name.clone(),
            lane: Lane::ALL[*index],
            seq: *seq,
        };
        places.iter().map(status).collect()
    }

    pub(super) fn slowest(&self, lane: Lane) -> Option<Seq> {
        let places = self.places.lock();
        let of_lane = places
            .iter()
            .filter(|((_, index), _)| *index == lane.index());
        of_lane.map(|(_, seq)| *seq).min()
    }

    pub(super) fn open(&self, name: &str, lane: Lane, seq: Seq) -> Result<Seq, CursorError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(allowed) {
            return Err(CursorError::Name(name.to_owned()));
        }
        let mut places = self.places.lock();
        let key = (name.to_owned(), lane.index());
        if !places.contains_key(&key) && places.len() >= self.limit {
            return Err(CursorError::TooMany(places.len()));
        }
        Ok(*places.entry(key).or_insert(seq))
    }

    pub(super) fn advance(&self, name: &str, lane: Lane, seq: Seq) -> Result<(), CursorError> {
        let mut places = self.places.lock();
        let Some(place) = places.get_mut(&(name.to_owned(), lane.index())) else {
            return Err(unknown(name, lane));
        };
        *place = seq.max(*place);
        Ok(())
    }

    pub(super) fn remove(&self, name: &str, lane: Lane) -> Result<(), CursorError> {
        let removed = self.places.lock().remove(&(name.to_owned(), lane.index()));
        removed.map(drop).ok_or_else(|| unknown(name, lane))
    }
}

fn unknown(name: &str, lane: Lane) -> CursorError {
    let name = name.to_owned();
    CursorError::Unknown { name, lane }
}
