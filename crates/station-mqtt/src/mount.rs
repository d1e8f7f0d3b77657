//! Where MQTT topics stand among the node's: `a/b` is `<node>/a/b`.
//!
//! What is done, and by whom (`audit`), is shown below `$spica`, so that a wildcard at the beginning
//! of a filter does not match it: who wants it must name it. What the node keeps for itself, and how
//! far its parts have come, is not shown at all ([`spica_mqtt_access::HIDDEN`]).

use std::borrow::Cow;

use spica_model::{Topic, TopicError};

/// The first level of what a client must name to get it.
const INTERNAL: &str = "$spica";
/// What that is.
const INTERNAL_ROOT: &str = "audit";
/// What no client writes: it has other writers.
const RESERVED_ROOTS: [&str; 7] = [
    "devices", "alarms", "cases", "handlers", "system", "audit", "mqtt",
];

/// The node's path, as the root of MQTT topics.
#[derive(Debug, Clone)]
pub(crate) struct Mount {
    node: Topic,
}

impl Mount {
    pub(crate) const fn new(node: Topic) -> Self {
        Self { node }
    }

    pub(crate) const fn node(&self) -> &Topic {
        &self.node
    }

    /// The record topic of what is published to `topic`.
    ///
    /// # Errors
    /// If the two together are no topic: too long, or with control characters.
    pub(crate) fn inward(&self, topic: &str) -> Result<Topic, TopicError> {
        self.node.join(topic)
    }

    /// How MQTT names a record topic; none if it does not lie below the node, or is shown to no client.
    pub(crate) fn outward<'a>(&self, topic: &'a Topic) -> Option<Cow<'a, str>> {
        let name = topic.below(self.node.as_str())?;
        if spica_mqtt_access::is_hidden(name) {
            return None;
        }
        Some(if is_internal(name) {
            Cow::Owned(format!("{INTERNAL}/{name}"))
        } else {
            Cow::Borrowed(name)
        })
    }

    /// The record topics among which those lie that a filter's literal beginning stands for: the
    /// longest prefix of whole levels. Wildcards at the beginning stand for the node itself.
    pub(crate) fn prefix(&self, filter: &str) -> String {
        let filter = filter
            .strip_prefix(INTERNAL)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(filter);
        let literal: Vec<&str> = filter
            .split('/')
            .take_while(|level| !matches!(*level, "+" | "#"))
            .collect();
        if literal.is_empty() {
            return self.node.to_string();
        }
        format!("{}/{}", self.node, literal.join("/"))
    }
}

fn first_level(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

fn is_internal(name: &str) -> bool {
    first_level(name) == INTERNAL_ROOT
}

/// Whether a client may never publish to `topic`, whoever it is.
#[must_use]
pub fn is_reserved(topic: &str) -> bool {
    topic.starts_with('$') || RESERVED_ROOTS.contains(&first_level(topic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount() -> Mount {
        Mount::new(Topic::new("root/s1").unwrap())
    }

    #[test]
    fn topics_go_in_and_out() {
        let mount = mount();
        for topic in ["a", "a/b", "/a", "a//b", "a/"] {
            let inward = mount.inward(topic).unwrap();
            assert_eq!(inward.as_str(), format!("root/s1/{topic}"));
            assert_eq!(mount.outward(&inward).unwrap(), topic);
        }
        let elsewhere = Topic::new("root/s2/a").unwrap();
        assert_eq!(mount.outward(&elsewhere), None);
        assert!(mount.inward(&"x".repeat(1_024)).is_err());
    }

    #[test]
    fn what_is_internal_hides_from_wildcards() {
        let mount = mount();
        let audit = mount.inward("audit/topics").unwrap();
        assert_eq!(mount.outward(&audit).unwrap(), "$spica/audit/topics");
        for hidden in [
            "system/tokens/1",
            "system/mqtt-users/a",
            "mqtt/sessions/a/out",
            "alarms/mark",
            "handlers/history/place",
        ] {
            assert_eq!(
                mount.outward(&mount.inward(hidden).unwrap()),
                None,
                "{hidden}"
            );
        }
        assert!(mount.outward(&mount.inward("mqttx").unwrap()).is_some());
        assert!(is_reserved("system/tokens/1"));
        assert!(is_reserved("$SYS/x"));
        assert!(!is_reserved("systems/x"));
    }

    #[test]
    fn a_filter_is_looked_up_below_its_literal_levels() {
        let mount = mount();
        for (filter, prefix) in [
            ("#", "root/s1"),
            ("+/a", "root/s1"),
            ("a/b", "root/s1/a/b"),
            ("a/#", "root/s1/a"),
            ("a/+/c", "root/s1/a"),
            ("$spica/audit/#", "root/s1/audit"),
        ] {
            assert_eq!(mount.prefix(filter), prefix, "{filter}");
        }
    }
}
