//! A record that is about to be submitted.

use std::borrow::Cow;

use spica_journal::{Journal, SubmitError, Ticket};
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, NewRecord, Op, Properties, Quality, Timestamp, Topic,
};

use crate::arrived::Arrived;

/// A record's parts; the payload may be borrowed from the bytes that were read.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    topic: Topic,
    kind: Kind,
    op: Op,
    content_type: ContentType,
    payload: Cow<'a, [u8]>,
    key: Option<Key>,
    cause: Option<Cause>,
    properties: Option<Properties>,
    received: Timestamp,
}

impl<'a> Entry<'a> {
    /// A publish.
    pub(crate) fn publish(
        arrived: Arrived,
        payload: &'a [u8],
        cause: Option<Cause>,
        received: Timestamp,
    ) -> Self {
        Self {
            topic: arrived.topic,
            kind: arrived.kind,
            op: arrived.op,
            content_type: arrived.content_type,
            payload: Cow::Borrowed(payload),
            key: arrived.key,
            cause,
            properties: arrived.properties,
            received,
        }
    }

    /// What the station itself keeps: a state in JSON, or its end.
    pub(crate) fn kept(topic: Topic, json: Option<Vec<u8>>, received: Timestamp) -> Entry<'static> {
        Entry {
            topic,
            kind: Kind::State,
            op: if json.is_some() { Op::Put } else { Op::Delete },
            content_type: ContentType::Json,
            payload: Cow::Owned(json.unwrap_or_default()),
            key: None,
            cause: None,
            properties: None,
            received,
        }
    }

    /// The same, borrowing nothing.
    pub(crate) fn into_owned(self) -> Entry<'static> {
        Entry {
            topic: self.topic,
            kind: self.kind,
            op: self.op,
            content_type: self.content_type,
            payload: Cow::Owned(self.payload.into_owned()),
            key: self.key,
            cause: self.cause,
            properties: self.properties,
            received: self.received,
        }
    }

    fn as_new(&self) -> NewRecord<'_> {
        NewRecord {
            topic: &self.topic,
            kind: self.kind,
            op: self.op,
            quality: Quality::Good,
            received: self.received,
            source_time: None,
            content_type: &self.content_type,
            payload: &self.payload,
            key: self.key.as_ref(),
            cause: self.cause.as_ref(),
            properties: self.properties.as_ref(),
        }
    }
}

/// Submits records, next to each other.
///
/// # Errors
/// As [`Journal::submit`].
pub(crate) fn submit(
    journal: &dyn Journal,
    lane: Lane,
    entries: &[Entry<'_>],
) -> Result<Ticket, SubmitError> {
    let records: Vec<NewRecord<'_>> = entries.iter().map(Entry::as_new).collect();
    journal.submit(lane, &records)
}
