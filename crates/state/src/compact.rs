//! Records in buffers of their own.

use bytes::Bytes;
use spica_model::{Cause, ContentType, Key, Properties, Record, Topic};

/// What a buffer costs beyond its bytes: the allocator's share, and the counter of its sharers.
pub(crate) const BUFFER_BYTES: usize = 48;

/// A copy of `record` that pins no larger buffer: records that were read from a journal are slices
/// of whole blocks, and one that stays in the tree would keep its block in memory. All of it but the
/// topic is in one buffer, since each of them costs.
pub(crate) fn compact(record: &Record, topic: Topic) -> Record {
    let parts = Parts::of(record);
    let lengths = parts.0.map(<[u8]>::len);
    let mut buffer = Bytes::from(parts.0.concat());
    let [content_type, key, cause, properties, payload] =
        lengths.map(|length| buffer.split_to(length));
    // Copies of what was checked when it was made: none of them can be refused. None at all is empty.
    Record {
        topic,
        content_type: match &record.content_type {
            ContentType::Other(_) => ContentType::other(content_type).unwrap_or_default(),
            common => common.clone(),
        },
        payload,
        key: Key::new(key).ok(),
        cause: Cause::from_bytes(cause).ok(),
        properties: Properties::from_bytes(properties).ok(),
        ..*record
    }
}

/// A topic in a buffer of its own.
pub(crate) fn compact_topic(topic: &Topic) -> Topic {
    // A copy of what was checked when it was made cannot be refused.
    Topic::from_bytes(Bytes::copy_from_slice(topic.as_bytes())).unwrap_or_else(|_| topic.clone())
}

/// About how much memory a compact record takes without its topic.
pub(crate) fn bytes(record: &Record) -> usize {
    let parts = Parts::of(record).0.map(<[u8]>::len);
    size_of::<Record>() + BUFFER_BYTES + parts.iter().sum::<usize>()
}

/// What a record has in buffers beside its topic: content type, key, cause, properties, payload.
struct Parts<'a>([&'a [u8]; 5]);

impl<'a> Parts<'a> {
    fn of(record: &'a Record) -> Self {
        let content_type = match &record.content_type {
            ContentType::Other(text) => text.as_str(),
            _ => "",
        };
        Self([
            content_type.as_bytes(),
            record.key.as_ref().map_or(&[], |key| key.as_bytes()),
            record
                .cause
                .as_ref()
                .map_or(&[], |cause| cause.as_str().as_bytes()),
            record.properties.as_ref().map_or(&[], |it| it.as_bytes()),
            &record.payload,
        ])
    }
}
