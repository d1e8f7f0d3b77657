//! The idempotency keys a lane remembers: bounded by count and age, oldest out first.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use spica_journal_format::{KeyEntry, KeyHash};
use spica_model::{Seq, Timestamp};

/// How many keys too old to count are forgotten with each new one: keeps the time under the lane's
/// lock short. Until then a look-up takes no notice of them.
const EVICTED_AT_ONCE: usize = 4;

/// The keys a lane remembers. All memory is reserved at the start, so that no insertion ever has to
/// move a big table while submitters wait; the system gives pages to it as they are used.
#[derive(Debug)]
pub(crate) struct KnownKeys {
    /// Oldest first.
    entries: VecDeque<KeyEntry>,
    /// Numbers of entries: the place of an entry is its number minus that of the oldest.
    numbers: HashTable<u32>,
    /// Number of the oldest entry; numbers wrap around.
    oldest: u32,
    count_max: usize,
    age_max: Duration,
    evicted: u64,
}

impl KnownKeys {
    /// An empty window of at most `count_max` keys that are at most `age_max` old.
    pub(crate) fn new(count_max: usize, age_max: Duration) -> Self {
        Self {
            entries: VecDeque::with_capacity(count_max),
            numbers: HashTable::with_capacity(count_max),
            oldest: 0,
            count_max,
            age_max,
            evicted: 0,
        }
    }

    /// Where the record with this key stands, if it is known at `now`; else remembers that it stands
    /// at `seq`. A window of no keys knows and remembers nothing.
    pub(crate) fn find_or_insert(&mut self, entry: KeyEntry, now: Timestamp) -> Option<Seq> {
        if let Some(known) = self.find(entry.hash)
            && !self.is_too_old(&known, now)
        {
            return Some(known.seq);
        }
        self.evict(now);
        self.insert(entry);
        None
    }

    /// Remembers a key from an earlier run; keys come in the order of their records.
    pub(crate) fn restore(&mut self, entry: KeyEntry) {
        if self.entries.len() == self.count_max {
            self.forget_oldest();
        }
        self.insert(entry);
    }

    /// How many keys are remembered.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many keys were forgotten since the last call.
    pub(crate) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    fn find(&self, hash: KeyHash) -> Option<KeyEntry> {
        let (entries, oldest) = (&self.entries, self.oldest);
        let number = self.numbers.find(hash.0, |number| {
            entry_of(entries, oldest, *number).is_some_and(|entry| entry.hash == hash)
        });
        number
            .and_then(|number| entry_of(entries, oldest, *number))
            .copied()
    }

    /// A key that is there already, but too old to count, gives way: its entry stays in the queue
    /// until its turn comes and is then no longer in the table.
    fn insert(&mut self, entry: KeyEntry) {
        if self.count_max == 0 {
            return;
        }
        let number = self.oldest.wrapping_add(self.entries.len() as u32);
        self.entries.push_back(entry);
        let (entries, oldest) = (&self.entries, self.oldest);
        let same = |known: &u32| {
            entry_of(entries, oldest, *known).is_some_and(|known| known.hash == entry.hash)
        };
        let rehash = |known: &u32| entry_of(entries, oldest, *known).map_or(0, |e| e.hash.0);
        match self.numbers.entry(entry.hash.0, same, rehash) {
            Entry::Occupied(mut known) => *known.get_mut() = number,
            Entry::Vacant(place) => {
                place.insert(number);
            }
        }
    }

    fn evict(&mut self, now: Timestamp) {
        for _ in 0..EVICTED_AT_ONCE {
            let full = self.entries.len() >= self.count_max;
            let old = self
                .entries
                .front()
                .is_some_and(|entry| self.is_too_old(entry, now));
            if !full && !old {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let number = self.oldest;
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        if let Ok(known) = self
            .numbers
            .find_entry(entry.hash.0, |known| *known == number)
        {
            known.remove();
        }
        self.oldest = number.wrapping_add(1);
        self.evicted += 1;
    }

    fn is_too_old(&self, entry: &KeyEntry, now: Timestamp) -> bool {
        let received = Timestamp::from_secs(entry.received_secs);
        now.since(received) > self.age_max
    }
}

fn entry_of(entries: &VecDeque<KeyEntry>, oldest: u32, number: u32) -> Option<&KeyEntry> {
    entries.get(number.wrapping_sub(oldest) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: u64, seq: u64, secs: u32) -> KeyEntry {
        KeyEntry {
            hash: KeyHash(key, !key),
            seq: Seq(seq),
            received_secs: secs,
        }
    }

    fn at(secs: u32) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn the_oldest_key_gives_way_at_the_limit() {
        let mut keys = KnownKeys::new(3, Duration::from_secs(100));
        for key in 1..=4 {
            assert_eq!(keys.find_or_insert(entry(key, key, 0), at(0)), None);
        }
        assert_eq!((keys.len(), keys.take_evicted()), (3, 1));
        assert_eq!(keys.find_or_insert(entry(2, 9, 0), at(0)), Some(Seq(2)));
        assert_eq!(
            keys.find_or_insert(entry(1, 9, 0), at(0)),
            None,
            "the first one is forgotten"
        );
        assert_eq!(keys.find_or_insert(entry(1, 10, 0), at(0)), Some(Seq(9)));
    }

    #[test]
    fn a_key_counts_for_its_age_and_not_longer() {
        let mut keys = KnownKeys::new(10, Duration::from_secs(100));
        for key in 0..8 {
            keys.find_or_insert(entry(key, key, 0), at(0));
        }
        assert_eq!(
            keys.find_or_insert(entry(7, 50, 100), at(100)),
            Some(Seq(7))
        );
        assert_eq!(
            keys.find_or_insert(entry(7, 51, 101), at(101)),
            None,
            "old, not yet evicted"
        );
        assert_eq!(
            keys.find_or_insert(entry(7, 52, 101), at(101)),
            Some(Seq(51))
        );
        keys.find_or_insert(entry(20, 53, 101), at(101));
        assert_eq!(keys.take_evicted(), 8);
        assert_eq!(
            keys.find_or_insert(entry(7, 54, 101), at(101)),
            Some(Seq(51))
        );
    }

    #[test]
    fn numbers_may_wrap_around() {
        let mut keys = KnownKeys::new(2, Duration::from_secs(100));
        keys.oldest = u32::MAX - 1;
        for key in 0..6 {
            assert_eq!(keys.find_or_insert(entry(key, key, 0), at(0)), None);
            assert_eq!(
                keys.find_or_insert(entry(key, 99, 0), at(0)),
                Some(Seq(key))
            );
        }
        assert_eq!(keys.len(), 2);
    }

    #[test]
    fn a_window_of_no_keys_knows_nothing() {
        let mut keys = KnownKeys::new(0, Duration::from_secs(100));
        assert_eq!(keys.find_or_insert(entry(1, 1, 0), at(0)), None);
        assert_eq!(keys.find_or_insert(entry(1, 2, 0), at(0)), None);
    }
}
