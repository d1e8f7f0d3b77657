//! Where everything about cases stands: `<node>/alarms/…`, and what stands at a topic. The one
//! place that knows these paths.
//!
//! A source is a path itself and stands last, so that it needs no escape: what may be in a topic may
//! be in a source, empty levels and a leading `/` too. Only one that leaves no room below the node
//! is cut, and a hash of the whole is put behind it. The payload says the source whole.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;
use spica_model::{Topic, TopicError, limits};

use crate::{CONDITION_BYTES, CaseId};

/// The level below a node under which everything about cases is.
pub const ALARMS: &str = "alarms";

/// Longest path of a node that leaves room below it for everything here. The configuration allows
/// much less.
pub const NODE_BYTES: usize = 512;

/// A cut source: `~` and a hash.
const CUT_BYTES: usize = 1 + 16;

/// The topics about cases, below one node.
#[derive(Debug, Clone)]
pub struct Topics {
    node: Topic,
}

impl Topics {
    /// The topics below `node`.
    ///
    /// # Panics
    /// If the node's own path has more than [`NODE_BYTES`].
    #[must_use]
    pub fn new(node: Topic) -> Self {
        let bytes = node.as_bytes().len();
        assert!(bytes <= NODE_BYTES, "a node's path has {bytes} bytes");
        Self { node }
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> &Topic {
        &self.node
    }

    /// A case: state.
    #[must_use]
    pub fn case(&self, id: CaseId) -> Topic {
        self.below(format_args!("cases/{id}"))
    }

    /// The steps of a case: events.
    #[must_use]
    pub fn case_steps(&self, id: CaseId) -> Topic {
        self.below(format_args!("cases/{id}/steps"))
    }

    /// A condition: state.
    ///
    /// # Errors
    /// If `condition` is no level of a topic, or `source` is empty or has what no topic may have.
    pub fn condition(&self, source: &str, condition: &str) -> Result<Topic, TopicError> {
        self.at_source("conditions", source, condition)
    }

    /// The steps of a condition that has no case: events.
    ///
    /// # Errors
    /// As [`Topics::condition`].
    pub fn condition_steps(&self, source: &str, condition: &str) -> Result<Topic, TopicError> {
        self.at_source("steps", source, condition)
    }

    /// The running escalation of a case: state.
    #[must_use]
    pub fn escalation(&self, id: CaseId) -> Topic {
        self.below(format_args!("escalations/{id}"))
    }

    /// One notice about a case: state.
    #[must_use]
    pub fn notice(&self, id: CaseId, number: u32) -> Topic {
        self.below(format_args!("notices/{id}/{number}"))
    }

    /// The attempts to deliver a notice: events.
    #[must_use]
    pub fn attempts(&self, id: CaseId, number: u32) -> Topic {
        self.below(format_args!("notices/{id}/{number}/attempts"))
    }

    /// How far the lanes are consumed: state.
    #[must_use]
    pub fn mark(&self) -> Topic {
        self.below(format_args!("mark"))
    }

    fn at_source(&self, what: &str, source: &str, condition: &str) -> Result<Topic, TopicError> {
        if source.is_empty() || condition.is_empty() {
            return Err(TopicError::Empty);
        }
        if condition.contains('/') || condition.len() > CONDITION_BYTES {
            return Err(TopicError::TooLong);
        }
        let mut path = format!("{}/{ALARMS}/{what}/{condition}/", self.node);
        let room = limits::TOPIC_BYTES - path.len();
        if source.len() <= room {
            path.push_str(source);
        } else {
            let end = source.floor_char_boundary(room - CUT_BYTES);
            path.push_str(&source[..end]);
            path.push_str(&format!("~{:016x}", hash(source)));
        }
        Topic::new(path)
    }

    #[expect(
        clippy::expect_used,
        reason = "`new` left room for everything that is given here, and all of it is plain ASCII"
    )]
    fn below(&self, rest: std::fmt::Arguments<'_>) -> Topic {
        Topic::new(format!("{}/{ALARMS}/{rest}", self.node)).expect("room below a node")
    }
}

/// The same on every machine and in every version, since it is in the names of topics.
fn hash(source: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(source.as_bytes());
    hasher.finish()
}

/// What stands at a topic below `<node>/alarms/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A case.
    Case(CaseId),
    /// The steps of a case.
    CaseSteps(CaseId),
    /// A condition. A long source is cut here; the payload says it whole.
    Condition {
        /// The source.
        source: String,
        /// The condition.
        condition: String,
    },
    /// The steps of a condition that has no case.
    ConditionSteps {
        /// The source.
        source: String,
        /// The condition.
        condition: String,
    },
    /// The escalation of a case.
    Escalation(CaseId),
    /// A notice about a case.
    Notice(CaseId, u32),
    /// The attempts to deliver a notice.
    Attempts(CaseId, u32),
    /// How far the lanes are consumed.
    Mark,
}

impl Part {
    /// What stands at `topic`, if it is one of these of `node`.
    #[must_use]
    pub fn of(node: &str, topic: &Topic) -> Option<Self> {
        let below = topic.below(node)?.strip_prefix(ALARMS)?.strip_prefix('/')?;
        if below == "mark" {
            return Some(Self::Mark);
        }
        let (what, rest) = below.split_once('/')?;
        let at_source = || {
            let (condition, source) = rest.split_once('/')?;
            let there = !condition.is_empty() && !source.is_empty();
            there.then(|| (source.to_owned(), condition.to_owned()))
        };
        match what {
            "cases" => match rest.strip_suffix("/steps") {
                Some(id) => Some(Self::CaseSteps(id.parse().ok()?)),
                None => Some(Self::Case(rest.parse().ok()?)),
            },
            "conditions" => {
                let (source, condition) = at_source()?;
                Some(Self::Condition { source, condition })
            }
            "steps" => {
                let (source, condition) = at_source()?;
                Some(Self::ConditionSteps { source, condition })
            }
            "escalations" => Some(Self::Escalation(rest.parse().ok()?)),
            "notices" => Self::of_notice(rest),
            _ => None,
        }
    }

    fn of_notice(rest: &str) -> Option<Self> {
        let (id, rest) = rest.split_once('/')?;
        let id = id.parse().ok()?;
        let (number, attempts) = match rest.strip_suffix("/attempts") {
            Some(number) => (number, true),
            None => (rest, false),
        };
        // One spelling: `007` and `+7` are other topics than `7`.
        let plain = number.bytes().all(|b| b.is_ascii_digit());
        if !plain || (number.starts_with('0') && number != "0") {
            return None;
        }
        let number = number.parse().ok()?;
        Some(if attempts {
            Self::Attempts(id, number)
        } else {
            Self::Notice(id, number)
        })
    }
}

#[cfg(test)]
mod tests;
