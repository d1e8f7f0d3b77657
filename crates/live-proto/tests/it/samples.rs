//! One of each frame and row, with values that tell the encodings apart.

use bytes::Bytes;
use serde_json::json;
use spica_live_proto::{
    About, Bye, ByeCode, Call, ClientFrame, Deliver, Encoding, EndCode, GapReason, Hello, Kinds,
    LimitChange, Patch, Recovery, RefusalCode, ServerFrame, Stats, SubId, Subscribe, Welcome,
    WindowKind, WindowOp, WindowSpec, data_frame, rows,
};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Place, Position, Quality, Record, Seq, Timestamp, Topic,
    TopicFilter,
};

/// The greatest whole number that every JSON reader keeps.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// µs: a time that a client must not read as 64-bit floating point of seconds.
pub(crate) const RECEIVED: Timestamp = Timestamp::from_micros(1_795_323_683_000_250);

pub(crate) fn place() -> Place {
    Place::new((Epoch(2), Seq(5)), (Epoch(3), Seq(70_000)))
}

pub(crate) fn position(lane: Lane, seq: u64) -> Position {
    Position {
        epoch: Epoch(3),
        lane,
        seq: Seq(seq),
    }
}

pub(crate) fn record(content_type: &str, payload: &[u8]) -> Record {
    Record {
        position: position(Lane::Normal, 70_000),
        topic: Topic::new("plant/pump \"1\"/ä").unwrap(),
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: RECEIVED,
        source_time: None,
        content_type: ContentType::parse(content_type).unwrap(),
        payload: Bytes::copy_from_slice(payload),
        key: None,
        cause: None,
        properties: None,
    }
}

pub(crate) fn subscribe(filter: &str) -> Subscribe {
    Subscribe::new(SubId(1), TopicFilter::new(filter).unwrap())
}

fn window(kind: WindowKind, ops: &[WindowOp], field: &str) -> Subscribe {
    Subscribe {
        window: Some(WindowSpec {
            kind,
            ops: ops.to_vec(),
            field: field.to_owned(),
        }),
        ..subscribe("plant/+/temperature")
    }
}

/// Frames of a client, by name.
pub(crate) fn client() -> Vec<(&'static str, ClientFrame)> {
    let everything = Subscribe {
        sub: SubId(u32::MAX),
        kinds: Kinds::State,
        deliver: Deliver::Latest,
        recovery: Some(Recovery::Convergent),
        after: Some(place()),
        snapshot: false,
        delta: false,
        merge_patch: true,
        limits: LimitChange {
            min_interval_ms: Some(250),
            bytes_per_s: Some(100_000),
        },
        max_queue: Some(500),
        ..subscribe("#")
    };
    let hello = Hello {
        token: Some("secret".to_owned()),
        client: Some("console \"1\"".to_owned()),
        credit: Some(1 << 20),
        bytes_per_s: 50_000,
    };
    let call = Call {
        id: 7,
        method: "POST".to_owned(),
        path: "/v1/cases/4/steps?dry=1".to_owned(),
        body: Some(json!({"n": [-1, 0.5, 1e300, null, true, MAX_SAFE], "note": "ä\n"})),
        key: Some("k-1".to_owned()),
    };
    let tumbling = window(
        WindowKind::Tumbling(100),
        &[WindowOp::Mean, WindowOp::Max],
        "/a/b",
    );
    let change = LimitChange {
        min_interval_ms: Some(0),
        bytes_per_s: None,
    };
    vec![
        ("hello", ClientFrame::Hello(hello)),
        ("hello-bare", ClientFrame::Hello(Hello::default())),
        (
            "subscribe",
            ClientFrame::Subscribe(Box::new(subscribe("a/#"))),
        ),
        (
            "subscribe-everything",
            ClientFrame::Subscribe(Box::new(everything)),
        ),
        (
            "subscribe-tumbling",
            ClientFrame::Subscribe(Box::new(tumbling)),
        ),
        (
            "subscribe-sliding",
            sub(window(WindowKind::Sliding(3), &[WindowOp::Stdev], "")),
        ),
        (
            "subscribe-periodic",
            sub(window(WindowKind::Periodic(60_000), &[WindowOp::Count], "")),
        ),
        (
            "subscribe-monotonic",
            sub(window(WindowKind::Monotonic(10), &[WindowOp::Last], "")),
        ),
        (
            "change",
            ClientFrame::Change {
                sub: Some(SubId(1)),
                limits: change,
            },
        ),
        (
            "change-session",
            ClientFrame::Change {
                sub: None,
                limits: change,
            },
        ),
        ("unsubscribe", ClientFrame::Unsubscribe(SubId(1))),
        ("credit", ClientFrame::Credit(65_536)),
        ("call", ClientFrame::Call(Box::new(call))),
        ("ping", ClientFrame::Ping(0)),
        ("stats", ClientFrame::Stats(MAX_SAFE)),
        ("bye", ClientFrame::Bye),
    ]
}

