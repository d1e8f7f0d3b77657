//! What was found is kept: for a while if nobody asks for it again.

use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, Weak};

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::targets::Targets;

/// Two tables. What is new or asked for again goes into the young one; when that is full it becomes
/// the old one, and what was in the old one is forgotten. So what is asked for stays, and an
/// operation costs the same however full it is.
#[derive(Debug)]
struct Aging<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    /// Bytes in the young one.
    bytes: usize,
    /// Most bytes in one of them.
    limit: usize,
}

impl<K: Hash + Eq, V: Clone> Aging<K, V> {
    fn new(limit: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            bytes: 0,
            limit,
        }
    }

    fn get<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        if let Some((value, _)) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, (value, bytes)) = self.old.remove_entry(key)?;
        self.insert(key, value.clone(), bytes);
        Some(value)
    }

    fn insert(&mut self, key: K, value: V, bytes: usize) {
        if self.bytes + bytes > self.limit && self.bytes > 0 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.old.remove(&key);
        self.bytes += bytes;
        if let Some((_, before)) = self.young.insert(key, (value, bytes)) {
            self.bytes -= before;
        }
    }

    fn remove<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) {
        self.old.remove(key);
        if let Some((_, bytes)) = self.young.remove(key) {
            self.bytes -= bytes;
        }
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// So many who ask at once do not wait for each other, most of the time.
const SHARDS: usize = 16;
/// What a topic takes beside its text.
const TOPIC_BYTES: usize = 80;

/// What is known of a topic: the generation of the matcher, and the targets if they are still kept.
type Known = (u64, Weak<Targets>);

#[derive(Debug)]
struct Shard {
    topics: Aging<Box<str>, Known>,
    hits: u64,
    misses: u64,
}

/// Targets by topic, and by the filters that they are made of.
#[derive(Debug)]
pub(crate) struct Cache {
    shards: [Mutex<Shard>; SHARDS],
    hasher: DefaultHashBuilder,
    lists: Mutex<Aging<SmallVec<[u32; 4]>, Arc<Targets>>>,
    nobody: Arc<Targets>,
}

impl Cache {
    /// A cache of about so many bytes of topics, and of lists.
    pub(crate) fn new(bytes: usize) -> Self {
        let shard = |_| {
            Mutex::new(Shard {
                topics: Aging::new(bytes / SHARDS / 2),
                hits: 0,
                misses: 0,
            })
        };
        Self {
            shards: std::array::from_fn(shard),
            hasher: DefaultHashBuilder::default(),
            lists: Mutex::new(Aging::new(bytes / 2)),
            nobody: Arc::default(),
        }
    }

    fn shard(&self, topic: &str) -> usize {
        usize::try_from(self.hasher.hash_one(topic) >> 60).unwrap_or(0) % SHARDS
    }

    /// The targets of a topic, if they were found in this generation of the matcher and are still
    /// what `is_current` takes for current.
    pub(crate) fn of_topic(
        &self,
        topic: &str,
        generation: u64,
        is_current: impl Fn(&Targets) -> bool,
    ) -> Option<Arc<Targets>> {
        let mut shard = self.shards[self.shard(topic)].lock();
        let found = shard.topics.get(topic);
        let found = found.filter(|(known, _)| *known == generation);
        let found = found.and_then(|(_, targets)| targets.upgrade());
        let found = found.filter(|targets| is_current(targets));
        if found.is_some() {
            shard.hits += 1;
        } else {
            shard.misses += 1;
        }
        found
    }

    /// The targets of these entries, made anew if those that are known are not current.
    pub(crate) fn of_entries(
        &self,
        entries: &SmallVec<[u32; 4]>,
        is_current: impl Fn(&Targets) -> bool,
        build: impl FnOnce() -> Targets,
    ) -> Arc<Targets> {
        if entries.is_empty() {
            return Arc::clone(&self.nobody);
        }
        let known = self.lists.lock().get(entries);
        if let Some(known) = known.filter(|targets| is_current(targets)) {
            return known;
        }
        // Built without the lock: a long list holds up nobody but who asked for it.
        let built = Arc::new(build());
        let bytes = built.bytes();
        self.lists
            .lock()
            .insert(entries.clone(), Arc::clone(&built), bytes);
        built
    }

    /// Notes what was found for a topic.
    pub(crate) fn note(&self, topic: &str, generation: u64, targets: &Arc<Targets>) {
        let known = (generation, Arc::downgrade(targets));
        let mut shard = self.shards[self.shard(topic)].lock();
        let bytes = TOPIC_BYTES + topic.len();
        shard.topics.insert(topic.into(), known, bytes);
    }

    /// Forgets a topic, of which something was said that the matcher does not know.
    pub(crate) fn forget(&mut self, topic: &str) {
        let shard = self.shard(topic);
        self.shards[shard].get_mut().topics.remove(topic);
    }

    /// Topics, hits and misses.
    pub(crate) fn figures(&self) -> (usize, u64, u64) {
        self.shards.iter().fold((0, 0, 0), |(n, hits, misses), it| {
            let it = it.lock();
            (n + it.topics.len(), hits + it.hits, misses + it.misses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut aging: Aging<u32, u32> = Aging::new(1_000);
        for key in 0..10_000 {
            aging.insert(key, key, 10);
            assert_eq!(aging.get(&0), Some(0), "asked for all the time");
            assert!(aging.len() <= 200 + 1 && aging.bytes <= 1_000);
        }
        assert_eq!(aging.get(&9_000), None);
        aging.remove(&0);
        assert_eq!(aging.get(&0), None);
        aging.insert(1, 1, 5_000);
        assert_eq!(
            aging.get(&1),
            Some(1),
            "one that is too large is kept alone"
        );
        aging.insert(2, 2, 10);
        aging.insert(3, 3, 10);
        assert!(aging.bytes <= 1_000);
    }
}
