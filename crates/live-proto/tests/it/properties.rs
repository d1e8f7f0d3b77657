//! What holds for all frames, rows, values and patches.

use proptest::prelude::*;
use serde_json::Value;
use spica_live_proto::{
    Encoding, Incoming, Patch, Row, SubId, apply, compose, data_frame, decode_client,
    decode_server, diff, encode, encode_client, rows,
};
use spica_model::{ContentType, Op, Place, Record};

use crate::strategies::{client_frame, edited, json_value, place, record, server_frame};

const LIMIT: usize = 1 << 20;

fn one_row(encoding: Encoding, at: &Place, write: impl Fn(&mut Vec<u8>)) -> Row {
    let (mut row, mut out) = (Vec::new(), Vec::new());
    write(&mut row);
    data_frame(encoding, SubId(1), at, [&row[..], &row[..]], 2, &mut out);
    assert!(out.len() - 2 * row.len() <= spica_live_proto::DATA_FRAME_BYTES);
    let read = decode_server(encoding, &out).unwrap();
    let Incoming::Data {
        sub,
        at: there,
        mut rows,
    } = read
    else {
        panic!("no rows: {read:?}");
    };
    assert_eq!((sub, there), (SubId(1), *at));
    assert_eq!(rows[0], rows[1]);
    rows.remove(0)
}

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

proptest! {
    #[test]
    fn frames_of_clients_read_back(frame in client_frame()) {
        for encoding in Encoding::ALL {
            let mut out = Vec::new();
            encode_client(encoding, &frame, &mut out);
            prop_assert_eq!(decode_client(encoding, &out), Ok(frame.clone()));
        }
    }

    #[test]
    fn frames_of_the_server_read_back(frame in server_frame()) {
        for encoding in Encoding::ALL {
            let mut out = Vec::new();
            encode(encoding, &frame, &mut out);
            prop_assert!(!out.contains(&b'\n') || encoding == Encoding::Cbor);
            prop_assert_eq!(decode_server(encoding, &out), Ok(Incoming::Frame(frame.clone())));
        }
    }

    #[test]
    fn records_read_back(record in record(), no: u64, at in place()) {
        let [json, cbor] = Encoding::ALL.map(|encoding| {
            one_row(encoding, &at, |out| rows::full(encoding, no, &record, out))
        });
        let Row::Full(cbor) = cbor else {
            prop_assert_eq!(record.op, Op::Delete);
            prop_assert_eq!(json, cbor);
            return Ok(());
        };
        let Row::Full(json) = json else { panic!("{json:?}") };
        prop_assert_eq!(&cbor.payload, &record.payload);
        prop_assert_eq!((cbor.stamp, &cbor.topic, cbor.kind), (json.stamp, &json.topic, json.kind));
        prop_assert_eq!(&cbor.content_type, &json.content_type);
        prop_assert_eq!(cbor.stamp.position, record.position);
        prop_assert_eq!(cbor.stamp.source, record.source_time);
        prop_assert_eq!(&cbor.topic, &record.topic);
        if cbor.content_type == ContentType::Json {
            prop_assert_eq!(value(&json.payload), value(&record.payload));
        } else {
            prop_assert_eq!(&json.payload, &record.payload);
        }
    }

    #[test]
    fn the_other_rows_read_back(record in record(), no: u64, at in place(), bytes: Vec<u8>) {
        for encoding in Encoding::ALL {
            let same = one_row(encoding, &at, |out| rows::same(encoding, no, &record, out));
            let Row::Same(stamp) = same else { panic!("{same:?}") };
            prop_assert_eq!((stamp.topic_no, stamp.received), (no, record.received));
            for sent in [
                Patch::Binary(bytes.clone().into()),
                Patch::Merge("{\"a\":[1,null]}".to_owned()),
            ] {
                let row = one_row(encoding, &at, |out| {
                    rows::delta(encoding, no, &record, record.position, &sent, out);
                });
                prop_assert_eq!(row, Row::Delta { stamp, base: record.position, patch: sent });
            }
            let deleted = one_row(encoding, &at, |out| rows::deleted(encoding, no, &record, out));
            prop_assert_eq!(deleted, Row::Deleted { stamp, topic: record.topic.clone() });
        }
    }

    #[test]
    fn a_binary_delta_gives_the_new_value((base, new) in edited()) {
        let patch = diff(&ContentType::Bytes, &base, &new);
        if let Some(patch) = patch {
            prop_assert!(matches!(patch, Patch::Binary(_)));
            prop_assert!(patch.len() * 4 < new.len() * 3);
            prop_assert_eq!(apply(&base, &patch, new.len()), Ok(new.clone()));
            prop_assert!(new.is_empty() || apply(&base, &patch, new.len() - 1).is_err());
        }
    }

    #[test]
    fn a_merge_patch_gives_the_new_value(base in json_value(), new in json_value()) {
        let (base, new) = (base.to_string(), new.to_string());
        if let Some(patch) = diff(&ContentType::Json, base.as_bytes(), new.as_bytes()) {
            prop_assert!(matches!(patch, Patch::Merge(_)));
            let result = apply(base.as_bytes(), &patch, LIMIT).unwrap();
            prop_assert_eq!(value(&result), value(new.as_bytes()));
        }
    }

    #[test]
    fn a_composition_does_what_both_do(a in json_value(), b in json_value(), base in json_value()) {
        let [a, b, base] = [a, b, base].map(|value| value.to_string());
        let twice = apply(base.as_bytes(), &Patch::Merge(a.clone()), LIMIT).unwrap();
        let twice = apply(&twice, &Patch::Merge(b.clone()), LIMIT).unwrap();
        if let Ok(both) = compose(&a, &b, LIMIT) {
            let once = apply(base.as_bytes(), &Patch::Merge(both), LIMIT).unwrap();
            prop_assert_eq!(value(&once), value(&twice));
        }
    }

    #[test]
    fn no_bytes_harm(bytes: Vec<u8>, base: Vec<u8>) {
        for encoding in Encoding::ALL {
            let _ = decode_client(encoding, &bytes);
            let _ = decode_server(encoding, &bytes);
        }
        let patch = Patch::Binary(bytes.into());
        if let Ok(result) = apply(&base, &patch, 1_000) {
            prop_assert!(result.len() <= 1_000);
        }
    }
}

