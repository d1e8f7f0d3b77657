//! Filters of rules, with placeholders.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use spica_matcher::{FilterError, check_filter, covers, overlaps};

use crate::who::{PLACEHOLDERS, Who, WhoError};

/// A topic filter in which a level may be `%c` (the client identifier), `%u` (the user name) or `%s`
/// (the device's serial number).
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    has_placeholders: bool,
    /// How much of the text stands at the beginning of whatever it matches.
    literal: usize,
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no filter.
    #[error("{0:?} is no topic filter: {1}")]
    Filter(String, FilterError),
    /// A `%` that is no placeholder, or not a whole level.
    #[error(
        "{0:?}: % stands in %c (client identifier), %u (user name) and %s (serial number) only, \
         each a whole level"
    )]
    Placeholder(String),
    /// It is longer than any topic.
    #[error("a filter has at most {} bytes here", spica_model::limits::TOPIC_BYTES)]
    TooLong,
}

fn is_placeholder(level: &str) -> bool {
    PLACEHOLDERS.iter().any(|(name, _)| *name == level)
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > spica_model::limits::TOPIC_BYTES {
            return Err(PatternError::TooLong);
        }
        check_filter(text).map_err(|error| PatternError::Filter(text.to_owned(), error))?;
        let stray = |level: &str| level.contains('%') && !is_placeholder(level);
        if text.split('/').any(stray) {
            return Err(PatternError::Placeholder(text.to_owned()));
        }
        let literal = match text.find(['+', '#', '%']) {
            // Without the slash: `a/#` matches `a`, too.
            Some(end) => end.saturating_sub(1),
            None => text.len(),
        };
        Ok(Self {
            text: text.into(),
            has_placeholders: text.split('/').any(is_placeholder),
            literal,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Pattern {
    /// The filter for this client.
    ///
    /// # Errors
    /// If a placeholder stands for nothing, or for what is no level of a topic.
    pub fn resolve(&self, who: &Who<'_>) -> Result<Cow<'_, str>, WhoError> {
        if !self.has_placeholders {
            return Ok(Cow::Borrowed(&self.text));
        }
        let mut filter = String::with_capacity(self.text.len() + 32);
        for (at, level) in self.text.split('/').enumerate() {
            if at > 0 {
                filter.push('/');
            }
            filter.push_str(if is_placeholder(level) {
                who.value(level)?
            } else {
                level
            });
        }
        Ok(Cow::Owned(filter))
    }

    /// Whether it matches everything that `filter` does (a topic is a filter, too). Never for a client
    /// for whom it cannot be [resolved](Self::resolve): such a pattern matches no topic.
    #[must_use]
    pub fn covers(&self, who: &Who<'_>, filter: &str) -> bool {
        filter.starts_with(&self.text[..self.literal])
            && self.resolve(who).is_ok_and(|own| covers(&own, filter))
    }

    /// Whether it matches some of what `filter` does.
    #[must_use]
    pub fn overlaps(&self, who: &Who<'_>, filter: &str) -> bool {
        self.resolve(who).is_ok_and(|own| overlaps(&own, filter))
    }
}
