//! What a subscription asks for, as far as others can ask for the same.

use std::sync::Arc;

use spica_live_proto::{Deliver, Kinds, Subscribe, WindowSpec};
use spica_model::{Kind, Record, Topic, TopicFilter};

/// What the sessions of one group want.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Want {
    /// The topics.
    pub filter: TopicFilter,
    /// A topic that is not shown, with all below.
    pub hidden: Option<Arc<str>>,
    /// The kinds of records.
    pub kinds: Kinds,
    /// Each record, or the latest.
    pub deliver: Deliver,
    /// Computed values instead of the records' own.
    pub window: Option<WindowSpec>,
    /// Whether payloads are patches to be composed.
    pub merge_patch: bool,
}

impl Want {
    pub(crate) fn new(subscribe: &Subscribe, hidden: Option<&Arc<str>>) -> Self {
        let filter = subscribe.filter.clone();
        // Who may see all of it shares it with those who may see everything.
        let overlaps = |hidden: &&Arc<str>| {
            let prefix = filter.literal_prefix();
            prefix.is_empty() || is_within(prefix, hidden) || is_within(hidden, prefix)
        };
        Self {
            hidden: hidden.filter(overlaps).cloned(),
            kinds: subscribe.kinds,
            deliver: subscribe.deliver,
            window: subscribe.window.clone(),
            merge_patch: subscribe.merge_patch,
            filter,
        }
    }

    /// Whether a topic is wanted.
    #[must_use]
    pub fn topic(&self, topic: &Topic) -> bool {
        self.filter.matches(topic) && !self.hides(topic)
    }

    /// Whether what stands is shown: the values of states as they are, conflated or in a snapshot.
    #[must_use]
    pub fn states(&self) -> bool {
        self.kinds != Kinds::Event && self.window.is_none()
    }

    /// Whether records are delivered one by one.
    #[must_use]
    pub fn each(&self) -> bool {
        self.window.is_none()
            && match self.deliver {
                Deliver::Each => true,
                Deliver::Auto => self.kinds != Kinds::State,
                Deliver::Latest => false,
            }
    }

    /// Whether the record is one of those that are delivered one by one. Copies never are.
    #[must_use]
    pub fn is_event(&self, record: &Record) -> bool {
        !record.is_restated() && self.delivers(record.kind) && self.topic(&record.topic)
    }

    pub(crate) fn hides(&self, topic: &Topic) -> bool {
        self.hidden.as_ref().is_some_and(|it| topic.is_within(it))
    }

    /// Whether records of that kind are delivered one by one.
    pub(crate) fn delivers(&self, kind: Kind) -> bool {
        self.each()
            && match kind {
                Kind::State => self.deliver == Deliver::Each && self.kinds != Kinds::Event,
                Kind::Event => self.kinds != Kinds::State,
            }
    }

    /// Whether the window takes values of that kind.
    pub(crate) fn computes(&self, kind: Kind) -> bool {
        self.window.is_some()
            && match kind {
                Kind::State => self.kinds != Kinds::Event,
                Kind::Event => self.kinds != Kinds::State && self.deliver != Deliver::Latest,
            }
    }
}

fn is_within(topic: &str, prefix: &str) -> bool {
    let rest = topic.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::subscribe;

    #[test]
    fn what_is_hidden_matters_only_where_it_overlaps() {
        let hidden: Arc<str> = "n/system".into();
        for (filter, overlaps) in [
            ("#", true),
            ("n/#", true),
            ("n/+/x", true),
            ("n/system/a", true),
            ("n/systematic/#", false),
            ("n/devices/#", false),
            ("m/#", false),
        ] {
            let want = Want::new(&subscribe(1, filter), Some(&hidden));
            assert_eq!(want.hidden.is_some(), overlaps, "{filter}");
        }
        let want = Want::new(&subscribe(1, "n/#"), Some(&hidden));
        assert!(want.topic(&Topic::new("n/a").unwrap()));
        assert!(!want.topic(&Topic::new("n/system/a").unwrap()));
    }
}
