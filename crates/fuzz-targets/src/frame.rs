//! Fuzz target: frames. The first byte says in pieces of how many bytes the rest arrives.

use spica_identicom_proto::frame::{BadFrame, Decoder, Direction, encode_frame};
use spica_identicom_proto::message::{FromDevice, ToDevice};

type Read = Result<(u8, Vec<u8>), BadFrame>;

/// Small, so that short inputs reach it.
const LIMIT: u16 = 40;

/// Runs the target on one input, read in both directions.
///
/// # Panics
/// If the pieces change what is read, a frame breaks the rules of its direction, an idle decoder
/// owns heap, or a frame or message is not read again from what is written for it.
pub fn run(data: &[u8]) {
    let Some((piece, bytes)) = data.split_first() else {
        return;
    };
    for direction in [Direction::FromDevice, Direction::ToDevice] {
        let whole = read(direction, bytes, bytes.len().max(1));
        let in_pieces = read(direction, bytes, usize::from(*piece).max(1));
        assert_eq!(whole, in_pieces, "the pieces change what is read");
        for (kind, data) in whole.iter().flatten() {
            assert!(direction.knows(*kind));
            assert!(data.len() <= usize::from(LIMIT));
            written_is_read(direction, *kind, data);
        }
    }
}

fn read(direction: Direction, bytes: &[u8], piece: usize) -> Vec<Read> {
    let mut decoder = Decoder::new(direction, LIMIT);
    let mut found = Vec::new();
    for part in bytes.chunks(piece) {
        let mut part = part.to_vec();
        let mut input = &mut part[..];
        while let Some(next) = decoder.next(&mut input) {
            found.push(next.map(|frame| (frame.kind, frame.data.to_vec())));
        }
        assert!(decoder.heap_bytes() <= 2 * usize::from(LIMIT));
        assert!(decoder.end().is_some() || decoder.heap_bytes() == 0);
    }
    found
}

fn written_is_read(direction: Direction, kind: u8, data: &[u8]) {
    let mut wire = Vec::new();
    encode_frame(kind, data, &mut wire);
    assert!(wire.len() <= 3 + 2 * data.len());
    assert_eq!(
        read(direction, &wire, wire.len()),
        [Ok((kind, data.to_vec()))]
    );
    let frame = spica_identicom_proto::frame::Frame { kind, data };
    let mut again = Vec::new();
    match direction {
        Direction::FromDevice => {
            if let Ok(message) = FromDevice::decode(frame) {
                message.encode(&mut again);
            }
        }
        Direction::ToDevice => {
            if let Ok(message) = ToDevice::decode(frame) {
                message.encode(&mut again);
            }
        }
    }
    assert!(again.is_empty() || again == wire, "a message has two forms");
}
