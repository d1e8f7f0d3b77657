//! What a birth has said: which metrics there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use spica_model::{Seq, Topic};

use crate::datatype::DataType;
use crate::payload::{BD_SEQ, Metric, Payload};
use crate::topics::{Subject, Topics};
use crate::wire::{put_bytes, put_number};

/// A metric that a birth has named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Where its state is.
    pub(crate) topic: Topic,
    pub(crate) alias: Option<u64>,
    pub(crate) datatype: Option<DataType>,
    pub(crate) is_transient: bool,
}

/// The metrics of a birth, by name and by alias.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Birth {
    metrics: BTreeMap<Arc<str>, Known>,
    aliases: BTreeMap<u64, Arc<str>>,
    /// How many metrics were left out.
    pub(crate) refused: usize,
    /// The place of the record with which it came to be known.
    pub(crate) place: Seq,
}

impl Birth {
    /// Of a payload, with at most `room` metrics.
    pub(crate) fn of(
        payload: &Payload<'_>,
        topics: &Topics,
        subject: Subject<'_>,
        room: usize,
    ) -> Self {
        let mut birth = Self::default();
        for metric in &payload.metrics {
            let name = metric.name.unwrap_or_default();
            let topic = topics.metric(subject, name);
            match topic {
                _ if name == BD_SEQ => {}
                Ok(topic) if birth.metrics.len() < room => birth.add(name, topic, metric),
                _ => birth.refused += 1,
            }
        }
        birth
    }

    fn add(&mut self, name: &str, topic: Topic, metric: &Metric<'_>) {
        let name: Arc<str> = name.into();
        if let Some(alias) = metric.alias {
            self.aliases.insert(alias, Arc::clone(&name));
        }
        let known = Known {
            topic,
            alias: metric.alias,
            datatype: metric.datatype.and_then(DataType::of),
            is_transient: metric.is_transient,
        };
        self.metrics.insert(name, known);
    }

    /// The metric that a value is of.
    pub(crate) fn find<'a>(&'a self, metric: &Metric<'a>) -> Option<(&'a str, &'a Known)> {
        let name = match (metric.name, metric.alias) {
            (Some(name), _) if !name.is_empty() => name,
            (_, Some(alias)) => self.aliases.get(&alias)?,
            _ => return None,
        };
        Some((name, self.metrics.get(name)?))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.metrics.contains_key(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Known)> {
        self.metrics.iter().map(|(name, known)| (&**name, known))
    }

    pub(crate) fn len(&self) -> usize {
        self.metrics.len()
    }

    /// A payload that says it again, without values. Its time is its place, its number that of the edge
    /// node's birth.
    pub(crate) fn encode(&self, session: Seq) -> Vec<u8> {
        let mut payload = Vec::new();
        let mut metric = Vec::new();
        put_number(&mut payload, 1, self.place.0);
        put_number(&mut payload, 3, session.0);
        for (name, known) in self.iter() {
            metric.clear();
            put_bytes(&mut metric, 1, name.as_bytes());
            if let Some(alias) = known.alias {
                put_number(&mut metric, 2, alias);
            }
            if let Some(datatype) = known.datatype {
                put_number(&mut metric, 4, datatype as u64);
            }
            if known.is_transient {
                put_number(&mut metric, 6, 1);
            }
            put_bytes(&mut payload, 2, &metric);
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_is_read_back_from_its_note() {
        let topics = Topics::new(Topic::new("root").unwrap());
        let subject = Subject {
            id: "g/e",
            device: None,
        };
        let metric = |name, alias| Metric {
            name: Some(name),
            alias,
            datatype: Some(9),
            is_transient: alias.is_none(),
            ..Metric::default()
        };
        let metrics = vec![
            metric("a", Some(7)),
            metric("bdSeq", None),
            metric("b/c", None),
        ];
        let payload = Payload {
            metrics,
            ..Payload::default()
        };
        let birth = Birth::of(&payload, &topics, subject, 2);
        assert_eq!((birth.len(), birth.refused), (2, 0));
        let bytes = birth.encode(Seq(99));
        let read = Payload::decode(&bytes, 2).unwrap();
        assert_eq!(read.seq, Some(99));
        assert_eq!(Birth::of(&read, &topics, subject, 2), birth);
        let by_alias = Metric {
            alias: Some(7),
            ..Metric::default()
        };
        assert_eq!(birth.find(&by_alias).map(|(name, _)| name), Some("a"));
        let cut = Birth::of(&payload, &topics, subject, 1);
        assert_eq!((cut.len(), cut.refused), (1, 1));
    }
}
