//! The dead letters and the pause of one handler, as far as they are kept in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::Mutex;
use spica_handler::{DeadLetter, LetterId, LetterPage, Pause};
use spica_model::{Lane, Seq};

/// Dead letters without their payloads: those are in the journal, and in the state tree.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    letters: BTreeMap<LetterId, Entry>,
    /// Payload bytes in the state tree.
    bytes: usize,
    pause: Option<Pause>,
}

#[derive(Debug)]
struct Entry {
    letter: DeadLetter,
    /// Whether it is in the journal.
    written: bool,
    /// Bytes of its payload in the state tree.
    bytes: usize,
}

impl Letters {
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().letters.len()
    }

    pub(crate) fn len_of(&self, lane: Lane) -> usize {
        let inner = self.inner.lock();
        inner.letters.keys().filter(|id| id.lane == lane).count()
    }

    /// Payload bytes of all letters in the state tree.
    pub(crate) fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }

    pub(crate) fn get(&self, id: LetterId) -> Option<DeadLetter> {
        let inner = self.inner.lock();
        inner.letters.get(&id).map(|entry| entry.letter.clone())
    }

    pub(crate) fn ids(&self) -> Vec<LetterId> {
        self.inner.lock().letters.keys().copied().collect()
    }

    /// Keeps a letter, which is or is not in the journal.
    pub(crate) fn insert(&self, mut letter: DeadLetter, written: bool) {
        let mut inner = self.inner.lock();
        let bytes = if written {
            letter.record.payload.len()
        } else {
            0
        };
        letter.record.payload = Bytes::new();
        inner.remove(letter.id());
        inner.bytes += bytes;
        let entry = Entry {
            letter,
            written,
            bytes,
        };
        inner.letters.insert(entry.letter.id(), entry);
    }

    pub(crate) fn remove(&self, id: LetterId) {
        self.inner.lock().remove(id);
    }

    /// Takes what the journal says for what there is, but keeps letters that are not in it yet.
    pub(crate) fn load(&self, letters: Vec<DeadLetter>) {
        {
            let mut inner = self.inner.lock();
            inner.letters.retain(|_, entry| !entry.written);
            inner.bytes = 0;
        }
        for letter in letters {
            self.insert(letter, true);
        }
    }

    /// The letters that are not in the journal.
    pub(crate) fn unwritten(&self) -> Vec<DeadLetter> {
        let inner = self.inner.lock();
        let unwritten = inner.letters.values().filter(|entry| !entry.written);
        unwritten.map(|entry| entry.letter.clone()).collect()
    }

    /// The first record of a lane whose letter is not in the journal: no cursor goes past it.
    pub(crate) fn first_unwritten(&self, lane: Lane) -> Option<Seq> {
        let inner = self.inner.lock();
        let mut of_lane = inner.letters.iter().filter(|(id, _)| id.lane == lane);
        of_lane
            .find(|(_, entry)| !entry.written)
            .map(|(id, _)| id.seq)
    }

    pub(crate) fn page(&self, after: Option<LetterId>, limit: usize) -> LetterPage {
        let inner = self.inner.lock();
        let behind = |id: &&LetterId| after.is_none_or(|after| **id > after);
        let mut ids = inner.letters.keys().filter(behind);
        let page: Vec<LetterId> = ids.by_ref().take(limit).copied().collect();
        let more = ids.next().is_some();
        let letter = |id| inner.letters.get(id).map(|entry| entry.letter.clone());
        LetterPage {
            letters: page.iter().filter_map(letter).collect(),
            total: inner.letters.len(),
            next: page.last().copied().filter(|_| more),
        }
    }

    pub(crate) fn pause(&self) -> Option<Pause> {
        self.inner.lock().pause.clone()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.inner.lock().pause.is_some()
    }

    pub(crate) fn set_pause(&self, pause: Option<Pause>) {
        self.inner.lock().pause = pause;
    }
}

impl Inner {
    fn remove(&mut self, id: LetterId) {
        if let Some(entry) = self.letters.remove(&id) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_handler::contract::record;
    use spica_model::Timestamp;

    fn letter(lane: Lane, seq: u64) -> DeadLetter {
        let times = [Timestamp::EPOCH; 2];
        DeadLetter::new(&record(lane, Seq(seq)), "no".into(), 1, times)
    }

    #[test]
    fn pages_go_on_where_the_one_before_ended() {
        let letters = Letters::default();
        for seq in [5, 3, 9] {
            letters.insert(letter(Lane::Normal, seq), true);
        }
        letters.insert(letter(Lane::Critical, 7), true);
        let first = letters.page(None, 2);
        let names = |page: &LetterPage| {
            let names = page.letters.iter().map(|letter| letter.id().to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(&first), ["critical-7", "normal-3"]);
        let last = letters.page(first.next, 2);
        assert_eq!(names(&last), ["normal-5", "normal-9"]);
        assert_eq!((last.next, last.total), (None, 4));
    }

    #[test]
    fn payloads_count_until_their_letter_goes() {
        let letters = Letters::default();
        letters.insert(letter(Lane::Normal, 5), true);
        letters.insert(letter(Lane::Normal, 5), true);
        assert_eq!(letters.bytes(), "5.5".len());
        letters.insert(letter(Lane::Normal, 6), false);
        assert_eq!(letters.first_unwritten(Lane::Normal), Some(Seq(6)));
        letters.load(vec![letter(Lane::Normal, 8)]);
        assert_eq!(letters.bytes(), "8.5".len());
        assert_eq!(letters.len(), 2, "what is not written is not forgotten");
        letters.remove(letter(Lane::Normal, 8).id());
        assert_eq!(letters.bytes(), 0);
    }
}
