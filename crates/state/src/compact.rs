//! Records in buffers of their own.

use bytes::Bytes;
use spica_model::{Cause, ContentType, Key, Properties, Record, Topic};

/// What a record costs beyond its texts and payload: the structs themselves and the map's share.
const OVERHEAD_BYTES: usize = size_of::<Record>() + size_of::<Topic>() + 64;

/// A copy of `record` that pins no larger buffer: records that were read from a journal are slices
/// of whole blocks, and one that stays in the tree would keep its block in memory.
pub(crate) fn compact(record: &Record, topic: Topic) -> Record {
    let content_type = match &record.content_type {
        ContentType::Other(text) => {
            ContentType::other(own(text.as_str().as_bytes())).unwrap_or_default()
        }
        common => common.clone(),
    };
    // Copies of what was checked when it was made: none of them can be refused.
    let key = record
        .key
        .as_ref()
        .and_then(|key| Key::new(own(key.as_bytes())).ok());
    let cause = record.cause.as_ref();
    let cause = cause.and_then(|cause| Cause::from_bytes(own(cause.as_str().as_bytes())).ok());
    let properties = record.properties.as_ref();
    let properties = properties.and_then(|it| Properties::from_bytes(own(it.as_bytes())).ok());
    Record {
        topic,
        content_type,
        payload: own(&record.payload),
        key,
        cause,
        properties,
        ..*record
    }
}

/// A topic in a buffer of its own.
pub(crate) fn compact_topic(topic: &Topic) -> Topic {
    // A copy of what was checked when it was made cannot be refused.
    Topic::from_bytes(own(topic.as_bytes())).unwrap_or_else(|_| topic.clone())
}

fn own(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// About how much memory a compact record takes.
pub(crate) fn bytes(record: &Record) -> usize {
    let cause = record
        .cause
        .as_ref()
        .map_or(0, |cause| cause.as_str().len());
    let key = record.key.as_ref().map_or(0, |key| key.as_bytes().len());
    let properties = record.properties.as_ref();
    let properties = properties.map_or(0, |it| it.as_bytes().len());
    OVERHEAD_BYTES + record.topic.as_bytes().len() + record.payload.len() + cause + key + properties
}
