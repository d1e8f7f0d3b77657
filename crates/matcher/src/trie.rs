//! Filters with wildcards, as a trie.
//!
//! The children of all nodes stand in one table, by parent and level: a node costs no table of its
//! own, and a level of a topic is hashed once however many nodes are asked for it.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use slab::Slab;
use smallvec::SmallVec;

use crate::Matches;

/// The root, which stays and is nobody's child.
const ROOT: u32 = 0;

/// Groups by filters with wildcards.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Slab<Node>,
    /// All children but those by `+`.
    literals: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Default)]
struct Node {
    /// The last level of the way here.
    level: Box<str>,
    parent: u32,
    /// The child by `+`, or [`ROOT`] for none.
    any: u32,
    /// Children by a literal.
    literals: u32,
    /// Groups of filters that end here.
    here: SmallVec<[u32; 2]>,
    /// Groups of filters that end with `#` below this level, which match it too.
    rest: SmallVec<[u32; 2]>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.any == ROOT && self.literals == 0 && self.here.is_empty() && self.rest.is_empty()
    }

    fn groups(&mut self, rest: bool) -> &mut SmallVec<[u32; 2]> {
        if rest { &mut self.rest } else { &mut self.here }
    }
}

/// The levels of a topic, split off and hashed when they are first asked for.
struct Levels<'a> {
    ahead: std::str::Split<'a, char>,
    known: SmallVec<[(&'a str, Option<u64>); 16]>,
}

impl<'a> Levels<'a> {
    /// Whether there is a level at this depth.
    fn reach(&mut self, depth: usize) -> bool {
        while self.known.len() <= depth {
            match self.ahead.next() {
                Some(level) => self.known.push((level, None)),
                None => return false,
            }
        }
        true
    }

    /// A level that was reached, and its hash.
    fn hashed(&mut self, depth: usize, hasher: &DefaultHashBuilder) -> (&'a str, u64) {
        let (level, hash) = &mut self.known[depth];
        (level, *hash.get_or_insert_with(|| hasher.hash_one(*level)))
    }
}

impl Default for Trie {
    fn default() -> Self {
        let mut nodes = Slab::new();
        nodes.insert(Node::default());
        Self {
            nodes,
            literals: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl Trie {
    pub(crate) fn add(&mut self, filter: &str, group: u32) {
        let mut at = ROOT;
        for level in filter.split('/') {
            if level == "#" {
                self.nodes[at as usize].rest.push(group);
                return;
            }
            at = match self.child(at, level) {
                Some(child) => child,
                None => self.grow(at, level),
            };
        }
        self.nodes[at as usize].here.push(group);
    }

    /// Undoes one [`Trie::add`]; whether there was one.
    pub(crate) fn remove(&mut self, filter: &str, group: u32) -> bool {
        let mut at = ROOT;
        let mut rest = false;
        for level in filter.split('/') {
            rest = level == "#";
            if rest {
                break;
            }
            match self.child(at, level) {
                Some(child) => at = child,
                None => return false,
            }
        }
        let groups = self.nodes[at as usize].groups(rest);
        let Some(place) = groups.iter().position(|it| *it == group) else {
            return false;
        };
        groups.swap_remove(place);
        self.prune(at);
        true
    }

    /// Adds the groups that want `topic`. As in MQTT, a wildcard at the beginning matches no topic
    /// that begins with `$`.
    pub(crate) fn matches_into(&self, topic: &str, found: &mut Matches) {
        let mut levels = Levels {
            ahead: topic.split('/'),
            known: SmallVec::new(),
        };
        // Each node is on one way from the root, so it is visited at most once; the stack holds at
        // most one node per level more than it has gone down.
        let mut ways: SmallVec<[(u32, u32); 16]> = SmallVec::new();
        ways.push((ROOT, 0));
        while let Some((at, depth)) = ways.pop() {
            let node = &self.nodes[at as usize];
            let wild = depth > 0 || !topic.starts_with('$');
            if wild {
                found.extend_from_slice(&node.rest);
            }
            if !levels.reach(depth as usize) {
                found.extend_from_slice(&node.here);
                continue;
            }
            if node.any != ROOT && wild {
                ways.push((node.any, depth + 1));
            }
            if node.literals > 0 {
                let (level, hash) = levels.hashed(depth as usize, &self.hasher);
                let child = self.literal(at, level, hash);
                ways.extend(child.map(|child| (child, depth + 1)));
            }
        }
    }

    fn child(&self, at: u32, level: &str) -> Option<u32> {
        if level == "+" {
            return Some(self.nodes[at as usize].any).filter(|any| *any != ROOT);
        }
        self.literal(at, level, self.hasher.hash_one(level))
    }

    fn literal(&self, at: u32, level: &str, hash: u64) -> Option<u32> {
        let is_it = |child: &u32| {
            let child = &self.nodes[*child as usize];
            child.parent == at && *child.level == *level
        };
        self.literals.find(below(at, hash), is_it).copied()
    }

    #[expect(
        clippy::expect_used,
        reason = "four milliards of nodes are more memory than any machine has"
    )]
    fn grow(&mut self, at: u32, level: &str) -> u32 {
        let node = Node {
            level: level.into(),
            parent: at,
            ..Node::default()
        };
        let new = u32::try_from(self.nodes.insert(node)).expect("few enough nodes");
        if level == "+" {
            self.nodes[at as usize].any = new;
            return new;
        }
        self.nodes[at as usize].literals += 1;
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        let hash = |child: &u32| {
            let child = &nodes[*child as usize];
            below(child.parent, hasher.hash_one(&*child.level))
        };
        self.literals.insert_unique(hash(&new), new, hash);
        new
    }

    /// Removes what is empty, from `at` up.
    fn prune(&mut self, mut at: u32) {
        while at != ROOT && self.nodes[at as usize].is_empty() {
            let node = self.nodes.remove(at as usize);
            if &*node.level == "+" {
                self.nodes[node.parent as usize].any = ROOT;
            } else {
                let hash = below(node.parent, self.hasher.hash_one(&*node.level));
                if let Ok(entry) = self.literals.find_entry(hash, |child| *child == at) {
                    entry.remove();
                }
                self.nodes[node.parent as usize].literals -= 1;
            }
            at = node.parent;
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.len() == 1 && self.literals.is_empty()
    }
}

/// The hash of a child, from its parent and the hash of its level.
fn below(parent: u32, level: u64) -> u64 {
    /// 2^64 over the golden ratio: spreads what differs in few bits.
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mixed = (level ^ u64::from(parent).wrapping_mul(SPREAD)).wrapping_mul(SPREAD);
    mixed ^ (mixed >> 32)
}
