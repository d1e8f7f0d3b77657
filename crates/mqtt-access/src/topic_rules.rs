//! What becomes of a publish, by its topic.

use spica_matcher::{FilterError, Matcher, check_filter};
use spica_model::{Kind, Lane};

use crate::settings::TopicSettings;

/// What becomes of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment {
    /// The kind of its record; `None`: state if it is retained, or else event.
    pub kind: Option<Kind>,
    /// The lane of its record.
    pub lane: Lane,
    /// Whether the user property `spica-class: critical` takes it to the critical lane.
    pub user_class: bool,
    /// Whether a publish of QoS 0 becomes a record, too.
    pub keep_qos0: bool,
    /// The longest payload, in bytes; `None`: as long as a packet may be.
    pub payload_bytes: Option<usize>,
}

impl Default for Treatment {
    fn default() -> Self {
        Self {
            kind: None,
            lane: Lane::Normal,
            user_class: false,
            keep_qos0: true,
            payload_bytes: None,
        }
    }
}

impl Treatment {
    /// The lane of a publish with this value of its user property `spica-class`, if it has one.
    #[must_use]
    pub fn lane_of(&self, class: Option<&str>) -> Lane {
        match class {
            Some("critical") if self.user_class => Lane::Critical,
            _ => self.lane,
        }
    }
}

/// Why topic rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicRulesError {
    /// A rule's filter is none.
    #[error("topics[{place}].filter: {filter:?} is no topic filter: {error}")]
    Filter {
        /// Which rule, from 1.
        place: usize,
        /// What stands there.
        filter: String,
        /// Why it is none.
        error: FilterError,
    },
    /// There are too many rules.
    #[error("topics: here are {0} rules; at most {MOST} are allowed")]
    TooMany(usize),
    /// Looking up a topic would cost too much.
    #[error("topics[{0}].filter: the wildcards of the rules stand in too many different places")]
    TooWide(usize),
}

/// Most rules.
const MOST: usize = 10_000;
/// Greatest width of their matcher.
const WIDTH: usize = 1_024;

/// Topic rules: the first one whose filter matches a topic says everything of it.
#[derive(Debug, Default)]
pub struct TopicRules {
    treatments: Vec<Treatment>,
    matcher: Matcher,
}

impl TopicRules {
    /// Rules as they are configured.
    ///
    /// # Errors
    /// Which rule cannot be used, and why.
    pub fn new(settings: &[TopicSettings]) -> Result<Self, TopicRulesError> {
        if settings.len() > MOST {
            return Err(TopicRulesError::TooMany(settings.len()));
        }
        let mut rules = Self::default();
        for (number, rule) in (0_u32..).zip(settings) {
            let place = number as usize + 1;
            check_filter(&rule.filter).map_err(|error| TopicRulesError::Filter {
                place,
                filter: rule.filter.clone(),
                error,
            })?;
            if rules.matcher.width_with(&rule.filter) > WIDTH {
                return Err(TopicRulesError::TooWide(place));
            }
            rules.matcher.add(&rule.filter, number);
            rules.treatments.push(rule.treatment());
        }
        Ok(rules)
    }

    /// What becomes of a publish to `topic`. With no rule for it, the default.
    #[must_use]
    pub fn of(&self, topic: &str) -> Treatment {
        if self.treatments.is_empty() {
            return Treatment::default();
        }
        let first = self.matcher.matches(topic).into_iter().min();
        let treatment = first.and_then(|first| self.treatments.get(first as usize));
        treatment.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Result<TopicRules, TopicRulesError> {
        #[derive(serde::Deserialize)]
        struct File {
            topics: Vec<TopicSettings>,
        }
        TopicRules::new(&toml::from_str::<File>(text).unwrap().topics)
    }

    #[test]
    fn the_first_rule_that_matches_says_everything() {
        let rules = rules(
            r##"
            topics = [
                { filter = "plant/+/alarm", kind = "event", lane = "critical" },
                { filter = "plant/#", kind = "state", user_class = true, payload = "1KiB" },
                { filter = "#", keep_qos0 = false },
            ]"##,
        )
        .unwrap();
        let alarm = rules.of("plant/7/alarm");
        assert_eq!(
            (alarm.kind, alarm.lane),
            (Some(Kind::Event), Lane::Critical)
        );
        assert_eq!((alarm.payload_bytes, alarm.keep_qos0), (None, true));
        assert_eq!(alarm.lane_of(None), Lane::Critical);
        let plant = rules.of("plant/7/level");
        assert_eq!(
            (plant.kind, plant.payload_bytes),
            (Some(Kind::State), Some(1_024))
        );
        assert_eq!(plant.lane_of(Some("critical")), Lane::Critical);
        assert_eq!(plant.lane_of(Some("other")), Lane::Normal);
        let other = rules.of("other");
        assert_eq!((other.kind, other.keep_qos0), (None, false));
        assert_eq!(
            other.lane_of(Some("critical")),
            Lane::Normal,
            "not allowed here"
        );
        assert_eq!(rules.of("$SYS/x"), Treatment::default());
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_place() {
        let error = rules("topics = [{ filter = \"a\" }, { filter = \"a#\" }]").unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("topics[2].filter: \"a#\" is no topic filter"),
            "{text}"
        );
        let rule = |mask: u32| {
            let level = |at: u32| if mask >> at & 1 == 1 { "+" } else { "a" };
            let levels: Vec<_> = (0..12).map(level).collect();
            format!("{{ filter = \"{}\" }}", levels.join("/"))
        };
        let bomb: Vec<_> = (0..4_096).map(rule).collect();
        let error = rules(&format!("topics = [{}]", bomb.join(","))).unwrap_err();
        assert!(matches!(error, TopicRulesError::TooWide(_)), "{error}");
        let many = vec!["{ filter = \"a\" }"; MOST + 1].join(",");
        let error = rules(&format!("topics = [{many}]")).unwrap_err();
        assert_eq!(error, TopicRulesError::TooMany(MOST + 1));
    }
}
