//! What an operator may set about pictures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::{Topic, TopicFilter};
use spica_settings::{ByteSize, Span};

use crate::thumbnail::Bounds;

/// Most rules of retention.
const RULES_MAX: usize = 100;
/// Smallest and largest side of a thumbnail.
const SIDES: std::ops::RangeInclusive<u32> = 16..=2_048;

/// Thumbnails of pictures, and how long pictures are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "MediaSettings")]
pub struct Settings {
    /// The longer side of a thumbnail, in pixels.
    #[schemars(range(min = 16, max = 2048))]
    pub thumbnail_pixels: u32,
    /// Bytes that a picture may have in memory while its thumbnail is made; a larger one has none.
    #[schemars(extend("x-least" = "1MiB", "x-most" = "2GiB"))]
    pub decoded_bytes: ByteSize,
    /// How long pictures are kept, by the topic of their records; the first rule that fits decides.
    /// A picture that no rule fits is kept for good, and so is one of a device with an open case.
    pub retention: Vec<RetentionRule>,
}

/// How long some pictures are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// Which: a filter for their topics, such as `root/devices/+/pictures`.
    pub topic: String,
    /// How long after they were received; for good without it.
    #[serde(default)]
    #[schemars(extend("x-least" = "1h"))]
    pub keep: Option<Span>,
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A side that is too small or too large.
    #[error("media.thumbnail_pixels is {0}; allowed is 16 to 2048")]
    Side(u32),
    /// Too many rules.
    #[error("media.retention has {0} rules; {RULES_MAX} are allowed")]
    Rules(usize),
    /// A filter that is none.
    #[error("media.retention[{index}].topic {topic:?} is no filter: {reason}")]
    Filter {
        /// Which rule, from 0.
        index: usize,
        /// What it says.
        topic: String,
        /// Why that is none.
        reason: String,
    },
    /// A picture would go before anyone has looked at it.
    #[error("media.retention[{index}].keep is {keep}; at least 1h is allowed")]
    Keep {
        /// Which rule, from 0.
        index: usize,
        /// What it says.
        keep: Span,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            thumbnail_pixels: 320,
            decoded_bytes: ByteSize::mib(128),
            retention: Vec::new(),
        }
    }
}

/// The rules as they are applied.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules(Vec<(TopicFilter, Option<Span>)>);

impl Rules {
    /// How long a picture with a record of this topic is kept; for good if it says nothing.
    pub(crate) fn keep(&self, topic: &Topic) -> Option<Span> {
        let rule = self.0.iter().find(|(filter, _)| filter.matches(topic));
        rule.and_then(|(_, keep)| *keep)
    }

    /// The shortest time that any rule keeps a picture; none if all of them keep for good.
    pub(crate) fn shortest(&self) -> Option<Span> {
        self.0.iter().filter_map(|(_, keep)| *keep).min()
    }
}

impl Settings {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            side: self.thumbnail_pixels,
            decoded_bytes: self.decoded_bytes.as_u64(),
        }
    }

    /// Checks everything.
    ///
    /// # Errors
    /// What is wrong first, with its place.
    pub(crate) fn rules(&self) -> Result<Rules, SettingsError> {
        if !SIDES.contains(&self.thumbnail_pixels) {
            return Err(SettingsError::Side(self.thumbnail_pixels));
        }
        if self.retention.len() > RULES_MAX {
            return Err(SettingsError::Rules(self.retention.len()));
        }
        let rule = |(index, rule): (usize, &RetentionRule)| {
            let filter =
                TopicFilter::new(rule.topic.clone()).map_err(|error| SettingsError::Filter {
                    index,
                    topic: rule.topic.clone(),
                    reason: error.to_string(),
                })?;
            match rule.keep {
                Some(keep) if keep < Span::from_hours(1) => {
                    Err(SettingsError::Keep { index, keep })
                }
                keep => Ok((filter, keep)),
            }
        };
        let rules: Result<_, _> = self.retention.iter().enumerate().map(rule).collect();
        rules.map(Rules)
    }

    /// Checks everything, for when the configuration is read.
    ///
    /// # Errors
    /// What is wrong first, with its place.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.rules().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rule = |topic: &str, keep| RetentionRule {
            topic: topic.to_owned(),
            keep,
        };
        let settings = Settings {
            retention: vec![
                rule("root/devices/1/pictures", None),
                rule("root/devices/+/pictures", Some(Span::from_days(90))),
                rule("#", Some(Span::from_days(1))),
            ],
            ..Settings::default()
        };
        let rules = settings.rules().unwrap();
        let keep = |topic: &str| rules.keep(&Topic::new(topic).unwrap());
        assert_eq!(keep("root/devices/1/pictures"), None);
        assert_eq!(keep("root/devices/2/pictures"), Some(Span::from_days(90)));
        assert_eq!(keep("other"), Some(Span::from_days(1)));
        assert_eq!(rules.shortest(), Some(Span::from_days(1)));
        assert_eq!(Settings::default().rules().unwrap().shortest(), None);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let refused = |topic: &str, keep, pixels| {
            let settings = Settings {
                thumbnail_pixels: pixels,
                retention: vec![RetentionRule {
                    topic: topic.to_owned(),
                    keep,
                }],
                ..Settings::default()
            };
            settings.check().unwrap_err().to_string()
        };
        assert!(
            refused("a/#/b", None, 320)
                .starts_with("media.retention[0].topic \"a/#/b\" is no filter: ")
        );
        assert!(refused("#", Some(Span::from_mins(59)), 320).contains("at least 1h"));
        assert!(refused("#", None, 8).contains("16 to 2048"));
    }
}
