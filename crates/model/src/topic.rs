//! Topics and topic filters, with MQTT's rules.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use bytes::Bytes;

use crate::limits;

/// A UTF-8 path: levels separated by `/`, no wildcard, no NUL, not empty, at most
/// [`limits::TOPIC_BYTES`]. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic(Bytes);

/// Why a text is no topic or no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Empty.
    #[error("a topic is not empty")]
    Empty,
    /// Longer than the limit.
    #[error("a topic has at most {} bytes", limits::TOPIC_BYTES)]
    TooLong,
    /// Not UTF-8.
    #[error("a topic is UTF-8")]
    NotUtf8,
    /// A control character, NUL among them.
    #[error("a topic has no control characters")]
    Control,
    /// `+` or `#` in a topic.
    #[error("+ and # are wildcards: a filter may have them, a topic may not")]
    Wildcard,
    /// A wildcard that is not a whole level, or a `#` before the last level.
    #[error("+ stands for one whole level, # for all the rest and only at the end")]
    MisplacedWildcard,
}

fn check(bytes: &[u8]) -> Result<&str, TopicError> {
    if bytes.is_empty() {
        return Err(TopicError::Empty);
    }
    if bytes.len() > limits::TOPIC_BYTES {
        return Err(TopicError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| TopicError::NotUtf8)?;
    if text.chars().any(char::is_control) {
        return Err(TopicError::Control);
    }
    Ok(text)
}

impl Topic {
    /// A topic from shared bytes, without a copy.
    ///
    /// # Errors
    /// If the bytes break one of the rules.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, TopicError> {
        if check(&bytes)?.contains(['+', '#']) {
            return Err(TopicError::Wildcard);
        }
        Ok(Self(bytes))
    }

    /// A topic from text.
    ///
    /// # Errors
    /// If the text breaks one of the rules.
    pub fn new(text: impl Into<String>) -> Result<Self, TopicError> {
        Self::from_bytes(Bytes::from(text.into()))
    }

    /// The topic below this one: `self/rest`.
    ///
    /// # Errors
    /// If the result breaks one of the rules.
    pub fn join(&self, rest: &str) -> Result<Self, TopicError> {
        Self::new(format!("{self}/{rest}"))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Checked to be UTF-8 when made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The path as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The levels, from the root.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('/')
    }

    /// The part below `prefix`, if this topic is strictly below it.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Option<&str> {
        self.as_str().strip_prefix(prefix)?.strip_prefix('/')
    }

    /// Whether this topic is `prefix` or below it.
    #[must_use]
    pub fn is_within(&self, prefix: &str) -> bool {
        self.as_str() == prefix || self.below(prefix).is_some()
    }
}

impl Hash for Topic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::borrow::Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// A pattern over topics: `+` for one level, a final `#` for the level before it and all below.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicFilter(String);

impl TopicFilter {
    /// A filter from text.
    ///
    /// # Errors
    /// If the text breaks one of the rules.
    pub fn new(text: impl Into<String>) -> Result<Self, TopicError> {
        let text = text.into();
        check(text.as_bytes())?;
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let wild = level.contains(['+', '#']);
            let whole = level == "+" || (level == "#" && levels.peek().is_none());
            if wild && !whole {
                return Err(TopicError::MisplacedWildcard);
            }
        }
        Ok(Self(text))
    }

    /// The filter that matches `topic` alone and everything below it.
    ///
    /// # Errors
    /// If the filter would be too long.
    pub fn subtree(topic: &Topic) -> Result<Self, TopicError> {
        Self::new(format!("{topic}/#"))
    }

    /// The filter as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the filter matches `topic`. As in MQTT, a leading wildcard does not match a topic
    /// that begins with `$`.
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        let topic = topic.as_str();
        if topic.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut levels = topic.split('/');
        for pattern in self.0.split('/') {
            match (pattern, levels.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (literal, Some(level)) if literal == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    /// The levels before the first wildcard: every match is this topic or below it.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        match self.0.find(['+', '#']) {
            Some(at) => self.0[..at].trim_end_matches('/'),
            None => &self.0,
        }
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TopicFilter {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_follow_mqtt_rules() {
        assert_eq!(Topic::new(""), Err(TopicError::Empty));
        assert_eq!(Topic::new("a/+/b"), Err(TopicError::Wildcard));
        assert_eq!(Topic::new("a\0b"), Err(TopicError::Control));
        assert_eq!(
            Topic::from_bytes(Bytes::from_static(b"\xff")),
            Err(TopicError::NotUtf8)
        );
        assert_eq!(
            Topic::new("x".repeat(limits::TOPIC_BYTES + 1)),
            Err(TopicError::TooLong)
        );
        assert!(Topic::new("x".repeat(limits::TOPIC_BYTES)).is_ok());
        let topic = Topic::new("root/s1").unwrap().join("a").unwrap();
        assert_eq!(topic.below("root"), Some("s1/a"));
        assert_eq!(topic.below("roo"), None);
        assert!(topic.is_within("root/s1/a"));
    }

    #[test]
    fn filters_match_as_mqtt_says() {
        for (filter, topic, want) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+/c", "a/b/c", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("#", "a/b", true),
            ("#", "$sys/b", false),
            ("+/b", "$sys/b", false),
            ("$sys/#", "$sys/b", true),
            ("+", "/a", false),
            ("/+", "/a", true),
        ] {
            let matched = TopicFilter::new(filter)
                .unwrap()
                .matches(&Topic::new(topic).unwrap());
            assert_eq!(matched, want, "{filter} on {topic}");
        }
        for bad in ["a+", "a/#/b", "#a", "a/b#"] {
            assert_eq!(
                TopicFilter::new(bad),
                Err(TopicError::MisplacedWildcard),
                "{bad}"
            );
        }
        assert_eq!(TopicFilter::new("a/b/+/c").unwrap().literal_prefix(), "a/b");
        assert_eq!(TopicFilter::new("#").unwrap().literal_prefix(), "");
    }
}
