use proptest::prelude::*;

use super::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Everything in `bytes`, given in pieces of at most `piece`.
fn events(limit: usize, bytes: &[u8], piece: usize) -> Result<Vec<Event>, Violation> {
    let mut decoder = Decoder::new(limit);
    let mut events = Vec::new();
    for mut piece in bytes.chunks(piece) {
        while let Some(event) = decoder.next(&mut piece)? {
            events.push(event);
        }
        assert!(piece.is_empty());
    }
    Ok(events)
}

fn violation(bytes: &[u8]) -> Violation {
    let whole = events(64, bytes, bytes.len()).unwrap_err();
    assert_eq!(events(64, bytes, 1).unwrap_err(), whole);
    whole
}

#[test]
fn the_hello_of_the_rfc_is_read() {
    let bytes = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(events(5, &bytes, 11), Ok(vec![Event::Text("Hello".into())]));
}

#[test]
fn fragments_become_one_message_and_control_frames_may_come_between() {
    let bytes = [
        frame(0x01, "Hä".as_bytes()),
        frame(0x89, b"there?"),
        frame(0x00, b"l"),
        frame(0x8a, b""),
        frame(0x80, b"lo"),
        frame(0x82, &[7; 300]),
    ]
    .concat();
    let expected = vec![
        Event::Ping("there?".into()),
        Event::Pong(Bytes::new()),
        Event::Text("Hällo".into()),
        Event::Binary(vec![7; 300].into()),
    ];
    for piece in [1, 2, 3, 7, 1_000] {
        assert_eq!(events(300, &bytes, piece), Ok(expected.clone()), "{piece}");
    }
}

#[test]
fn a_character_may_lie_in_two_fragments_and_a_half_one_is_none() {
    let (first, second) = "ä".as_bytes().split_at(1);
    let bytes = [frame(0x01, first), frame(0x80, second)].concat();
    assert_eq!(events(64, &bytes, 1), Ok(vec![Event::Text("ä".into())]));
    assert_eq!(violation(&frame(0x81, first)), Violation::NotUtf8);
    assert_eq!(Violation::NotUtf8.code(), 1007);
    // What can become no character is refused at once, not at the end of the message.
    let mut decoder = Decoder::new(64);
    let begun = frame(0x01, &[b'a', 0xf4, 0x90]);
    let refused = decoder.next(&mut &begun[..]).unwrap_err();
    assert_eq!(refused, Violation::NotUtf8);
}

#[test]
fn what_breaks_the_rules_is_refused_by_name() {
    for reserved in [0x40, 0x20, 0x10] {
        assert_eq!(violation(&frame(0x81 | reserved, b"")), Violation::Reserved);
    }
    for opcode in [3, 7, 11, 15] {
        assert_eq!(violation(&frame(0x80 | opcode, b"")), Violation::Opcode);
    }
    assert_eq!(violation(&frame(0x80, b"")), Violation::Opcode);
    let interrupted = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
    assert_eq!(violation(&interrupted), Violation::Opcode);
    assert_eq!(violation(&[0x81, 0x01, b'a']), Violation::NotMasked);
    assert_eq!(violation(&frame(0x09, b"")), Violation::Control);
    assert_eq!(violation(&frame(0x89, &[0; 126])), Violation::Control);
    let padded = [0x82, 0xfe, 0, 125, 0, 0, 0, 0];
    assert_eq!(violation(&padded), Violation::Length);
    let endless = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(violation(&endless), Violation::Length);
    assert_eq!(Violation::Length.code(), 1002);
}

#[test]
fn the_limit_holds_for_the_whole_message() {
    let bytes = [frame(0x02, &[1; 40]), frame(0x80, &[1; 24])].concat();
    assert_eq!(events(64, &bytes, 9).unwrap().len(), 1);
    let bytes = [frame(0x02, &[1; 40]), frame(0x80, &[1; 25])].concat();
    assert_eq!(violation(&bytes), Violation::TooBig { limit: 64 });
    let announced = [0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(violation(&announced).code(), 1009);
}

#[test]
fn a_close_frame_has_a_code_that_may_be_sent_or_none() {
    let close = |payload: &[u8]| events(64, &frame(0x88, payload), 100);
    assert_eq!(close(b""), Ok(vec![Event::Close(None)]));
    for good in [1000_u16, 1003, 1007, 1014, 3000, 4999] {
        let payload = [&good.to_be_bytes()[..], "adiós".as_bytes()].concat();
        assert_eq!(close(&payload), Ok(vec![Event::Close(Some(good))]));
    }
    for bad in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        assert_eq!(close(&bad.to_be_bytes()), Err(Violation::CloseCode));
    }
    assert_eq!(close(&[3]), Err(Violation::CloseCode));
    assert_eq!(close(&[3, 0xe8, 0xff]), Err(Violation::NotUtf8));
}

#[test]
fn after_a_violation_nothing_more_is_given_and_at_rest_nothing_is_held() {
    let mut decoder = Decoder::new(64);
    let good = frame(0x81, b"a");
    decoder.next(&mut &good[..]).unwrap().unwrap();
    assert_eq!(decoder.held_bytes(), 0);
    decoder.next(&mut &frame(0x83, b"")[..]).unwrap_err();
    let refused = decoder.next(&mut &good[..]).unwrap_err();
    assert_eq!(refused, Violation::Opcode);
    assert!(size_of::<Decoder>() <= 128, "{}", size_of::<Decoder>());
}

proptest! {
    #[test]
    fn any_bytes_are_read_alike_however_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        piece in 1_usize..20,
    ) {
        let whole = events(64, &bytes, 1_000);
        prop_assert_eq!(events(64, &bytes, piece), whole);
    }

    #[test]
    fn what_is_sent_is_read(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..5),
        piece in 1_usize..50,
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| frame(0x82, message)).collect();
        let expected: Vec<Event> = messages
            .into_iter()
            .map(|message| Event::Binary(message.into()))
            .collect();
        prop_assert_eq!(events(400, &bytes, piece), Ok(expected));
    }
}

#[test]
fn bytes_can_be_taken_before_their_message_is_complete_and_texts_cannot() {
    let mut decoder = Decoder::new(4);
    let wire = [
        frame(0x02, b"1234"),
        frame(0x89, b"?"),
        frame(0x00, b"567"),
        frame(0x80, b"8"),
    ]
    .concat();
    let (mut input, mut rest) = wire.split_at(9);
    assert_eq!(decoder.next(&mut input), Ok(None));
    assert_eq!(decoder.coming(), Some(Opcode::Binary));
    assert_eq!(&decoder.take_partial()[..], b"123");
    assert_eq!(decoder.held_bytes(), 0);
    assert_eq!(decoder.next(&mut rest), Ok(Some(Event::Ping("?".into()))));
    assert_eq!(&decoder.take_partial()[..], b"4");
    assert_eq!(
        decoder.next(&mut rest),
        Ok(Some(Event::Binary("5678".into())))
    );
    assert_eq!(decoder.coming(), None);
    let text = frame(0x81, b"text");
    assert_eq!(decoder.next(&mut &text[..8]), Ok(None));
    assert_eq!(decoder.coming(), Some(Opcode::Text));
    assert!(decoder.take_partial().is_empty());
    assert_eq!(
        decoder.next(&mut &text[8..]),
        Ok(Some(Event::Text("text".into())))
    );
}
