//! What is refused, and what is said about it.

use spica_live_proto::{
    About, ClientFrame, Encoding, RefusalCode, SubId, decode_client, decode_server, limits,
};

fn refused(json: &str) -> (About, RefusalCode, String) {
    let error = decode_client(Encoding::Json, json.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), error.detail);
    (error.about, error.code, error.detail)
}

const SUB: About = About::Sub(SubId(3));

#[test]
fn a_refusal_says_about_what_why_and_which_key() {
    use RefusalCode::{BadFilter, BadFrame, BadWindow, Limit};
    let long = |key: &str, bytes: usize| {
        let text = "x".repeat(bytes);
        format!(r#"{{"t":"hello","{key}":"{text}"}}"#)
    };
    let token = long("token", limits::TOKEN_BYTES + 1);
    let client = long("client", limits::CLIENT_BYTES + 1);
    let path = "x".repeat(limits::PATH_BYTES);
    let path = format!(r#"{{"t":"call","id":9,"method":"GET","path":"/v1/{path}"}}"#);
    for (json, about, code, part) in [
        ("", About::Session, BadFrame, "cannot be read: EOF"),
        ("[]", About::Session, BadFrame, "must be an object"),
        (r#"{"t":"bye"} {}"#, About::Session, BadFrame, "trailing"),
        (r#"{"sub":3}"#, SUB, BadFrame, "`t` is missing"),
        (
            r#"{"t":1,"id":4}"#,
            About::Id(4),
            BadFrame,
            "`t` must be text",
        ),
        (
            r#"{"t":"data","sub":3}"#,
            SUB,
            BadFrame,
            "`t` is no frame of a client",
        ),
        (
            r#"{"t":"ping","t":"ping","id":1}"#,
            About::Session,
            BadFrame,
            "`t` comes twice",
        ),
        (
            r#"{"t":"ping","id":1,"i\u0064":1}"#,
            About::Session,
            BadFrame,
            "`id` comes twice",
        ),
        (
            r#"{"t":"ping"}"#,
            About::Session,
            BadFrame,
            "`id` is missing: it must be a whole",
        ),
        (
            r#"{"t":"ping","id":1.0}"#,
            About::Session,
            BadFrame,
            "`id` must be a whole",
        ),
        (
            r#"{"t":"ping","id":-1}"#,
            About::Session,
            BadFrame,
            "`id` must be",
        ),
        (
            r#"{"t":"ping","id":18446744073709551616}"#,
            About::Session,
            BadFrame,
            "`id` must be",
        ),
        (
            r#"{"t":"ping","id":"1"}"#,
            About::Session,
            BadFrame,
            "`id` must be",
        ),
        (
            r#"{"t":"unsubscribe","sub":0}"#,
            About::Session,
            BadFrame,
            "`sub` must be",
        ),
        (
            r#"{"t":"unsubscribe","sub":4294967296}"#,
            About::Session,
            BadFrame,
            "from 1 to 2^32-1",
        ),
        (
            r#"{"t":"subscribe","sub":3}"#,
            SUB,
            BadFrame,
            "`filter` is missing",
        ),
        (
            r#"{"t":"subscribe","sub":3,"id":1,"filter":"a/#/b"}"#,
            SUB,
            BadFilter,
            "`filter`: ",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","kinds":"x"}"##,
            SUB,
            BadFrame,
            "all, state, event",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","deliver":1}"##,
            SUB,
            BadFrame,
            "`deliver`",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","recovery":"x"}"##,
            SUB,
            BadFrame,
            "precise",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","after":[1,2,3]}"##,
            SUB,
            BadFrame,
            "a place",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","after":[1,2,4294967296,4]}"##,
            SUB,
            BadFrame,
            "`after`",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","delta":0}"##,
            SUB,
            BadFrame,
            "true or false",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","merge":"x"}"##,
            SUB,
            BadFrame,
            "`merge`",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","max_queue":4294967296}"##,
            SUB,
            BadFrame,
            "`max_queue`",
        ),
        (
            r##"{"t":"subscribe","sub":3,"filter":"#","window":1}"##,
            SUB,
            BadWindow,
            "`window` must be an object",
        ),
        (
            r#"{"t":"call","id":9,"method":"HEAD","path":"/v1/a"}"#,
            About::Id(9),
            BadFrame,
            "`method`",
        ),
        (
            r#"{"t":"call","id":9,"method":"GET","path":"/metrics"}"#,
            About::Id(9),
            BadFrame,
            "`path`",
        ),
        (
            r#"{"t":"call","id":9,"method":"GET","path":"/v1/a\r\nx: y"}"#,
            About::Id(9),
            BadFrame,
            "`path`",
        ),
        (&path, About::Id(9), Limit, "`path` has more than 2048"),
        (&token, About::Session, Limit, "`token` has more than 4096"),
        (&client, About::Session, Limit, "`client` has more than 64"),
        (
            r#"{"t":"credit","bytes":null}"#,
            About::Session,
            BadFrame,
            "`bytes` is missing",
        ),
    ] {
        let (its_about, its_code, detail) = refused(json);
        assert_eq!((its_about, its_code), (about, code), "{json}: {detail}");
        assert!(detail.contains(part), "{json}: {detail}");
    }
}

#[test]
fn a_bad_window_says_what_is_wrong_with_it() {
    for (window, part) in [
        (r#"{}"#, "`kind` is missing"),
        (r#"{"kind":"x"}"#, "tumbling, sliding, periodic, monotonic"),
        (r#"{"kind":"sliding","ops":["mean"]}"#, "`size` is missing"),
        (
            r#"{"kind":"tumbling","size":0,"ops":["mean"]}"#,
            "`size` must be",
        ),
        (
            r#"{"kind":"tumbling","size":4294967296,"ops":["mean"]}"#,
            "`size` must be",
        ),
        (
            r#"{"kind":"periodic","size":1,"ops":["mean"]}"#,
            "`ms` is missing",
        ),
        (
            r#"{"kind":"monotonic","every":0,"ops":["mean"]}"#,
            "`every` must be",
        ),
        (r#"{"kind":"sliding","size":1,"ops":[]}"#, "`ops` must be"),
        (
            r#"{"kind":"sliding","size":1,"ops":["mean","mean"]}"#,
            "none twice",
        ),
        (
            r#"{"kind":"sliding","size":1,"ops":["median"]}"#,
            "`ops` must be",
        ),
        (
            r#"{"kind":"sliding","size":1,"size":1,"ops":["mean"]}"#,
            "`size` comes twice",
        ),
        (
            r#"{"kind":"sliding","size":1,"ops":["mean"],"field":"a"}"#,
            "JSON pointer",
        ),
        (
            r#"{"kind":"sliding","size":1,"ops":["mean"],"field":"/a~2"}"#,
            "JSON pointer",
        ),
    ] {
        let (about, code, detail) = refused(&format!(
            r##"{{"t":"subscribe","sub":3,"filter":"#","window":{window}}}"##
        ));
        assert_eq!(
            (about, code),
            (SUB, RefusalCode::BadWindow),
            "{window}: {detail}"
        );
        assert!(detail.contains(part), "{window}: {detail}");
    }
}

#[test]
fn what_is_at_the_limit_is_taken() {
    let token = "x".repeat(limits::TOKEN_BYTES);
    let hello =
        format!(r#" {{"t":"hello","token":"{token}","credit":0,"new":[{{}}],"client":null}} "#);
    let read = decode_client(Encoding::Json, hello.as_bytes()).unwrap();
    let ClientFrame::Hello(hello) = read else {
        panic!("{read:?}");
    };
    assert_eq!((hello.token, hello.client), (Some(token), None));
    // The frame itself is one level.
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        decode_client(
            Encoding::Json,
            format!(r#"{{"t":"bye","x":{open}{close}}}"#).as_bytes(),
        )
    };
    assert_eq!(nested(limits::DEPTH - 1), Ok(ClientFrame::Bye));
    let error = nested(limits::DEPTH).unwrap_err();
    assert!(error.detail.contains("nested too deep"), "{error}");
}

#[test]
fn cbor_is_as_strict_and_as_tolerant() {
    let read = |bytes: &[u8]| decode_client(Encoding::Cbor, bytes);
    let ping = Ok(ClientFrame::Ping(1));
    // {"t": "ping", "id": 1}, plain and with everything of indefinite or needless length.
    assert_eq!(read(b"\xa2\x61t\x64ping\x62id\x01"), ping);
    assert_eq!(
        read(b"\xbf\x61t\x7f\x62pi\x60\x62ng\xff\x62id\x1b\0\0\0\0\0\0\0\x01\xff"),
        ping
    );
    // An unknown key with a tag, undefined, bytes, and a map with a key that is no text.
    assert_eq!(
        read(b"\xa3\x61t\x64ping\x62id\x01\x61x\x84\xc1\x01\xf7\x41\xff\xa1\x01\x02"),
        ping
    );
    for (bytes, part) in [
        (&b""[..], "no item begins at byte 0"),
        (b"\xa2\x61t\x64ping\x62id", "no item begins at byte 11"),
        (
            b"\xa2\x61t\x64ping\x62id\x01\x00",
            "something follows at byte 12",
        ),
        (b"\xa2\x61t\x64ping\x62id\xf9\x3c\x00", "`id` must be"),
        (b"\xa2\x61t\x64ping\x62id\xc1\x01", "`id` must be"),
        (b"\xa3\x61t\x64ping\x62id\x01\x62id\x01", "`id` comes twice"),
        (b"\xa2\x01\x64ping\x62id\x01", "must be an object"),
        (b"\x82\x61t\x64ping", "must be an object"),
        (b"\xa1\x61t\x64pin\xff", "not UTF-8"),
        (b"\xa1\x61t\x44ping", "`t` must be text"),
        (b"\xbf\x61t\xff", "no item begins"),
        (
            b"\xa1\x61t\x7f\x41a\xff",
            "a string has a part that is none",
        ),
        (
            b"\xa1\x61t\x7f\x7f\xff\xff",
            "a string has a part that is none",
        ),
        (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "no item begins"),
        (b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff", "cut short"),
        (b"\x1c", "no item begins at byte 0"),
        (b"\xf8\x1f", "no item begins at byte 0"),
        (&[0x81; limits::DEPTH + 1], "nested too deep"),
        (&[0xc1; 100_000], "nested too deep"),
        (&[0x9f; 100_000], "nested too deep"),
    ] {
        let detail = read(bytes).unwrap_err().detail;
        assert!(detail.contains(part), "{bytes:02x?}: {detail}");
    }
}

#[test]
fn a_client_ignores_what_it_does_not_know_but_not_what_it_cannot_read() {
    let read = |json: &str| decode_server(Encoding::Json, json.as_bytes());
    let unknown = read(r#"{"t":"weather","sub":1}"#).unwrap();
    assert_eq!(unknown, spica_live_proto::Incoming::Unknown);
    let data = |row: &str| {
        read(&format!(
            r#"{{"t":"data","sub":1,"at":[1,0,1,1],"u":[{row}]}}"#
        ))
    };
    data("[3,7,1,1,1,0,null,0]").unwrap();
    for row in [
        "[]",
        "{}",
        "[5,7,1,1,1,0,null,0]",
        "[3,7,1,1,1,0,null]",
        "[3,7,1,1,1,0,null,0,0]",
        "[3,7,2,1,1,0,null,0]",
        "[3,7,1,1,1,0,null,3]",
        "[3,7,1,1,1,0.5,null,0]",
        r#"[2,7,"",1,1,1,0,null,0]"#,
        r#"[0,7,"a",1,1,1,0,null,0,2,0,1]"#,
        r#"[0,7,"a",1,1,1,0,null,0,0,3,1]"#,
        r#"[0,7,"a",1,1,1,0,null,0,0,1,1]"#,
        r#"[0,7,"a",1,1,1,0,null,0,0,2,"x"]"#,
        r#"[1,7,1,1,1,0,null,0,1,1,1,2,{}]"#,
        r#"[4,7,"a",1,1,1,0,{"median":1},0,0]"#,
    ] {
        assert!(data(row).is_err(), "{row}");
    }
}
