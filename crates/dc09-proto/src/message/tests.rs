//! Messages of others, and that whatever can be written reads back.

use proptest::prelude::*;

use super::*;
use crate::Packet;

/// Sealed by another AES (pycryptodome) and read by another receiver (pysiaalarm): the same message
/// under keys of each length, with the padding `abcd…`.
const SEALED: [(&str, &str); 3] = [
    (
        "AAAAAAAAAAAAAAAA",
        "\nDF9B0078\"*SIA-DCS\"0042R0L0#1234[BC0147EF77C7F5EB7CEE8FE95427089C15BABB7AFAAB978FEE4BEBB0B82026B885AC6139064A94DB9C855568216EADA1\r",
    ),
    (
        "AAAAAAAAAAAAAAAABBBBBBBB",
        "\n7A350078\"*SIA-DCS\"0042R0L0#1234[68CD628B8B3DF7304A747AFDBD388CFD40FD856061439A6AF74E605585A09FFDBBE8B7BAB4566912D9FE66B12BB9718A\r",
    ),
    (
        "AAAAAAAAAAAAAAAABBBBBBBBCCCCCCCC",
        "\nE2AF0078\"*SIA-DCS\"0042R0L0#1234[1F00A9B264B336BEEFC14CB31ADDCF7F890E2043CE9CBABA62C126627C5135A7FFBF694D24441EA7DB5DC086CE03661D\r",
    ),
];

fn decode(frame: &[u8], key: Option<&Key>) -> Result<Message, DecodeError> {
    Packet::read(frame)?.open(key)
}

fn key(text: &str) -> Key {
    Key::from_bytes(text.as_bytes()).unwrap()
}

fn sealed() -> Message {
    Message {
        token: Token::SiaDcs,
        sequence: Sequence::new(42).unwrap(),
        receiver: Some("0".parse().unwrap()),
        line: Some("0".parse().unwrap()),
        account: Some("1234".parse().unwrap()),
        data: Text::new("#1234|Nri1/MA001").unwrap(),
        extended: Vec::new(),
        time: Some("2025-09-24T16:20:01Z".parse().unwrap()),
    }
}

#[test]
fn what_another_implementation_has_encrypted_is_read() {
    for (text, frame) in SEALED {
        assert_eq!(decode(frame.as_bytes(), Some(&key(text))), Ok(sealed()));
    }
}

#[test]
fn another_key_or_none_is_told() {
    let frame = SEALED[0].1.as_bytes();
    assert_eq!(decode(frame, None), Err(DecodeError::NoKey));
    let other = key("BAAAAAAAAAAAAAAA");
    assert_eq!(
        decode(frame, Some(&other)),
        Err(DecodeError::Undecipherable)
    );
}