#[test]
fn one_field_of_many_costs_one_field() {
    let document = |value: u32| {
        let fields: Vec<_> = (0..100).map(|n| format!("\"field-{n}\": 1")).collect();
        format!(
            "{{{}, \"inner\": {{\"x\": {value}, \"y\": [2, 3]}}}}",
            fields.join(", ")
        )
    };
    let patch =
        |content_type, base: &str, new: &str| diff(&content_type, base.as_bytes(), new.as_bytes());
    let (base, new) = (document(1), document(2));
    let merge = Patch::Merge("{\"inner\":{\"x\":2}}".to_owned());
    assert_eq!(patch(ContentType::Json, &base, &new), Some(merge));
    let binary = patch(ContentType::Text, &base, &new).unwrap();
    assert!(binary.len() <= 12, "{}", binary.len());
    // Only white space: there is nothing to say.
    let spaced = base.replace(": ", ":");
    let nothing = Patch::Merge("{}".to_owned());
    assert_eq!(patch(ContentType::Json, &base, &spaced), Some(nothing));
}

#[test]
fn what_a_patch_cannot_say_is_sent_in_full() {
    let long = "x".repeat(1_000);
    let json = |member: &str| format!("{{\"long\":\"{long}\"{member}}}");
    for (base, new) in [
        (json(""), json(",\"a\":null")),
        (json(",\"a\":1"), json(",\"a\":null")),
        (json(""), json(",\"a\":{\"b\":{\"c\":null}}")),
        (json(",\"a\":[]"), json(",\"a\":{\"b\":null}")),
        (json(""), json(",\"a\":1,\"a\":2")),
        (json(",\"a\":1,\"a\":2"), json(",\"a\":1")),
        (json(""), json(",\"a\":")),
        (json(",\"a\":"), json("")),
        ("1".to_owned(), "2".to_owned()),
    ] {
        assert_eq!(
            diff(&ContentType::Json, base.as_bytes(), new.as_bytes()),
            None,
            "{new}"
        );
    }
    for (base, new) in [
        (json(",\"a\":null"), json(",\"a\":null,\"b\":1")),
        (json(",\"a\":null"), json("")),
        (json(""), json(",\"a\":[null,{\"b\":null}]")),
    ] {
        let patch = diff(&ContentType::Json, base.as_bytes(), new.as_bytes()).unwrap();
        let result = apply(base.as_bytes(), &patch, LIMIT).unwrap();
        assert_eq!(value(&result), value(new.as_bytes()));
    }
}

#[test]
fn a_composition_that_no_patch_can_say_is_refused() {
    for (older, newer) in [
        ("{\"a\":1}", "{\"a\":{\"b\":2}}"),
        ("{\"a\":null}", "{\"a\":{\"b\":2}}"),
        ("[]", "{\"b\":2}"),
    ] {
        let error = compose(older, newer, LIMIT).unwrap_err();
        assert_eq!(error.to_string(), "no merge patch does what both do");
    }
    let both = compose(
        "{\"a\":1,\"b\":{\"c\":1}}",
        "{\"a\":null,\"b\":{\"d\":null}}",
        100,
    );
    assert_eq!(both.unwrap(), "{\"a\":null,\"b\":{\"c\":1,\"d\":null}}");
    assert!(compose("{\"a\":1}", "{\"b\":1}", 12).is_err());
}

#[test]
fn a_tombstone_is_never_shown_with_a_payload() {
    let record = Record {
        op: Op::Restate(spica_model::Restated {
            epoch: spica_model::Epoch(1),
            seq: spica_model::Seq(1),
            deletes: true,
        }),
        ..crate::samples::record("application/json", b"1")
    };
    let row = one_row(Encoding::Json, &crate::samples::place(), |out| {
        rows::full(Encoding::Json, 1, &record, out);
    });
    assert!(matches!(row, Row::Deleted { .. }));
}