fn sub(subscribe: Subscribe) -> ClientFrame {
    ClientFrame::Subscribe(Box::new(subscribe))
}

/// Frames of the server without rows, by name.
pub(crate) fn server() -> Vec<(&'static str, ServerFrame)> {
    let sub = SubId(1);
    let stats = Stats {
        rtt_ms: Some(1.25),
        queue: 3,
        sent: 1_000,
        conflated: 20,
        dropped: [1, 2, 3, 4],
        bytes_full: 1 << 40,
        bytes_sent: 70_000,
        subs: 2,
    };
    let detail = || "for \"people\"".to_owned();
    let bye = |code, retry_after_ms, active: Option<&str>| {
        ServerFrame::Bye(Box::new(Bye {
            code,
            detail: detail(),
            retry_after_ms,
            active: active.map(str::to_owned),
        }))
    };
    vec![
        ("welcome", ServerFrame::Welcome(Box::new(welcome()))),
        (
            "subscribed",
            ServerFrame::Subscribed {
                sub,
                recovery: Recovery::Auto,
                deliver: Deliver::Auto,
                at: place(),
                resumed: true,
            },
        ),
        ("ready", ServerFrame::Ready { sub, at: place() }),
        (
            "gap",
            ServerFrame::Gap {
                sub,
                lane: Lane::Critical,
                from: Seq(23),
                to: Seq(24),
                reason: GapReason::Retention,
            },
        ),
        ("reset", ServerFrame::Reset(SubId(255))),
        (
            "ended",
            ServerFrame::Ended {
                sub,
                code: EndCode::Lost,
                detail: detail(),
            },
        ),
        (
            "beat",
            ServerFrame::Beat {
                time: RECEIVED.as_micros(),
            },
        ),
        ("pong", ServerFrame::Pong { id: 256, time: -1 }),
        (
            "result",
            ServerFrame::Result {
                id: 7,
                status: 200,
                body: Some(json!({"a": [1.5, -300]})),
            },
        ),
        (
            "result-empty",
            ServerFrame::Result {
                id: 7,
                status: 204,
                body: None,
            },
        ),
        (
            "stats",
            ServerFrame::Stats {
                id: 65_536,
                stats: Box::new(stats),
            },
        ),
        (
            "stats-new",
            ServerFrame::Stats {
                id: 1,
                stats: Box::default(),
            },
        ),
        (
            "refused-sub",
            refused(About::Sub(sub), RefusalCode::CannotPromise),
        ),
        (
            "refused-id",
            refused(About::Id(4_294_967_296), RefusalCode::Forbidden),
        ),
        (
            "refused-session",
            refused(About::Session, RefusalCode::BadFrame),
        ),
        (
            "bye",
            bye(ByeCode::NotActive, Some(500), Some("10.0.0.2:8080")),
        ),
        ("bye-bare", bye(ByeCode::Overloaded, None, None)),
    ]
}

fn refused(about: About, code: RefusalCode) -> ServerFrame {
    ServerFrame::Refused {
        about,
        code,
        detail: "why\nnot".to_owned(),
    }
}

