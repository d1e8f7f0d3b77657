//! Events of other senders, and that ours read back.

use proptest::prelude::*;

use super::*;

fn parse(token: &Token, data: &str) -> Result<Payload, PayloadError> {
    Payload::parse(token, &Text::new(data).unwrap())
}

fn sia_event(code: &str) -> SiaEvent {
    SiaEvent {
        code: code.parse().unwrap(),
        number: None,
        area: None,
        user: None,
        text: Text::default(),
    }
}

#[test]
fn events_of_other_senders_are_read() {
    for (data, event) in [
        (
            "#0000|Nri0/RP0000",
            SiaEvent {
                number: Some(0),
                area: Some(0),
                ..sia_event("RP")
            },
        ),
        (
            "#123456|Nri1CL0^VX FRONTE ^",
            SiaEvent {
                number: Some(0),
                area: Some(1),
                text: Text::new("VX FRONTE").unwrap(),
                ..sia_event("CL")
            },
        ),
        (
            "#1234|NRR|Atest",
            SiaEvent {
                text: Text::new("test").unwrap(),
                ..sia_event("RR")
            },
        ),
        (
            "Nti12:34/id129/ri2/BA3",
            SiaEvent {
                number: Some(3),
                area: Some(2),
                user: Some(129),
                ..sia_event("BA")
            },
        ),
    ] {
        assert_eq!(
            parse(&Token::SiaDcs, data),
            Ok(Payload::Sia(event)),
            "{data}"
        );
    }
    let event = CidEvent {
        qualifier: Qualifier::New,
        code: "900".parse().unwrap(),
        group: 0,
        zone: 1,
    };
    assert_eq!(
        parse(&Token::AdmCid, "#9999|1900 00 001"),
        Ok(Payload::Cid(event))
    );
    assert_eq!(
        parse(&Token::Null, "#0000|0000 00 000"),
        Ok(Payload::Nothing)
    );
}

#[test]
fn what_is_no_event_is_told_what_is() {
    for data in [
        "",
        "#1234|",
        "#1234|N",
        "Nri1/",
        "Nri1/m1",
        "NBA99999",
        "MA001",
        "N\u{e9}\u{e9}",
    ] {
        assert_eq!(
            parse(&Token::SiaDcs, data),
            Err(PayloadError::Sia),
            "{data}"
        );
    }
    for data in [
        "",
        "1100",
        "1100 00",
        "1100 0 001",
        "1100 00 01",
        "2100 00 001",
        "1100 00 001 ",
        "1100 0+ 001",
        "110\u{e9} 00 001",
        "1100 00 +01",
        "110 00 001",
    ] {
        assert_eq!(
            parse(&Token::AdmCid, data),
            Err(PayloadError::Cid),
            "{data}"
        );
    }
    assert_eq!(parse(&Token::Ack, ""), Err(PayloadError::Token(Token::Ack)));
}

#[test]
fn a_text_of_any_length_leaves_room_for_the_rest() {
    let longest = SiaEvent {
        number: Some(MAX_SIA_NUMBER),
        area: Some(MAX_AREA),
        user: Some(MAX_USER),
        text: Text::new(&"é".repeat(crate::TEXT_CHARS)).unwrap(),
        ..sia_event("MA")
    };
    let account = "0123456789ABCDEF".parse().unwrap();
    let (token, data) = Payload::Sia(longest.clone()).encode(&account);
    let cut = SiaEvent {
        text: Text::new(&"é".repeat(EVENT_TEXT_CHARS)).unwrap(),
        ..longest
    };
    assert_eq!(Payload::parse(&token, &data), Ok(Payload::Sia(cut)));
}

fn sia_events() -> impl Strategy<Value = SiaEvent> {
    let optional = |most: u16| prop::option::of(0..=most);
    let user = prop::option::of(0..=MAX_USER);
    (
        "[A-Z]{2}",
        optional(MAX_SIA_NUMBER),
        optional(MAX_AREA),
        user,
        "[ -~]{0,80}",
    )
        .prop_map(|(code, number, area, user, text)| SiaEvent {
            code: code.parse().unwrap(),
            number,
            area,
            user,
            text: Text::ascii(&text, 80),
        })
}

fn cid_events() -> impl Strategy<Value = CidEvent> {
    let qualifier = prop_oneof![
        Just(Qualifier::New),
        Just(Qualifier::Restore),
        Just(Qualifier::Status)
    ];
    (qualifier, "[0-9A-F]{3}", 0..=MAX_GROUP, 0..=MAX_ZONE).prop_map(
        |(qualifier, code, group, zone)| CidEvent {
            qualifier,
            code: code.parse().unwrap(),
            group,
            zone,
        },
    )
}

proptest! {
    #[test]
    fn every_event_reads_back(
        payload in prop_oneof![
            Just(Payload::Nothing),
            sia_events().prop_map(Payload::Sia),
            cid_events().prop_map(Payload::Cid),
        ],
        account in "[0-9A-F]{3,16}",
    ) {
        let (token, data) = payload.encode(&account.parse().unwrap());
        prop_assert_eq!(Payload::parse(&token, &data), Ok(payload));
    }

    #[test]
    fn no_data_makes_it_panic(data: String, is_cid: bool) {
        let token = if is_cid { Token::AdmCid } else { Token::SiaDcs };
        if let Ok(data) = Text::new(&data) {
            let _ = Payload::parse(&token, &data);
        }
    }

    #[test]
    fn nothing_like_an_event_makes_it_panic(data in "#?[0-9]{0,4}\\|?[NO]?([a-z]{2}[0-9:]{0,6}/?){0,3}[A-Z0-9 \u{e9}^|]{0,12}") {
        for token in [Token::SiaDcs, Token::AdmCid] {
            if let Ok(data) = Text::new(&data) {
                let _ = Payload::parse(&token, &data);
            }
        }
    }
}
