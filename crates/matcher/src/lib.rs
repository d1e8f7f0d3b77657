//! Which groups a topic belongs to: a trie of filters. A look-up costs as many steps as the topic has
//! levels (times the ways through wildcards), however many filters there are.
//!
//! Topics and filters are texts with MQTT's rules; checking those rules is the caller's.

use hashbrown::HashMap;
use slab::Slab;
use smallvec::SmallVec;

/// Groups by their filters.
#[derive(Debug)]
pub struct Matcher {
    nodes: Slab<Node>,
    root: usize,
    /// Raised whenever a filter comes or goes: what was found before is old then.
    generation: u64,
}

/// What matches a topic.
pub type Matches = SmallVec<[u32; 4]>;

#[derive(Debug, Default)]
struct Node {
    below: HashMap<Box<str>, usize>,
    /// The level `+`.
    any: Option<usize>,
    /// Filters that end here.
    here: SmallVec<[u32; 2]>,
    /// Filters that end with `#` below this level, which match it too.
    rest: SmallVec<[u32; 2]>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.below.is_empty() && self.any.is_none() && self.here.is_empty() && self.rest.is_empty()
    }
}

impl Default for Matcher {
    fn default() -> Self {
        let mut nodes = Slab::new();
        let root = nodes.insert(Node::default());
        Self {
            nodes,
            root,
            generation: 1,
        }
    }
}

impl Matcher {
    /// Changes whenever a filter comes or goes.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Adds a group to those that want what `filter` matches.
    pub fn add(&mut self, filter: &str, group: u32) {
        self.generation += 1;
        let mut at = self.root;
        for level in filter.split('/') {
            if level == "#" {
                self.nodes[at].rest.push(group);
                return;
            }
            at = self.step(at, level);
        }
        self.nodes[at].here.push(group);
    }

    /// Undoes one [`Matcher::add`] of the same filter and group.
    pub fn remove(&mut self, filter: &str, group: u32) {
        self.generation += 1;
        let levels: SmallVec<[&str; 8]> = filter.split('/').collect();
        self.prune(self.root, &levels, group);
    }

    /// The groups whose filter matches `topic`, each once.
    #[must_use]
    pub fn matches(&self, topic: &str) -> Matches {
        let mut found = Matches::new();
        let levels: SmallVec<[&str; 16]> = topic.split('/').collect();
        let is_system = topic.starts_with('$');
        self.walk(self.root, &levels, is_system, &mut found);
        found
    }

    fn step(&mut self, at: usize, level: &str) -> usize {
        let node = &self.nodes[at];
        let known = match level {
            "+" => node.any,
            literal => node.below.get(literal).copied(),
        };
        if let Some(known) = known {
            return known;
        }
        let new = self.nodes.insert(Node::default());
        let node = &mut self.nodes[at];
        if level == "+" {
            node.any = Some(new);
        } else {
            node.below.insert(level.into(), new);
        }
        new
    }

    /// As in MQTT, a wildcard at the beginning matches no topic that begins with `$`.
    fn walk(&self, at: usize, levels: &[&str], no_wildcard: bool, found: &mut Matches) {
        let node = &self.nodes[at];
        if !no_wildcard {
            found.extend_from_slice(&node.rest);
        }
        let Some((level, rest)) = levels.split_first() else {
            found.extend_from_slice(&node.here);
            return;
        };
        if let Some(&below) = node.below.get(*level) {
            self.walk(below, rest, false, found);
        }
        if let Some(any) = node.any.filter(|_| !no_wildcard) {
            self.walk(any, rest, false, found);
        }
    }

    /// Removes `group` below `at`. Whether nothing is left there.
    fn prune(&mut self, at: usize, levels: &[&str], group: u32) -> bool {
        match levels.split_first() {
            None => self.nodes[at].here.retain(|it| *it != group),
            Some((&"#", _)) => self.nodes[at].rest.retain(|it| *it != group),
            Some((&level, rest)) => self.prune_below(at, level, rest, group),
        }
        self.nodes[at].is_empty()
    }

    fn prune_below(&mut self, at: usize, level: &str, rest: &[&str], group: u32) {
        let node = &self.nodes[at];
        let below = match level {
            "+" => node.any,
            literal => node.below.get(literal).copied(),
        };
        let Some(below) = below else { return };
        if !self.prune(below, rest, group) {
            return;
        }
        self.nodes.remove(below);
        let node = &mut self.nodes[at];
        if level == "+" {
            node.any = None;
        } else {
            node.below.remove(level);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spica_model::{Topic, TopicFilter};

    fn level() -> impl Strategy<Value = &'static str> {
        prop_oneof![Just("a"), Just("b"), Just("$s"), Just("")]
    }

    fn topic() -> impl Strategy<Value = Option<Topic>> {
        prop::collection::vec(level(), 1..4).prop_map(|levels| Topic::new(levels.join("/")).ok())
    }

    fn filter() -> impl Strategy<Value = Option<TopicFilter>> {
        let level = prop_oneof![3 => level(), 1 => Just("+")];
        (prop::collection::vec(level, 0..4), any::<bool>()).prop_map(|(mut levels, rest)| {
            if rest {
                levels.push("#");
            }
            TopicFilter::new(levels.join("/")).ok()
        })
    }

    proptest! {
        /// The words say what matches; the trie must agree, also after filters have gone.
        #[test]
        fn the_trie_matches_what_each_filter_matches(
            filters in prop::collection::vec(filter(), 0..12),
            gone in prop::collection::vec(any::<bool>(), 12),
            topics in prop::collection::vec(topic(), 1..8),
        ) {
            let mut matcher = Matcher::default();
            let filters: Vec<_> = filters.into_iter().flatten().collect();
            for (group, filter) in filters.iter().enumerate() {
                matcher.add(filter.as_str(), group as u32);
            }
            for (group, filter) in filters.iter().enumerate().filter(|(at, _)| gone[*at]) {
                matcher.remove(filter.as_str(), group as u32);
            }
            for topic in topics.into_iter().flatten() {
                let mut found = matcher.matches(topic.as_str()).to_vec();
                found.sort_unstable();
                let want: Vec<u32> = filters
                    .iter()
                    .enumerate()
                    .filter(|(at, filter)| !gone[*at] && filter.matches(&topic))
                    .map(|(at, _)| at as u32)
                    .collect();
                prop_assert_eq!(found, want, "{}", topic);
            }
        }
    }

    #[test]
    fn a_trie_without_filters_is_empty() {
        let mut matcher = Matcher::default();
        let filters = ["a/+/c", "a/#", "#", "a/b"].map(|text| TopicFilter::new(text).unwrap());
        for (group, filter) in filters.iter().enumerate() {
            matcher.add(filter.as_str(), group as u32);
        }
        for (group, filter) in filters.iter().enumerate() {
            matcher.remove(filter.as_str(), group as u32);
        }
        assert_eq!(matcher.nodes.len(), 1, "only the root is left");
    }
}
