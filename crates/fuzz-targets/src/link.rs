//! Fuzz target: what comes over the link between the two nodes of a pair. The first byte says in
//! pieces of how many bytes the rest arrives.

use bytes::{Buf as _, Bytes, BytesMut};
use spica_journal_format::{Batch, BatchHeader, Item};
use spica_pair_proto::{
    Compress, Frame, FrameReader, MAX_FRAME_BYTES, SentBatch, put_aside, put_batch, put_control,
    put_part, put_places,
};

/// The key of the lane whose batches stand in the corpus.
const LANE_KEY: u64 = 0x5a5a;
/// More than a frame has before a batch's records.
const HEADS: usize = 64;

/// What was read: frames, and what ended it, in words.
type Read = (Vec<Frame>, Option<String>);

/// Runs the target on one input.
///
/// # Panics
/// If the pieces change what is read, a batch's records do not cover its places in order, or a frame
/// is not read again from what is written for it.
pub fn run(data: &[u8]) {
    let Some((piece, bytes)) = data.split_first() else {
        return;
    };
    let (frames, end) = read(bytes, bytes.len().max(1));
    let (in_pieces, same_end) = read(bytes, usize::from(*piece).max(1));
    assert_eq!(end, same_end, "the pieces change what ends the link");
    assert_eq!(
        frames.iter().map(form).collect::<Vec<_>>(),
        in_pieces.iter().map(form).collect::<Vec<_>>(),
        "the pieces change what is read"
    );
    frames.into_iter().for_each(frame);
}

fn read(bytes: &[u8], piece: usize) -> Read {
    let (mut reader, mut frames) = (FrameReader::default(), Vec::new());
    for part in bytes.chunks(piece) {
        reader.buffer().extend_from_slice(part);
        loop {
            match reader.cut() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
    }
    (frames, None)
}

/// A frame as values that can be compared.
fn form(frame: &Frame) -> (String, Bytes) {
    match frame {
        Frame::Control(control) => (format!("{control:?}"), Bytes::new()),
        Frame::Batch(sent) => (format!("{:?}", head(sent)), sent.body.clone()),
        Frame::Aside(sent) => (format!("aside {:?}", sent.header), sent.body.clone()),
        Frame::Part(part) => ("part".to_owned(), part.clone()),
        Frame::Acked(places) => (format!("acked {places:?}"), Bytes::new()),
        Frame::Committed(places) => (format!("committed {places:?}"), Bytes::new()),
    }
}

fn head(sent: &SentBatch) -> impl std::fmt::Debug + use<> {
    (sent.lane, sent.reign, sent.header)
}

fn frame(frame: Frame) {
    let form = form(&frame);
    let mut wires = vec![BytesMut::new()];
    match frame {
        Frame::Control(control) => put_control(&mut wires[0], &control),
        Frame::Acked(places) => put_places(&mut wires[0], true, places),
        Frame::Committed(places) => put_places(&mut wires[0], false, places),
        Frame::Part(part) => put_part(&mut wires[0], &part),
        Frame::Batch(sent) => {
            let (lane, reign) = (sent.lane, sent.reign);
            let Some(batch) = batch(sent) else { return };
            put_batch(&mut wires[0], reign, lane, &batch, Compress::No);
            wires.push(BytesMut::new());
            put_batch(&mut wires[1], reign, lane, &batch, Compress::Lz4);
        }
        Frame::Aside(sent) => {
            let lane = sent.lane;
            let Some(batch) = batch(sent) else { return };
            put_aside(&mut wires[0], lane, &batch);
        }
    }
    for wire in wires {
        let (again, end) = read(&wire, wire.len());
        assert_eq!(end, None);
        let again: Vec<_> = again.iter().map(self::form).collect();
        assert_eq!(again, std::slice::from_ref(&form), "a frame has two forms");
    }
}

/// Takes a batch through the reader of records. None if a frame cannot hold it unpacked: what is
/// packed may be longer than what any node sends.
fn batch(sent: SentBatch) -> Option<Batch> {
    let BatchHeader {
        first,
        count,
        body_bytes,
        ..
    } = sent.header;
    assert_eq!(sent.body.len(), body_bytes as usize);
    let batch = sent.into_batch(LANE_KEY);
    let mut records = Vec::new();
    crate::segment::batch_records(batch.clone(), &mut records);
    assert!(records.len() <= count as usize);
    if let Some(record) = records.last() {
        let last = record.position.seq;
        assert!(last >= first, "a record before its batch");
        let header = batch.header_up_to(last);
        assert!(header.is_some_and(|header| header.body_bytes <= body_bytes));
    }
    let items = batch.clone().records().take(1).collect::<Vec<_>>();
    let is_damaged = matches!(items[..], [Item::Damaged { .. }]);
    assert!(!(is_damaged && batch.is_whole()), "damage that nobody says");
    (batch.body().remaining() + HEADS <= MAX_FRAME_BYTES).then_some(batch)
}

#[cfg(test)]
mod tests;
