//! Filters without a wildcard: each matches the topic that is written as it is.

use hashbrown::HashMap;
use smallvec::SmallVec;

/// Groups by such filters.
#[derive(Debug, Default)]
pub(crate) struct Exact(HashMap<Box<str>, SmallVec<[u32; 2]>>);

impl Exact {
    pub(crate) fn add(&mut self, filter: &str, group: u32) {
        if let Some(groups) = self.0.get_mut(filter) {
            groups.push(group);
        } else {
            self.0.insert(filter.into(), SmallVec::from_slice(&[group]));
        }
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, filter: &str, group: u32) -> bool {
        let Some(groups) = self.0.get_mut(filter) else {
            return false;
        };
        let Some(at) = groups.iter().position(|it| *it == group) else {
            return false;
        };
        groups.swap_remove(at);
        if groups.is_empty() {
            self.0.remove(filter);
        }
        true
    }

    pub(crate) fn get(&self, topic: &str) -> &[u32] {
        self.0.get(topic).map_or(&[], |groups| groups)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