fn welcome() -> Welcome {
    Welcome {
        session: "5bd1e995".to_owned(),
        node: "root/site".to_owned(),
        engine: "e1".to_owned(),
        time: RECEIVED.as_micros(),
        heartbeat_ms: 10_000,
        role: "operator",
        max_frame: 65_536,
        max_subs: 100,
    }
}

/// Data frames, by name.
pub(crate) fn data(encoding: Encoding) -> Vec<(&'static str, Vec<u8>)> {
    let json = record(
        "application/json",
        b"{\"t\": 21.50,\n \"n\": 12345678901234567890.10}",
    );
    let event = Record {
        kind: Kind::Event,
        quality: Quality::Bad,
        position: position(Lane::Critical, 23),
        source_time: Some(Timestamp::from_micros(-1)),
        ..record("text/plain", "a\n\"b\"\u{1}ä".as_bytes())
    };
    let deleted = Record {
        op: Op::Delete,
        quality: Quality::Uncertain,
        ..record("application/json", b"")
    };
    let full = |record: &Record| row(|out| rows::full(encoding, 7, record, out));
    let delta = |patch| {
        row(|out| rows::delta(encoding, 7, &json, position(Lane::Critical, 6), &patch, out))
    };
    vec![
        ("data-none", frame(encoding, &[])),
        ("data-json", frame(encoding, &[full(&json)])),
        ("data-text-event", frame(encoding, &[full(&event)])),
        (
            "data-bytes",
            frame(
                encoding,
                &[full(&record("application/octet-stream", b"\x00\xff"))],
            ),
        ),
        (
            "data-type-of-json",
            frame(encoding, &[full(&record("application/senml+json", b"[1]"))]),
        ),
        (
            "data-type-of-text",
            frame(encoding, &[full(&record("text/csv", b"a,b"))]),
        ),
        (
            "data-type-of-bytes",
            frame(encoding, &[full(&record("image/png", b"\x89PNG"))]),
        ),
        (
            "data-broken-json",
            frame(encoding, &[full(&record("application/json", b"{\"a\":"))]),
        ),
        (
            "data-broken-text",
            frame(encoding, &[full(&record("text/csv", b"\xff"))]),
        ),
        (
            "data-empty-bytes",
            frame(encoding, &[full(&record("application/octet-stream", b""))]),
        ),
        ("data-deleted", frame(encoding, &[full(&deleted)])),
        (
            "data-delta-merge",
            frame(
                encoding,
                &[delta(Patch::Merge("{\"t\":21.60,\"n\":null}".to_owned()))],
            ),
        ),
        (
            "data-delta-binary",
            frame(
                encoding,
                &[delta(Patch::Binary(Bytes::from_static(
                    b"\x04ab\x07\x80\x01",
                )))],
            ),
        ),
        (
            "data-three",
            frame(
                encoding,
                &[
                    full(&json),
                    row(|out| rows::same(encoding, 7, &event, out)),
                    row(|out| windowed(encoding, out)),
                ],
            ),
        ),
    ]
}

fn row(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn frame(encoding: Encoding, rows: &[Vec<u8>]) -> Vec<u8> {
    let slices = rows.iter().map(Vec::as_slice);
    row(|out| data_frame(encoding, SubId(300), &place(), slices, rows.len(), out))
}

fn windowed(encoding: Encoding, out: &mut Vec<u8>) {
    let window = rows::Window {
        topic: &Topic::new("a").unwrap(),
        position: position(Lane::Normal, MAX_SAFE),
        received: RECEIVED,
        results: &[
            (WindowOp::Mean, 3.5),
            (WindowOp::Count, 2.0),
            (WindowOp::Sum, f64::INFINITY),
            (WindowOp::Min, -1e-9),
        ],
        from: Timestamp::from_micros(RECEIVED.as_micros() - 1_000_000),
        to: RECEIVED,
    };
    rows::window(encoding, 8, &window, out);
}
