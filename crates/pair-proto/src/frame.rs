//! Frames, and how they are cut out of a stream.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use spica_model::Seq;

use crate::control::Control;
use crate::{ProtoError, SentBatch, places, sent};

/// The longest frame: more than the longest commit.
pub const MAX_FRAME_BYTES: usize = 80 << 20;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Control = 1,
    Batch = 2,
    Acked = 3,
    Committed = 4,
    Part = 5,
    Aside = 6,
}

/// A frame that has come.
#[derive(Debug)]
pub enum Frame {
    /// A control message.
    Control(Control),
    /// Records.
    Batch(SentBatch),
    /// The passive has so much on its disk, critical lane first.
    Acked([Seq; 2]),
    /// The active has acknowledged so much.
    Committed([Seq; 2]),
    /// The next part of a picture.
    Part(Bytes),
    /// Records that were put aside at the passive.
    Aside(SentBatch),
}

pub(crate) fn put_head(out: &mut BytesMut, kind: Kind, body: usize) {
    out.reserve(5 + body);
    out.put_u32_le(body as u32 + 1);
    out.put_u8(kind as u8);
}

/// Appends the frame of a control message.
pub fn put_control(out: &mut BytesMut, control: &Control) {
    // A control message is plain data with text keys: nothing in it fails to be JSON.
    let json = serde_json::to_vec(control).unwrap_or_default();
    put_head(out, Kind::Control, json.len());
    out.extend_from_slice(&json);
}

/// Cuts frames out of a stream.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: BytesMut,
}

impl FrameReader {
    /// Where what was received is appended.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next frame; none if more must be received first.
    ///
    /// # Errors
    /// If it is none; the link must be cut.
    pub fn cut(&mut self) -> Result<Option<Frame>, ProtoError> {
        let Some(head) = self.buffer.first_chunk::<4>() else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(*head) as usize;
        if len > MAX_FRAME_BYTES {
            let limit = MAX_FRAME_BYTES;
            return Err(ProtoError::TooLong { bytes: len, limit });
        }
        if len == 0 {
            return Err(ProtoError::Malformed("length"));
        }
        if self.buffer.len() < 4 + len {
            self.buffer.reserve(4 + len - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(4);
        let mut body = self.buffer.split_to(len).freeze();
        let kind = body.get_u8();
        Ok(Some(match kind {
            1 => Frame::Control(serde_json::from_slice(&body)?),
            2 => Frame::Batch(sent::read(&body)?),
            3 => Frame::Acked(places::read(&body)?),
            4 => Frame::Committed(places::read(&body)?),
            5 => Frame::Part(body),
            6 => Frame::Aside(sent::read(&body)?),
            other => return Err(ProtoError::UnknownKind(other)),
        }))
    }
}

/// Appends a part of a picture.
pub fn put_part(out: &mut BytesMut, part: &[u8]) {
    put_head(out, Kind::Part, part.len());
    out.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spica_journal_format::{BatchBuilder, Secret};
    use spica_model::{
        ContentType, Epoch, Kind as TopicKind, Lane, NewRecord, Op, Quality, Timestamp, Topic,
    };
    use spica_pair::Message;

    use super::*;
    use crate::{Compress, put_aside, put_batch, put_places};

    fn batch(payload: &[u8]) -> (spica_journal_format::Batch, u64) {
        let secret = Secret([7; 16]);
        let keys = secret.segment_keys(Lane::Normal, 1);
        let topic = Topic::new("root/a").unwrap();
        let mut builder = BatchBuilder::default();
        builder.start(Seq(41), Epoch(2), Timestamp::from_secs(9));
        for _ in 0..3 {
            let record = NewRecord {
                topic: &topic,
                kind: TopicKind::Event,
                op: Op::Put,
                quality: Quality::Good,
                received: Timestamp::from_secs(9),
                source_time: None,
                content_type: &ContentType::Bytes,
                payload,
                key: None,
                cause: None,
                properties: None,
            };
            builder.push(&record, keys.lane_key);
        }
        let (header, bytes) = builder.finish(keys, 4_096);
        let body = Bytes::copy_from_slice(&bytes[BatchHeaderBytes::N..]);
        (
            spica_journal_format::Batch::new(header, 4_096, body, Lane::Normal, keys),
            keys.lane_key,
        )
    }

    struct BatchHeaderBytes;
    impl BatchHeaderBytes {
        const N: usize = spica_journal_format::BatchHeader::BYTES;
    }

    #[test]
    fn a_batch_arrives_as_it_was_packed_or_not() {
        for (payload, compress) in [
            (&b"x"[..], Compress::No),
            (&[b'a'; 3_000][..], Compress::Lz4),
            (&b"short"[..], Compress::Lz4),
        ] {
            let (batch, lane_key) = batch(payload);
            let mut reader = FrameReader::default();
            put_batch(reader.buffer(), Epoch(4), Lane::Normal, &batch, compress);
            let on_the_wire = reader.buffer().len();
            let Some(Frame::Batch(sent)) = reader.cut().unwrap() else {
                panic!("no batch")
            };
            assert_eq!((sent.reign, sent.lane), (Epoch(4), Lane::Normal));
            assert_eq!(sent.header, batch.header);
            assert!(sent.into_batch(lane_key).is_whole());
            if payload.len() > 1_000 {
                assert!(on_the_wire < payload.len());
            }
        }
    }

    #[test]
    fn what_was_put_aside_arrives_in_a_frame_of_its_own() {
        let (batch, lane_key) = batch(b"alone");
        let mut reader = FrameReader::default();
        put_aside(reader.buffer(), Lane::Critical, &batch);
        let Some(Frame::Aside(sent)) = reader.cut().unwrap() else {
            panic!("no records")
        };
        assert_eq!(sent.lane, Lane::Critical);
        assert_eq!((sent.header, sent.reign), (batch.header, Epoch(2)));
        assert!(sent.into_batch(lane_key).is_whole());
    }

    #[test]
    fn frames_are_cut_out_wherever_the_stream_is_broken() {
        let mut wire = BytesMut::new();
        put_control(&mut wire, &Message::Farewell.into());
        put_places(&mut wire, true, [Seq(1), Seq(2)]);
        put_places(&mut wire, false, [Seq(3), Seq(4)]);
        put_part(&mut wire, b"picture");
        let mut reader = FrameReader::default();
        let mut frames = Vec::new();
        for byte in wire {
            reader.buffer().put_u8(byte);
            frames.extend(reader.cut().unwrap());
        }
        assert!(matches!(
            &frames[..],
            [
                Frame::Control(Control::Says(_)),
                Frame::Acked([Seq(1), Seq(2)]),
                Frame::Committed([Seq(3), Seq(4)]),
                Frame::Part(part)
            ] if &part[..] == b"picture"
        ));
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_is_reserved() {
        let mut reader = FrameReader::default();
        reader.buffer().put_u32_le(MAX_FRAME_BYTES as u32 + 1);
        assert!(matches!(reader.cut(), Err(ProtoError::TooLong { .. })));
        assert!(reader.buffer().capacity() < 1 << 20);
    }

    #[test]
    fn unknown_fields_of_a_later_version_are_passed_over() {
        let json = r#"{"type":"start","reign":4,"lanes":[{"after":1},{"parted":2}],"more":true}"#;
        let control: Control = serde_json::from_str(json).unwrap();
        assert!(matches!(control, Control::Start { reign: 4, .. }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = FrameReader::default();
            reader.buffer().extend_from_slice(&bytes);
            while let Ok(Some(_)) = reader.cut() {}
        }
    }
}