#[test]
fn messages_of_others_are_read_and_written_alike() {
    for (body, data, fields) in [
        (
            r##""SIA-DCS"1666L0#0000[#0000|Nri0/RP0000]_12:43:02,12-22-2021"##,
            "#0000|Nri0/RP0000",
            0,
        ),
        (
            r##""NULL"0000R0L0#AAAB[#0000|0000 00 000]_18:25:49,07-05-2020"##,
            "#0000|0000 00 000",
            0,
        ),
        (
            r##""SIA-DCS"0001RF3L77#1234[#1234|NRR|Atest]"##,
            "#1234|NRR|Atest",
            0,
        ),
        (r##""NAK"0000R0L0A0[]_16:20:01,09-24-2025"##, "", 0),
        (r##""ACK"1665L0#0000[]"##, "", 0),
        (
            r##""ADM-CID"0056#9999[#9999|1900 00 001][X008E32.502][Y47N22.614]"##,
            "#9999|1900 00 001",
            2,
        ),
    ] {
        let frame = frame::seal(body.as_bytes()).unwrap();
        let message = decode(&frame, None).unwrap();
        assert_eq!(message.data.as_str(), data);
        assert_eq!(message.extended.len(), fields);
        assert_eq!(message.encode(None).unwrap(), frame);
    }
}

#[test]
fn a_line_before_the_receiver_is_read() {
    let frame = frame::seal(b"\"NAK\"0000L1R2A0[]_12:06:20,11-22-2026").unwrap();
    let message = decode(&frame, None).unwrap();
    assert_eq!(message.receiver, Some("2".parse().unwrap()));
    assert_eq!(message.line, Some("1".parse().unwrap()));
}

#[test]
fn an_error_says_which_part_is_wrong() {
    use crate::HeadError::{Account, Line, Open, Receiver, Sequence, Token};
    let head = DecodeError::Head;
    let long = format!("\"NULL\"0001L0#1234[{}]", "x".repeat(1_025));
    let many = format!("\"NULL\"0001L0#1234[]{}", "[A]".repeat(33));
    for (body, error) in [
        ("", head(Token)),
        ("NULL\"0001L0#1234[]", head(Token)),
        ("\"null\"0001L0#1234[]", head(Token)),
        ("\"NULL0001L0#1234[]", head(Token)),
        ("\"NULL\"001L0#1234[]", head(Sequence)),
        ("\"NULL\"+001L0#1234[]", head(Sequence)),
        ("\"NULL\"0001RL0#1234[]", head(Receiver)),
        ("\"NULL\"0001L1234567#1234[]", head(Line)),
        ("\"NULL\"0001L0#12[]", head(Account)),
        ("\"NULL\"0001L0 [x]", head(Open)),
        ("\"NULL\"0001L0#1234", head(Open)),
        ("\"NULL\"0001R0R0#1234[]", head(Open)),
        ("\"NULL\"0001L0#1234[", DecodeError::Form),
        ("\"NULL\"0001L0#1234[][A", DecodeError::Form),
        ("\"NULL\"0001L0#1234[]x", DecodeError::Form),
        ("\"NULL\"0001L0#1234[]_", DecodeError::Time),
        (
            "\"NULL\"0001L0#1234[]_12:43:02,22-12-2021",
            DecodeError::Time,
        ),
        (
            "\"NULL\"0001L0#1234[a\tb]",
            DecodeError::Data(TextError::Character('\t')),
        ),
        (
            "\"NULL\"0001L0#1234[][]",
            DecodeError::Extended(ExtendedError::Letter),
        ),
        ("\"*NULL\"0001L0#1234[]", DecodeError::Cipher),
        ("\"*NULL\"0001L0#1234[00]", DecodeError::Cipher),
        ("\"*NULL\"0001L0#1234[", DecodeError::Cipher),
        ("\"*NULL\"0001L0#1234[001122", DecodeError::Cipher),
        (&long, DecodeError::Data(TextError::TooLong(1_025))),
        (&many, DecodeError::TooManyExtended),
    ] {
        let frame = frame::seal(body.as_bytes()).unwrap();
        assert_eq!(decode(&frame, None), Err(error), "{body}");
    }
}

#[test]
fn an_encrypted_message_says_its_time() {
    let mut message = sealed();
    message.time = None;
    let key = key("AAAAAAAAAAAAAAAA");
    assert_eq!(message.encode(Some(&key)), Err(EncodeError::NoTime));
    assert!(message.encode(None).is_ok());
    // One of somebody who does not care.
    let mut plain = padded(b"#1234|Nri1/MA001]", 1);
    key.encrypt(&mut plain);
    let mut body = b"\"*SIA-DCS\"0042L0#1234[".to_vec();
    key::push_hex(&mut body, &plain);
    let frame = frame::seal(&body).unwrap();
    assert_eq!(decode(&frame, Some(&key)), Err(DecodeError::NoTime));
}

#[test]
fn the_beginning_of_an_encrypted_message_differs_with_its_time_and_its_number() {
    let key = key("AAAAAAAAAAAAAAAA");
    let first_block = |message: &Message| {
        let frame = message.encode(Some(&key)).unwrap();
        let at = frame.iter().position(|byte| *byte == b'[').unwrap();
        frame[at + 1..at + 33].to_vec()
    };
    let (mut later, mut next) = (sealed(), sealed());
    later.time = Some("2025-09-24T16:20:02Z".parse().unwrap());
    next.sequence = next.sequence.next();
    assert_ne!(first_block(&sealed()), first_block(&later));
    assert_ne!(first_block(&sealed()), first_block(&next));
    assert_eq!(first_block(&sealed()), first_block(&sealed()));
}

#[test]
fn a_message_that_no_frame_holds_is_refused() {
    let mut message = sealed();
    let field = |chars: usize| Extended::alarm_text(&"x".repeat(chars), chars);
    message.extended = vec![field(1_000); 5];
    let error = message.encode(None).unwrap_err();
    assert!(
        matches!(error, EncodeError::TooLong { bytes: 5_000.. }),
        "{error}"
    );
    message.extended = vec![field(1); MAX_EXTENDED];
    assert!(message.encode(None).is_ok());
    message.extended.push(field(1));
    assert_eq!(message.encode(None), Err(EncodeError::TooManyExtended));
}

/// Characters that stand in brackets, and few that part fields there.
fn texts(most: usize) -> impl Strategy<Value = Text> {
    let chars = prop::collection::vec(
        prop_oneof!["[ -Z^-~]", "[|\"#_]", "[\u{80}-\u{ff}]"],
        0..most,
    );
    chars.prop_map(|chars| Text::new(&chars.concat()).unwrap())
}

fn messages() -> impl Strategy<Value = Message> {
    let token = prop_oneof![
        Just(Token::SiaDcs),
        Just(Token::AdmCid),
        Just(Token::Null),
        Just(Token::Ack),
        Just(Token::Nak),
        Just(Token::Duh),
        "[A-Z0-9-]{1,16}".prop_map(|text| Token::from_wire(text.as_bytes()).unwrap()),
    ];
    let number = || prop::option::of("[0-9A-F]{1,6}".prop_map(|text| text.parse().unwrap()));
    let account = prop::option::of("[0-9A-F]{3,16}".prop_map(|text| text.parse().unwrap()));
    let field = (b'A'..=b'Z', texts(30)).prop_map(|(at, text)| Extended::new(at, text).unwrap());
    let fields = prop::collection::vec(field, 0..4);
    let time = prop::option::of(any::<u32>().prop_map(Timestamp::from_secs));
    (
        token,
        0..=9_999_u16,
        number(),
        number(),
        account,
        texts(80),
        fields,
        time,
    )
        .prop_map(
            |(token, sequence, receiver, line, account, data, extended, time)| Message {
                token,
                sequence: Sequence::new(sequence).unwrap(),
                receiver,
                line,
                account,
                data,
                extended,
                time,
            },
        )
}

fn keys() -> impl Strategy<Value = Key> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(Key::Aes128),
        any::<[u8; 24]>().prop_map(Key::Aes192),
        any::<[u8; 32]>().prop_map(Key::Aes256),
    ]
}

