//! What is read from a batch, and what is said about the rest.

use super::*;

fn json(body: &str) -> Result<Vec<Draft>, Vec<PartError>> {
    parse(&Bytes::from(body.to_owned()), Syntax::Json, 3)
}

fn error(body: &str) -> (Option<usize>, Option<String>, String) {
    let mut errors = json(body).unwrap_err();
    let first = errors.remove(0);
    (first.index, first.field, first.detail)
}

#[test]
fn a_record_has_defaults_and_keeps_its_value_as_written() {
    let drafts = json(r#"[{"topic":"root/a","value":{"n": 1.10}}]"#).unwrap();
    assert_eq!(drafts.len(), 1);
    assert_eq!(&drafts[0].payload[..], br#"{"n": 1.10}"#);
    assert_eq!(drafts[0].content_type, ContentType::Json);
    assert_eq!(
        (drafts[0].class, drafts[0].kind),
        (Lane::Normal, Kind::State)
    );
    assert_eq!(drafts[0].key, None);
}

#[test]
fn every_field_is_read() {
    let body = r#"[{"topic":"root/a","base64":"AQI=","class":"critical","kind":"event",
        "quality":"bad","source_time":"1970-01-01T00:00:01Z","content_type":"a/b","key":"k\u0031"}]"#;
    let draft = json(body).unwrap().remove(0);
    assert_eq!(&draft.payload[..], [1, 2]);
    assert_eq!((draft.class, draft.kind), (Lane::Critical, Kind::Event));
    assert_eq!(draft.quality, Quality::Bad);
    assert_eq!(draft.source_time, Some(Timestamp::from_secs(1)));
    assert_eq!(draft.content_type.as_str(), "a/b");
    assert_eq!(draft.key.as_deref(), Some("k1"));
}

#[test]
fn null_is_a_value_but_no_setting() {
    let draft = json(r#"[{"topic":"a","value":null,"kind":null,"key":null}]"#)
        .unwrap()
        .remove(0);
    assert_eq!(&draft.payload[..], b"null");
    assert_eq!(draft.kind, Kind::State);
}

#[test]
fn ndjson_is_one_record_per_line_and_skips_empty_lines() {
    let body = Bytes::from_static(
        b"{\"topic\":\"a\",\"text\":\"x\"}\r\n\n{\"topic\":\"b\",\"text\":\"\"}",
    );
    let drafts = parse(&body, Syntax::Ndjson, 3).unwrap();
    assert_eq!(drafts.len(), 2);
    let errors = parse(&Bytes::from_static(b"\n{}\n{"), Syntax::Ndjson, 3).unwrap_err();
    assert_eq!(errors[0].index, Some(1));
}

#[test]
fn errors_name_the_record_and_the_field() {
    let good = r#"{"topic":"a","value":1}"#;
    for (bad, field, part) in [
        (r#"{"value":1}"#, Some("topic"), "missing"),
        (r#"{"topic":null,"value":1}"#, Some("topic"), "string"),
        (r#"{"topic":"a/#","value":1}"#, Some("topic"), "wildcards"),
        (r#"{"topic":"a"}"#, None, "exactly one"),
        (r#"{"topic":"a","value":1,"text":"x"}"#, None, "exactly one"),
        (
            r#"{"topic":"a","value":1e400}"#,
            Some("value"),
            "out of range",
        ),
        (
            r#"{"topic":"a","text":"{","content_type":"application/json"}"#,
            Some("text"),
            "EOF",
        ),
        (r#"{"topic":"a","text":1}"#, Some("text"), "string"),
        (r#"{"topic":"a","base64":"*"}"#, Some("base64"), "Invalid"),
        (
            r#"{"topic":"a","value":1,"kind":"x"}"#,
            Some("kind"),
            "state, event",
        ),
        (
            r#"{"topic":"a","value":1,"class":2}"#,
            Some("class"),
            "string",
        ),
        (
            r#"{"topic":"a","value":1,"source_time":"x"}"#,
            Some("source_time"),
            "UTC",
        ),
        (
            r#"{"topic":"a","value":1,"key":""}"#,
            Some("key"),
            "1 to 255",
        ),
        (r#"{"topic":"a","value":1,"colour":""}"#, None, "colour"),
        ("7", None, "no record"),
        (r#"["a",1]"#, None, "no record"),
    ] {
        let (index, found, detail) = error(&format!("[{good},{bad}]"));
        assert_eq!((index, found.as_deref()), (Some(1), field), "{bad}");
        assert!(detail.contains(part), "{bad}: {detail}");
    }
}

#[test]
fn a_batch_is_bounded_and_an_array() {
    let four = format!("[{}]", [r#"{"topic":"a","value":1}"#; 4].join(","));
    assert!(error(&four).2.contains("at most 3"));
    assert_eq!(error("{}").0, None);
    assert!(json("[]").unwrap().is_empty());
}

#[test]
fn only_the_first_errors_are_listed() {
    let body = format!("[{}]", ["1"; ERRORS + 5].join(","));
    assert_eq!(
        parse(&body.into(), Syntax::Json, 100).unwrap_err().len(),
        ERRORS
    );
}

#[test]
fn a_payload_is_bounded_after_decoding() {
    let text = "x".repeat(limits::PAYLOAD_BYTES + 1);
    let (_, field, detail) = error(&format!(r#"[{{"topic":"a","text":"{text}"}}]"#));
    assert_eq!(field.as_deref(), Some("text"));
    assert!(detail.contains("at most 1048576"));
}
