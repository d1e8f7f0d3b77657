//! What is known of topics that come often.

use hashbrown::HashMap;
use spica_model::Topic;

/// What the index knows of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Info {
    /// Its list.
    pub(crate) list: u32,
    /// The list of its event, if it is about one.
    pub(crate) event: Option<u32>,
    /// The rule by which its values are found.
    pub(crate) series: Option<usize>,
}

/// What is known of the topics that came last, in two generations: when the younger one is full, the
/// older one is forgotten.
#[derive(Debug)]
pub(crate) struct Cache {
    young: HashMap<Topic, Info>,
    old: HashMap<Topic, Info>,
    limit: usize,
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            limit: (limit / 2).max(1),
        }
    }

    pub(crate) fn get(&mut self, topic: &Topic) -> Option<Info> {
        if let Some(info) = self.young.get(topic) {
            return Some(*info);
        }
        let (topic, info) = self.old.remove_entry(topic)?;
        self.put(topic, info);
        Some(info)
    }

    /// Keeps a topic. Its text is taken as it is: it must not hold on to a buffer of records.
    pub(crate) fn put(&mut self, topic: Topic, info: Info) {
        if self.young.len() >= self.limit {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(topic, info);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_stays_and_the_rest_is_bounded() {
        let mut cache = Cache::new(20);
        let topic = |n: u32| Topic::new(format!("t/{n}")).unwrap();
        let info = |list| Info {
            list,
            event: None,
            series: None,
        };
        cache.put(topic(0), info(0));
        for n in 1..1_000 {
            cache.put(topic(n), info(n));
            assert_eq!(cache.get(&topic(0)), Some(info(0)), "after {n}");
            assert!(cache.young.len() + cache.old.len() <= 20);
        }
        assert_eq!(cache.get(&topic(5)), None);
    }
}
