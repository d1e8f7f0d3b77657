//! What the views say of topics.

use spica_model::{Record, Topic};
use spica_state::StateTree;

use crate::Views;

/// How many topics are looked at under one read lock.
const PAGE: usize = 512;

impl Views {
    /// The value of a topic: its last record, if that is a put.
    #[must_use]
    pub fn get(&self, topic: &Topic) -> Option<Record> {
        self.read(|folds| folds.tree.get(topic.as_str()).cloned())
    }

    /// The last record of a topic, which may be a tombstone.
    #[must_use]
    pub fn last(&self, topic: &Topic) -> Option<Record> {
        self.read(|folds| folds.tree.last(topic.as_str()).cloned())
    }

    /// The state of a topic, as MQTT retains it: its last record of kind `state`, if that is a put.
    /// Later events neither hide nor remove it.
    #[must_use]
    pub fn state(&self, topic: &Topic) -> Option<Record> {
        self.read(|folds| folds.tree.state(topic.as_str()).cloned())
    }

    /// The values of `prefix` and the topics below it, in the order of topics: at most `limit`, from
    /// the topic after `after` on. The empty prefix stands for everything.
    #[must_use]
    pub fn subtree(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Record> {
        self.read(|folds| {
            folds
                .tree
                .subtree(prefix, after)
                .take(limit)
                .cloned()
                .collect()
        })
    }

    /// Shows all values of `prefix` and the topics below it to `visit`, in the order of topics. The
    /// lock is taken for a page at a time: what is folded meanwhile may be shown or not.
    pub fn visit(&self, prefix: &str, mut visit: impl FnMut(&Record)) {
        let mut after: Option<Topic> = None;
        loop {
            let page = self.subtree(prefix, after.as_ref().map(Topic::as_str), PAGE);
            page.iter().for_each(&mut visit);
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.topic.clone()),
                _ => return,
            }
        }
    }

    /// Shows the last records of `prefix` and the topics below it to `visit`, tombstones that are
    /// remembered among them: page by page, in the order of topics. The lock is not held while a page
    /// is shown; what is folded meanwhile may be among the later ones or not.
    pub fn standing(&self, prefix: &str, mut visit: impl FnMut(&[Record])) {
        let mut after: Option<Topic> = None;
        loop {
            let page: Vec<Record> = self.read(|folds| {
                let after = after.as_ref().map(Topic::as_str);
                let standing = folds.tree.standing(prefix, after);
                standing.take(PAGE).cloned().collect()
            });
            visit(&page);
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.topic.clone()),
                _ => return,
            }
        }
    }

    /// Shows the [states](Views::state) of `prefix` and the topics below it to `visit`, as
    /// [`Views::standing`] does; a page may be shorter than the one after it, but none is empty.
    pub fn retained(&self, prefix: &str, visit: impl FnMut(&[Record])) {
        self.pages(|tree, after| Box::new(tree.states(prefix, after)), visit);
    }

    /// The last record of kind `state` of a topic, which may be a tombstone.
    #[must_use]
    pub fn last_state(&self, topic: &Topic) -> Option<Record> {
        self.read(|folds| folds.tree.last_state(topic.as_str()).cloned())
    }

    /// As [`Views::retained`], with tombstones.
    pub fn last_states(&self, prefix: &str, visit: impl FnMut(&[Record])) {
        self.pages(
            |tree, after| Box::new(tree.last_states(prefix, after)),
            visit,
        );
    }

    /// Shows the states of these topics page by page; no page is empty.
    fn pages(
        &self,
        topics: impl for<'t> Fn(&'t StateTree, Option<&str>) -> Topics<'t>,
        mut visit: impl FnMut(&[Record]),
    ) {
        let mut after: Option<Topic> = None;
        loop {
            let (page, next) = self.read(|folds| {
                let after = after.as_ref().map(Topic::as_str);
                page_of_states(topics(&folds.tree, after))
            });
            if !page.is_empty() {
                visit(&page);
            }
            if next.is_none() {
                return;
            }
            after = next;
        }
    }

    /// How many topics have a value.
    #[must_use]
    pub fn topics(&self) -> usize {
        self.read(|folds| folds.tree.topics())
    }

    /// Whether a put to `topic` would not be shown since there are too many topics. Who accepts
    /// records from outside asks first, and refuses.
    #[must_use]
    pub fn would_exceed(&self, topic: &Topic) -> bool {
        self.read(|folds| folds.tree.would_exceed(topic))
    }
}

/// Topics, each with its state if it has one.
type Topics<'t> = Box<dyn Iterator<Item = (&'t Topic, Option<&'t Record>)> + 't>;

/// The states of a page of topics, and the last of these topics if there may be more behind it. The
/// topics count, not the states: where few topics have one, a lock would be held for long.
fn page_of_states<'a>(
    topics: impl Iterator<Item = (&'a Topic, Option<&'a Record>)>,
) -> (Vec<Record>, Option<Topic>) {
    let mut page = Vec::new();
    for (looked, (topic, state)) in (1..).zip(topics) {
        page.extend(state.cloned());
        if looked == PAGE {
            return (page, Some(topic.clone()));
        }
    }
    (page, None)
}
