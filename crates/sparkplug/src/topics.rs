//! Where things stand in the tree.

use std::fmt::Write as _;

use spica_model::{Topic, TopicError};

/// The first level of what edge nodes publish.
pub const SPARKPLUG: &str = "spBv1.0";
/// The first level of what is made of it.
pub const ROOT: &str = "sparkplug";
/// Where the machine's notes are.
pub const HANDLER: &str = "handlers/sparkplug";

/// The topics of one node.
///
/// | topic below the node | kind | what |
/// |---|---|---|
/// | `sparkplug/<group>/<edge>/status` | state | how the edge node is |
/// | `sparkplug/<group>/<edge>/metrics/<metric>` | state | its values |
/// | `sparkplug/<group>/<edge>/history/<metric>` | event | its values of the past |
/// | `sparkplug/<group>/<edge>/devices/<device>/…` | | the same of a device |
/// | `handlers/sparkplug/edges/<group>/<edge>` | state | a note about an edge node |
/// | `handlers/sparkplug/births/<group>/<edge>[/<device>]` | state | a note about a birth |
///
/// So no name of a device or metric is ever taken for something else. In the names of metrics `+`,
/// `#`, `%` and control characters are written as `%2B` and so on, as in URLs.
#[derive(Debug, Clone)]
pub struct Topics {
    node: Topic,
}

/// An edge node, `<group>/<edge>`, and perhaps one of its devices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) id: &'a str,
    pub(crate) device: Option<&'a str>,
}

impl Topics {
    /// Those of a node.
    #[must_use]
    pub const fn new(node: Topic) -> Self {
        Self { node }
    }

    /// A topic below the node.
    ///
    /// # Errors
    /// If it would be none.
    pub fn below(&self, path: &str) -> Result<Topic, TopicError> {
        self.node.join(path)
    }

    pub(crate) fn status(&self, subject: Subject<'_>) -> Result<Topic, TopicError> {
        self.below(&format!("{ROOT}/{}/status", subject.path()))
    }

    pub(crate) fn metric(&self, subject: Subject<'_>, name: &str) -> Result<Topic, TopicError> {
        self.named(subject, "metrics", name)
    }

    pub(crate) fn past(&self, subject: Subject<'_>, name: &str) -> Result<Topic, TopicError> {
        self.named(subject, "history", name)
    }

    fn named(&self, subject: Subject<'_>, what: &str, name: &str) -> Result<Topic, TopicError> {
        if name.is_empty() {
            return Err(TopicError::Empty);
        }
        let mut path = format!("{ROOT}/{}/{what}/", subject.path());
        escape(name, &mut path);
        self.below(&path)
    }

    pub(crate) fn command(&self, id: &str) -> Result<Topic, TopicError> {
        let (group, edge) = id.split_once('/').unwrap_or((id, ""));
        self.below(&format!("{SPARKPLUG}/{group}/NCMD/{edge}"))
    }

    pub(crate) fn edge_note(&self, id: &str) -> Result<Topic, TopicError> {
        self.below(&format!("{HANDLER}/edges/{id}"))
    }

    pub(crate) fn birth_note(&self, subject: Subject<'_>) -> Result<Topic, TopicError> {
        match subject.device {
            None => self.below(&format!("{HANDLER}/births/{}", subject.id)),
            Some(device) => self.below(&format!("{HANDLER}/births/{}/{device}", subject.id)),
        }
    }
}

impl Subject<'_> {
    fn path(&self) -> String {
        match self.device {
            None => self.id.to_owned(),
            Some(device) => format!("{}/devices/{device}", self.id),
        }
    }
}

/// Appends the name of a metric as levels of a topic. Two names never give the same.
fn escape(name: &str, path: &mut String) {
    let mut bytes = [0; 4];
    for letter in name.chars() {
        if !matches!(letter, '+' | '#' | '%') && !letter.is_control() {
            path.push(letter);
            continue;
        }
        for byte in letter.encode_utf8(&mut bytes).bytes() {
            // Writing to a string does not fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_metrics_become_levels() {
        let topics = Topics::new(Topic::new("root").unwrap());
        let edge = Subject {
            id: "g/e",
            device: None,
        };
        let device = Subject {
            id: "g/e",
            device: Some("status"),
        };
        for (subject, name, expected) in [
            (
                edge,
                "Node Control/Rebirth",
                "g/e/metrics/Node Control/Rebirth",
            ),
            (
                edge,
                "a+b#c%d\u{7}\u{85}",
                "g/e/metrics/a%2Bb%23c%25d%07%C2%85",
            ),
            (edge, "//", "g/e/metrics///"),
            (device, "status", "g/e/devices/status/metrics/status"),
        ] {
            let topic = topics.metric(subject, name).unwrap();
            assert_eq!(topic.below("root/sparkplug"), Some(expected));
        }
        assert_eq!(topics.metric(edge, ""), Err(TopicError::Empty));
        let long = "x".repeat(1_100);
        assert_eq!(topics.metric(edge, &long), Err(TopicError::TooLong));
    }
}
