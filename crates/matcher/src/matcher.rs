//! The matcher: what has wildcards in a trie, what has none in a table.

use smallvec::SmallVec;

use crate::exact::Exact;
use crate::shapes::Shapes;
use crate::trie::Trie;

/// The groups of a topic.
pub type Matches = SmallVec<[u32; 4]>;

/// Groups by their filters. A group is a number that means something to the caller alone.
#[derive(Debug, Default)]
pub struct Matcher {
    exact: Exact,
    trie: Trie,
    shapes: Shapes,
    /// How often a filter came or went.
    changes: u64,
}

impl Matcher {
    /// Changes whenever a filter comes or goes: what was found before may be wrong then. Never 0.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.changes + 1
    }

    /// Adds `group` to those that want what `filter` matches.
    pub fn add(&mut self, filter: &str, group: u32) {
        self.changes += 1;
        if is_exact(filter) {
            self.exact.add(filter, group);
        } else {
            self.trie.add(filter, group);
            self.shapes.add(filter);
        }
    }

    /// Undoes one [`Matcher::add`] of the same filter and group; whether there was one.
    pub fn remove(&mut self, filter: &str, group: u32) -> bool {
        let was_there = if is_exact(filter) {
            self.exact.remove(filter, group)
        } else {
            let was_there = self.trie.remove(filter, group);
            if was_there {
                self.shapes.remove(filter);
            }
            was_there
        };
        self.changes += u64::from(was_there);
        was_there
    }

    /// The groups whose filter matches `topic`, in no order, each as often as it was added with a
    /// filter that matches.
    #[must_use]
    pub fn matches(&self, topic: &str) -> Matches {
        let mut found = Matches::new();
        self.matches_into(topic, &mut found);
        found
    }

    /// Like [`Matcher::matches`], but adds the groups to `found`.
    pub fn matches_into(&self, topic: &str, found: &mut Matches) {
        found.extend_from_slice(self.exact.get(topic));
        self.trie.matches_into(topic, found);
    }

    /// The most nodes of the trie that any look-up visits.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shapes.len()
    }

    /// What [`Matcher::width`] would be with one more filter.
    #[must_use]
    pub fn width_with(&self, filter: &str) -> usize {
        if is_exact(filter) {
            return self.width();
        }
        self.shapes.len() + self.shapes.missing(filter)
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.trie.is_empty() && self.shapes.len() == 1
    }
}

/// Whether a filter has no wildcard.
fn is_exact(filter: &str) -> bool {
    !filter.bytes().any(|byte| matches!(byte, b'+' | b'#'))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
