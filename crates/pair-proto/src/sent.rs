//! A batch of records on its way.

use bytes::{BufMut as _, Bytes, BytesMut};
use spica_journal_format::{Batch, BatchHeader, BatchKind};
use spica_model::{Epoch, Lane, Seq, Timestamp};

use crate::ProtoError;
use crate::frame::{self, Kind, MAX_FRAME_BYTES};

/// Bytes before the records: lane 1, packed 1, reserved 2, reign 4, epoch 4, count 4, first 8, base 8,
/// length of the records when unpacked 4.
const HEAD_BYTES: usize = 36;
/// Shorter batches are not worth packing.
const PACK_FROM: usize = 512;

/// Whether a batch is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compress {
    /// As it is.
    No,
    /// By LZ4, if that makes it shorter.
    Lz4,
}

/// A batch as it came.
#[derive(Debug, Clone)]
pub struct SentBatch {
    /// The lane.
    pub lane: Lane,
    /// The epoch of the active who sent it: that of its records, or a later one.
    pub reign: Epoch,
    /// What it holds.
    pub header: BatchHeader,
    /// The frames of its records.
    pub body: Bytes,
}

impl SentBatch {
    /// The batch, to be checked with the lane key of the journal that it comes from.
    #[must_use]
    pub fn into_batch(self, lane_key: u64) -> Batch {
        Batch::of_partner(self.header, self.body, self.lane, lane_key)
    }
}

/// Appends the frame of a batch, sent by the active of `reign`.
pub fn put_batch(out: &mut BytesMut, reign: Epoch, lane: Lane, batch: &Batch, compress: Compress) {
    let packed = match compress {
        Compress::Lz4 if batch.body().len() >= PACK_FROM => {
            Some(lz4_flex::block::compress(batch.body()))
        }
        _ => None,
    };
    let packed = packed.filter(|packed| packed.len() < batch.body().len());
    put(out, Kind::Batch, reign, lane, batch, packed.as_deref());
}

/// Appends the frame of records that the partner's journal does not have, and that were put aside at
/// this node: they are to be entered there again.
pub fn put_aside(out: &mut BytesMut, lane: Lane, batch: &Batch) {
    put(out, Kind::Aside, batch.header.epoch, lane, batch, None);
}

fn put(
    out: &mut BytesMut,
    kind: Kind,
    reign: Epoch,
    lane: Lane,
    batch: &Batch,
    packed: Option<&[u8]>,
) {
    let content = packed.unwrap_or_else(|| batch.body());
    frame::put_head(out, kind, HEAD_BYTES + content.len());
    let header = &batch.header;
    out.put_u8(lane.index() as u8);
    out.put_u8(u8::from(packed.is_some()));
    out.put_u16_le(0);
    out.put_u32_le(reign.0);
    out.put_u32_le(header.epoch.0);
    out.put_u32_le(header.count);
    out.put_u64_le(header.first.0);
    out.put_i64_le(header.base.as_micros());
    out.put_u32_le(batch.body().len() as u32);
    out.extend_from_slice(content);
}

pub(crate) fn read(body: &Bytes) -> Result<SentBatch, ProtoError> {
    let malformed = ProtoError::Malformed("batch");
    let Some((head, _)) = body.split_first_chunk::<HEAD_BYTES>() else {
        return Err(malformed);
    };
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let long = |at: usize| u64::from(word(at)) | (u64::from(word(at + 4)) << 32);
    let lane = match head[0] {
        0 => Lane::Critical,
        1 => Lane::Normal,
        _ => return Err(malformed),
    };
    let (count, len) = (word(12), word(32) as usize);
    if count == 0 || len > MAX_FRAME_BYTES {
        return Err(malformed);
    }
    let content = body.slice(HEAD_BYTES..);
    let content = match head[1] {
        0 if content.len() == len => content,
        1 => Bytes::from(lz4_flex::block::decompress(&content, len)?),
        _ => return Err(malformed),
    };
    if content.len() != len {
        return Err(malformed);
    }
    Ok(SentBatch {
        lane,
        reign: Epoch(word(4)),
        header: BatchHeader {
            kind: BatchKind::Records,
            body_bytes: word(32),
            count,
            first: Seq(long(16)),
            epoch: Epoch(word(8)),
            base: Timestamp::from_micros(long(24) as i64),
        },
        body: content,
    })
}
