use super::*;

/// What a decoder makes of `wire` when it arrives in pieces of `piece` bytes.
fn read(wire: &[u8], piece: usize, limit: u16) -> Vec<Result<(u8, Vec<u8>), BadFrame>> {
    let mut decoder = Decoder::new(Direction::FromDevice, limit);
    let mut found = Vec::new();
    for chunk in wire.chunks(piece) {
        let mut chunk = chunk.to_vec();
        let mut input = &mut chunk[..];
        while let Some(next) = decoder.next(&mut input) {
            found.push(next.map(|frame| (frame.kind, frame.data.to_vec())));
        }
    }
    found.extend(decoder.end().map(Err));
    found
}

fn check(wire: &[u8], want: &[Result<(u8, &[u8]), BadFrame>]) {
    for piece in [wire.len().max(1), 1, 2, 3] {
        let found = read(wire, piece, 8);
        let found: Vec<_> = found
            .iter()
            .map(|r| r.as_ref().map(|(k, d)| (*k, &d[..])).map_err(|b| *b))
            .collect();
        assert_eq!(found, want, "{wire:02x?} in pieces of {piece}");
    }
}

#[test]
fn frames_come_out_unescaped() {
    check(b"", &[]);
    check(b"\x1e\x82\x1e", &[Ok((0x82, b""))]);
    check(b"\x1e\x82abc\x1e", &[Ok((0x82, b"abc"))]);
    check(
        b"\x1e\x82\x1d\x5ea\x1d\x5db\x1d\x5e\x1e",
        &[Ok((0x82, b"\x1ea\x1db\x1e"))],
    );
    check(
        b"\x1e\x81a\x1e\x1e\x82b\x1e",
        &[Ok((0x81, b"a")), Ok((0x82, b"b"))],
    );
}

#[test]
fn idle_fill_is_ignored() {
    check(
        b"\x1e\x1e\x1e\x1e\x1e\x81a\x1e\x1e\x1e",
        &[Ok((0x81, b"a"))],
    );
}

#[test]
fn each_bad_frame_has_its_reason_and_the_next_frame_is_found() {
    let next = (0x83, &b"\x01\x00"[..]);
    for (bad, reason) in [
        (&b"GET"[..], BadFrame::Noise),
        (b"\x82ab\x1e", BadFrame::Noise),
        (b"\x1e\x7fab\x1e", BadFrame::UnknownType),
        (b"\x1e\x1dab\x1e", BadFrame::UnknownType),
        (b"\x1e\x82a\x1d\x41b\x1e", BadFrame::BadEscape),
        (b"\x1e\x82a\x1d\x1db\x1e", BadFrame::BadEscape),
        (b"\x1e\x82a\x1d\x1e", BadFrame::CutEscape),
        (b"\x1e\x82123456789\x1e", BadFrame::TooLong),
        (b"\x1e\x8212345678\x1d\x5e\x1e", BadFrame::TooLong),
        // The closing mark is lost: the next frame's first one closes this frame's data, and
        // that frame is noise. The one after it is found.
        (b"\x1e\x82a\x1e\x83\x01\x1e", BadFrame::Noise),
    ] {
        let wire = [bad, b"\x1e\x83\x01\x00\x1e"].concat();
        let found: Vec<_> = read(&wire, wire.len(), 8);
        let bad_ones: Vec<_> = found.iter().filter_map(|r| r.as_ref().err()).collect();
        assert_eq!(bad_ones, [&reason], "{bad:02x?}");
        let last = found.last().unwrap().as_ref().unwrap();
        assert_eq!((last.0, &last.1[..]), next, "{bad:02x?}");
        for piece in 1..wire.len() {
            assert_eq!(read(&wire, piece, 8), found, "{bad:02x?} by {piece}");
        }
    }
}

#[test]
fn exactly_the_limit_is_allowed() {
    check(b"\x1e\x8212345678\x1e", &[Ok((0x82, b"12345678"))]);
    check(
        b"\x1e\x821234567\x1d\x5d\x1e",
        &[Ok((0x82, b"1234567\x1d"))],
    );
}

#[test]
fn a_connection_that_ends_in_a_frame_leaves_a_torn_one() {
    check(b"\x1e", &[Err(BadFrame::Torn)]);
    check(b"\x1e\x82ab", &[Err(BadFrame::Torn)]);
    check(b"\x1e\x82ab\x1d", &[Err(BadFrame::Torn)]);
    check(b"x", &[Err(BadFrame::Noise)]);
}

#[test]
fn endless_noise_is_said_once_per_longest_frame() {
    // The first byte, then one for each 19 = 3 + 2 × 8 bytes that follow.
    let found = read(&[b'x'; 1 + 19 * 3 + 18], 7, 8);
    assert_eq!(found, vec![Err(BadFrame::Noise); 4]);
}

#[test]
fn an_idle_decoder_owns_no_heap() {
    let mut decoder = Decoder::new(Direction::FromDevice, 1024);
    let mut take = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        while decoder.next(&mut input).is_some() {}
        decoder.heap_bytes()
    };
    assert_eq!(take(b"\x1e\x82a\x1d\x5eb\x1e"), 0, "whole frames");
    assert!(take(b"\x1e\x82abc") >= 3, "a frame that is still open");
    assert_eq!(take(b"def\x1e"), 0, "closed again");
    assert!(take(b"\x1e\x82abc") >= 3);
    assert_eq!(take(b"\x1d\x41"), 0, "given up");
}
