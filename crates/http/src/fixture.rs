//! Test helpers: records, and a node in memory.

use bytes::Bytes;
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};

/// A JSON record of the normal lane.
pub(crate) fn record(topic: &str, seq: u64, payload: &str) -> Record {
    Record {
        position: Position {
            epoch: Epoch::FIRST,
            lane: Lane::Normal,
            seq: Seq(seq),
        },
        topic: Topic::new(topic).unwrap(),
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: ContentType::Json,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        key: None,
        cause: None,
    }
}
