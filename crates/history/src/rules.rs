//! The settings, checked and ready to be asked about a topic.

use std::time::Duration;

use spica_model::{Timestamp, Topic, TopicFilter};

use crate::error::OpenError;
use crate::settings::{SeriesTime, Settings};

/// What the settings say of topics.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) settings: Settings,
    retention: Vec<(TopicFilter, Duration)>,
    series: Vec<Series>,
    /// The topic above all devices, with a slash at its end.
    devices: String,
}

/// How the values of a topic are found.
#[derive(Debug)]
pub(crate) struct Series {
    filter: TopicFilter,
    pub(crate) pointer: String,
    pub(crate) time: SeriesTime,
}

impl Rules {
    pub(crate) fn new(settings: Settings, node: &Topic) -> Result<Self, OpenError> {
        let filter = |text: &str, of: &str| {
            TopicFilter::new(text).map_err(|error| {
                OpenError::Settings(format!("history.{of}.topics {text:?}: {error}"))
            })
        };
        let retention = settings
            .retention
            .iter()
            .map(|rule| Ok((filter(&rule.topics, "retention")?, rule.age.as_duration())));
        let series = settings.series.iter().map(|rule| {
            if !rule.pointer.is_empty() && !rule.pointer.starts_with('/') {
                let pointer = &rule.pointer;
                return Err(OpenError::Settings(format!(
                    "history.series.pointer {pointer:?}: a JSON pointer is empty or begins with /"
                )));
            }
            Ok(Series {
                filter: filter(&rule.topics, "series")?,
                pointer: rule.pointer.clone(),
                time: rule.time,
            })
        });
        Ok(Self {
            retention: retention.collect::<Result<_, _>>()?,
            series: series.collect::<Result<_, _>>()?,
            devices: format!("{node}/devices/"),
            settings,
        })
    }

    /// Before when records of a topic are not found any more.
    pub(crate) fn horizon(&self, topic: &Topic, now: Timestamp) -> Option<Timestamp> {
        let rule = self
            .retention
            .iter()
            .find(|(filter, _)| filter.matches(topic));
        rule.map(|(_, age)| now.saturating_sub(*age))
    }

    /// Whether all records are found for as long as they are there.
    pub(crate) fn keeps_all(&self) -> bool {
        self.retention.is_empty()
    }

    /// Which rule there is for the series of a topic.
    pub(crate) fn series_of(&self, topic: &Topic) -> Option<usize> {
        self.series
            .iter()
            .position(|series| series.filter.matches(topic))
    }

    pub(crate) fn series(&self, rule: usize) -> Option<&Series> {
        self.series.get(rule)
    }

    /// The name of the event that a topic is about: `<node>/devices/<serial>/events/<name>`.
    pub(crate) fn event_of<'a>(&self, topic: &'a Topic) -> Option<&'a str> {
        let below = topic.as_str().strip_prefix(&self.devices)?;
        let (_, rest) = below.split_once('/')?;
        rest.strip_prefix("events/")
            .filter(|name| !name.contains('/'))
    }

    /// Whether a topic is the one above all of a device.
    pub(crate) fn is_device(&self, topic: &Topic) -> bool {
        let serial = topic.as_str().strip_prefix(&self.devices);
        serial.is_some_and(|serial| !serial.contains('/'))
    }

    /// The name of the event that a filter is about on all devices.
    pub(crate) fn event_of_filter<'a>(&self, filter: &'a TopicFilter) -> Option<&'a str> {
        let rest = filter.as_str().strip_prefix(&self.devices)?;
        let name = rest.strip_prefix("+/events/")?;
        (!name.contains(['/', '+', '#'])).then_some(name)
    }
}
