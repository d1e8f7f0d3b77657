//! Frames over streams that are cut anywhere and hold anything.

use proptest::collection::vec;
use proptest::prelude::*;
use spica_identicom_proto::frame::{BadFrame, Decoder, Direction, encode_frame};

type Read = Result<(u8, Vec<u8>), BadFrame>;

const LIMIT: u16 = 24;

/// What a decoder makes of a stream that arrives in pieces, and the heap that it holds at the end.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Read>, usize) {
    let mut decoder = Decoder::new(Direction::FromDevice, LIMIT);
    let mut found = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        while let Some(next) = decoder.next(&mut input) {
            found.push(next.map(|frame| (frame.kind, frame.data.to_vec())));
        }
        assert!(input.is_empty(), "the decoder stopped before the end");
        let most = 2 * usize::from(LIMIT);
        assert!(decoder.heap_bytes() <= most, "more than a frame is held");
    }
    let is_open = decoder.end().is_some();
    assert!(
        is_open || decoder.heap_bytes() == 0,
        "an idle decoder owns heap"
    );
    (found, decoder.heap_bytes())
}

/// The stream cut at these places.
fn cut<'a>(wire: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|i| i.index(wire.len() + 1)).collect();
    at.extend([0, wire.len()]);
    at.sort_unstable();
    at.windows(2).map(|w| &wire[w[0]..w[1]]).collect()
}

fn kind() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![0x81, 0x82, 0x83, 0x90, 0xc0, 0xc1, 0xc2, 0xc3])
}

/// Bytes of which many have a meaning in frames.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let meaningful = prop::sample::select(vec![0x1e, 0x1d, 0x5e, 0x5d, 0x82]);
    vec(prop_oneof![meaningful, any::<u8>()], 0..=most)
}

fn frame() -> impl Strategy<Value = (u8, Vec<u8>)> {
    (kind(), bytes(usize::from(LIMIT)))
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    vec(any::<prop::sample::Index>(), 0..12)
}

proptest! {
    #[test]
    fn frames_read_back_wherever_the_stream_is_cut(
        frames in vec((frame(), 0..3usize), 0..6),
        cuts in cuts(),
    ) {
        let mut wire = Vec::new();
        for ((kind, data), idle) in &frames {
            wire.extend(std::iter::repeat_n([0x1e, 0x1e], *idle).flatten());
            encode_frame(*kind, data, &mut wire);
        }
        let want: Vec<Read> = frames.into_iter().map(|(frame, _)| Ok(frame)).collect();
        prop_assert_eq!(read(cut(&wire, &cuts)), (want, 0));
    }

    #[test]
    fn anything_reads_the_same_wherever_it_is_cut(wire in bytes(200), cuts in cuts()) {
        let (whole, _) = read([&wire[..]]);
        for frame in whole.iter().flatten() {
            prop_assert!(Direction::FromDevice.knows(frame.0));
            prop_assert!(frame.1.len() <= usize::from(LIMIT));
        }
        prop_assert_eq!(&read(cut(&wire, &cuts)).0, &whole);
        prop_assert_eq!(&read(wire.chunks(1)).0, &whole);
    }

    /// The first frame behind noise may be taken for its end; the second one is always read.
    #[test]
    fn after_any_noise_the_second_frame_is_read(noise in bytes(100), first in frame(), second in frame()) {
        let mut wire = noise;
        encode_frame(first.0, &first.1, &mut wire);
        encode_frame(second.0, &second.1, &mut wire);
        let (found, _) = read([&wire[..]]);
        prop_assert_eq!(found.last(), Some(&Ok(second)));
    }

    #[test]
    fn a_frame_is_never_read_out_of_a_bad_one(frame in frame(), bad in 0x21..0x50u8) {
        prop_assume!(!Direction::FromDevice.knows(bad));
        let mut wire = Vec::new();
        encode_frame(frame.0, &frame.1, &mut wire);
        // An escape that is none, before the end.
        let end = wire.len() - 1;
        wire.splice(end..end, [0x1d, bad]);
        let (found, _) = read([&wire[..]]);
        prop_assert!(found.iter().all(Result::is_err), "{found:?}");
        prop_assert_eq!(found.len(), 1);
    }
}
