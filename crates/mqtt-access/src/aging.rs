//! A bounded table that forgets what nobody has asked for lately.

use std::hash::Hash;

use hashbrown::HashMap;

/// Two tables. What is new or asked for goes into the young one; when that is full it becomes the old
/// one, and what was in the old one is forgotten. An operation costs the same however full it is.
#[derive(Debug)]
pub(crate) struct Aging<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Most entries in one of them.
    half: usize,
    /// How many were forgotten.
    pub(crate) forgotten: u64,
}

impl<K: Hash + Eq, V> Aging<K, V> {
    /// A table of at most `limit` entries, and at least two.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (limit / 2).max(1),
            forgotten: 0,
        }
    }

    /// The value of a key, made if it is not there.
    pub(crate) fn get(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= self.half {
            self.forgotten += self.old.len() as u64;
            self.old = std::mem::take(&mut self.young);
        }
        let old = self.old.remove(&key);
        let entry = self.young.entry(key);
        entry.or_insert_with(|| old.unwrap_or_else(make))
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_table_is_bounded() {
        let mut aging = Aging::new(10);
        for key in 0..1_000 {
            *aging.get(key, || 0) += 1;
            let first = aging.get(0, || 0);
            *first += 1;
            assert_eq!(*first, key + 2, "the first is never forgotten");
            assert!(aging.len() <= 10);
        }
        assert!(aging.forgotten > 900);
        assert_eq!(*aging.get(500, || 7), 7);
        aging.remove(&0);
        assert_eq!(*aging.get(0, || 9), 9);
    }
}