proptest! {
    #[test]
    fn every_message_reads_back(message in messages()) {
        let frame = message.encode(None).unwrap();
        prop_assert_eq!(decode(&frame, None), Ok(message));
    }

    #[test]
    fn every_encrypted_message_reads_back(message in messages(), key in keys()) {
        prop_assume!(message.time.is_some());
        let frame = message.encode(Some(&key)).unwrap();
        let packet = Packet::read(&frame).unwrap();
        prop_assert!(packet.head.encrypted);
        prop_assert_eq!(packet.open(Some(&key)), Ok(message));
    }

    #[test]
    fn no_body_makes_it_panic(body: Vec<u8>, key in keys()) {
        let frame = frame::seal(&body).unwrap();
        let _ = decode(&frame, Some(&key));
    }

    #[test]
    fn nothing_like_a_message_makes_it_panic(
        body in "\"\\*?(NULL|NAK|[A-Z]{0,20})\"?[0-9]{0,5}(R[0-9A-F]{0,8})?(L[0-9A-F]{0,8})?(#[0-9A-F]{0,18}|A0)?\\[?[ -~\u{e9}]{0,40}\\]?(\\[[A-Z]?[ -Z]{0,9}\\]){0,3}_?[0-9:,-]{0,20}",
        key in keys(),
    ) {
        let frame = frame::seal(body.as_bytes()).unwrap();
        let _ = decode(&frame, Some(&key));
    }

    #[test]
    fn nothing_encrypted_makes_it_panic(plain: Vec<u8>, key in keys()) {
        let mut plain = padded(&plain, 7);
        key.encrypt(&mut plain);
        let mut body = b"\"*NULL\"0001L0#1234[".to_vec();
        key::push_hex(&mut body, &plain);
        let _ = decode(&frame::seal(&body).unwrap(), Some(&key));
    }
}
