//! Arbitrary frames, records, values and edits.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value};
use spica_live_proto::{
    About, Bye, ByeCode, Call, ClientFrame, Deliver, EndCode, GapReason, Hello, Kinds, LimitChange,
    Recovery, RefusalCode, ServerFrame, Stats, SubId, Subscribe, Welcome, WindowKind, WindowOp,
    WindowSpec,
};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Place, Position, Quality, Record, Seq, Timestamp, Topic,
    TopicFilter,
};

use crate::samples;

pub(crate) fn place() -> impl Strategy<Value = Place> {
    let lane = || (any::<u32>(), any::<u64>()).prop_map(|(epoch, seq)| (Epoch(epoch), Seq(seq)));
    (lane(), lane()).prop_map(|(critical, normal)| Place::new(critical, normal))
}

/// Few keys, so that two values have some in common.
pub(crate) fn json_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // In JSON others may come back as their neighbour.
        any::<i16>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        ".{0,40}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 32, 6, |inner| {
        let key = select(vec!["a", "b", "c", "d", "ä\"", ""]).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

/// A value and what some edits made of it.
pub(crate) fn edited() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let base = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        // Repetition, so that blocks share slots and copies may overlap.
        prop::collection::vec(0..2u8, 0..600),
    ];
    let edit = (
        any::<prop::sample::Index>(),
        0..40usize,
        prop::collection::vec(any::<u8>(), 0..20),
    );
    (base, prop::collection::vec(edit, 0..5), any::<bool>()).prop_map(|(base, edits, turned)| {
        let mut new = base.clone();
        for (at, removed, inserted) in edits {
            let at = at.index(new.len() + 1);
            let end = (at + removed).min(new.len());
            new.splice(at..end, inserted);
        }
        if turned {
            let middle = new.len() / 2;
            new.rotate_left(middle);
        }
        (base, new)
    })
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100)
            .prop_map(|bytes| ("application/octet-stream", bytes)),
        json_value().prop_map(|json| ("application/json", json.to_string().into_bytes())),
        json_value().prop_map(|json| {
            (
                "application/json",
                serde_json::to_vec_pretty(&json).unwrap_or_default(),
            )
        }),
        any::<String>().prop_map(|text| ("text/plain", text.into_bytes())),
        any::<String>().prop_map(|text| ("text/csv", text.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..100).prop_map(|bytes| ("image/png", bytes)),
    ];
    (
        payload,
        (any::<bool>(), any::<u32>(), any::<u64>()),
        (any::<bool>(), any::<bool>()),
        select(vec![Quality::Good, Quality::Uncertain, Quality::Bad]),
        (any::<i64>(), option::of(any::<i64>())),
        "[^\u{0}-\u{1f}\u{7f}-\u{9f}/+#]{1,20}(/[a-z]{1,5}){0,3}",
    )
        .prop_filter_map(
            "a topic",
            |(payload, position, flags, quality, times, topic)| {
                let (content_type, bytes) = payload;
                let (critical, epoch, seq) = position;
                let lane = if critical {
                    Lane::Critical
                } else {
                    Lane::Normal
                };
                Some(Record {
                    position: Position {
                        epoch: Epoch(epoch),
                        lane,
                        seq: Seq(seq),
                    },
                    topic: Topic::new(topic).ok()?,
                    kind: if flags.0 { Kind::State } else { Kind::Event },
                    op: if flags.1 { Op::Put } else { Op::Delete },
                    quality,
                    received: Timestamp::from_micros(times.0),
                    source_time: times.1.map(Timestamp::from_micros),
                    content_type: ContentType::parse(content_type).ok()?,
                    payload: bytes.into(),
                    key: None,
                    cause: None,
                    properties: None,
                })
            },
        )
}

fn sub() -> impl Strategy<Value = SubId> {
    (1..=u32::MAX).prop_map(SubId)
}

fn limit_change() -> impl Strategy<Value = LimitChange> {
    (any::<Option<u64>>(), any::<Option<u64>>()).prop_map(|(min_interval_ms, bytes_per_s)| {
        LimitChange {
            min_interval_ms,
            bytes_per_s,
        }
    })
}

fn recovery() -> impl Strategy<Value = Recovery> {
    use Recovery::{Auto, Convergent, Divergent, Gap, Precise, Repeating};
    select(vec![Auto, Convergent, Divergent, Gap, Precise, Repeating])
}

fn deliver() -> impl Strategy<Value = Deliver> {
    select(vec![Deliver::Auto, Deliver::Latest, Deliver::Each])
}

fn window() -> impl Strategy<Value = WindowSpec> {
    use WindowOp::{Count, First, Last, Max, Mean, Min, Stdev, Sum, Variance};
    let kind = prop_oneof![
        (1..=u32::MAX).prop_map(WindowKind::Tumbling),
        (1..=u32::MAX).prop_map(WindowKind::Sliding),
        (1..=u64::MAX).prop_map(WindowKind::Periodic),
        (1..=u64::MAX).prop_map(WindowKind::Monotonic),
    ];
    let ops = vec![Count, First, Last, Max, Mean, Min, Stdev, Sum, Variance];
    (kind, subsequence(ops, 1..=9), "(/[a-z~01]{0,3}){0,3}").prop_filter_map(
        "a pointer",
        |(kind, ops, field)| {
            let pointer = field
                .split('~')
                .skip(1)
                .all(|it| it.starts_with(['0', '1']));
            pointer.then_some(WindowSpec { kind, ops, field })
        },
    )
}

fn subscribe() -> impl Strategy<Value = Subscribe> {
    (
        (
            sub(),
            "([a-z]{1,4}|\\+)(/([a-z]{1,4}|\\+)){0,3}(/#)?",
            option::of(window()),
        ),
        (
            select(vec![Kinds::All, Kinds::State, Kinds::Event]),
            deliver(),
            option::of(recovery()),
        ),
        (option::of(place()), any::<Option<u32>>(), limit_change()),
        any::<[bool; 3]>(),
    )
        .prop_filter_map("a filter", |(what, how, limits, flags)| {
            Some(Subscribe {
                sub: what.0,
                filter: TopicFilter::new(what.1).ok()?,
                window: what.2,
                kinds: how.0,
                deliver: how.1,
                recovery: how.2,
                after: limits.0,
                max_queue: limits.1,
                limits: limits.2,
                snapshot: flags[0],
                delta: flags[1],
                merge_patch: flags[2],
            })
        })
}

pub(crate) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let hello = (
        any::<Option<String>>(),
        option::of("[a-zä\"]{0,20}"),
        any::<Option<u64>>(),
        any::<u64>(),
    );
    let methods = vec!["GET", "POST", "PUT", "PATCH", "DELETE"];
    let call = (
        any::<u64>(),
        select(methods),
        "/v1/[!-~]{0,30}",
        option::of(json_value()),
        option::of(".{0,20}"),
    );
    prop_oneof![
        hello.prop_map(|(token, client, credit, bytes_per_s)| {
            ClientFrame::Hello(Hello {
                token,
                client,
                credit,
                bytes_per_s,
            })
        }),
        subscribe().prop_map(|it| ClientFrame::Subscribe(Box::new(it))),
        (option::of(sub()), limit_change())
            .prop_map(|(sub, limits)| ClientFrame::Change { sub, limits }),
        sub().prop_map(ClientFrame::Unsubscribe),
        any::<u64>().prop_map(ClientFrame::Credit),
        call.prop_map(|(id, method, path, body, key)| {
            ClientFrame::Call(Box::new(Call {
                id,
                method: method.to_owned(),
                path,
                body,
                key,
            }))
        }),
        any::<u64>().prop_map(ClientFrame::Ping),
        any::<u64>().prop_map(ClientFrame::Stats),
        Just(ClientFrame::Bye),
    ]
}

fn stats() -> impl Strategy<Value = Stats> {
    let counts = any::<[u64; 6]>();
    (option::of(0.0..1e9f64), counts, any::<[u64; 4]>()).prop_map(|(rtt_ms, counts, dropped)| {
        let [queue, sent, conflated, bytes_full, bytes_sent, subs] = counts;
        Stats {
            rtt_ms,
            queue,
            sent,
            conflated,
            dropped,
            bytes_full,
            bytes_sent,
            subs,
        }
    })
}

fn refused() -> impl Strategy<Value = ServerFrame> {
    use RefusalCode::{
        BadFilter, BadFrame, BadWindow, CannotPromise, Forbidden, InUse, Limit, Unauthorized,
        Unknown,
    };
    let codes = vec![
        BadFilter,
        BadFrame,
        BadWindow,
        CannotPromise,
        Forbidden,
        InUse,
        Limit,
        Unauthorized,
        Unknown,
    ];
    let about = prop_oneof![
        Just(About::Session),
        sub().prop_map(About::Sub),
        any::<u64>().prop_map(About::Id),
    ];
    (about, select(codes), any::<String>()).prop_map(|(about, code, detail)| ServerFrame::Refused {
        about,
        code,
        detail,
    })
}

fn bye() -> impl Strategy<Value = ServerFrame> {
    use ByeCode::{NotActive, Overloaded, Protocol, Stopping, Timeout, Unauthorized};
    let codes = vec![
        NotActive,
        Overloaded,
        Protocol,
        Stopping,
        Timeout,
        Unauthorized,
    ];
    (
        select(codes),
        any::<String>(),
        any::<Option<u64>>(),
        any::<Option<String>>(),
    )
        .prop_map(|(code, detail, retry_after_ms, active)| {
            ServerFrame::Bye(Box::new(Bye {
                code,
                detail,
                retry_after_ms,
                active,
            }))
        })
}

pub(crate) fn server_frame() -> impl Strategy<Value = ServerFrame> {
    use GapReason::{Damaged, Queue, Retention, Unknown};
    let reason = select(vec![Damaged, Queue, Retention, Unknown]);
    let welcome = (
        any::<[String; 3]>(),
        any::<i64>(),
        any::<u64>(),
        any::<u32>(),
    );
    prop_oneof![
        welcome.prop_map(|([session, node, engine], time, number, max_subs)| {
            ServerFrame::Welcome(Box::new(Welcome {
                session,
                node,
                engine,
                time,
                heartbeat_ms: number,
                role: "reader",
                max_frame: number,
                max_subs,
            }))
        }),
        (sub(), recovery(), deliver(), place(), any::<bool>()).prop_map(
            |(sub, recovery, deliver, at, resumed)| ServerFrame::Subscribed {
                sub,
                recovery,
                deliver,
                at,
                resumed,
            },
        ),
        (sub(), place()).prop_map(|(sub, at)| ServerFrame::Ready { sub, at }),
        (sub(), select(Lane::ALL.to_vec()), any::<[u64; 2]>(), reason).prop_map(
            |(sub, lane, [from, to], reason)| ServerFrame::Gap {
                sub,
                lane,
                from: Seq(from),
                to: Seq(to),
                reason,
            },
        ),
        sub().prop_map(ServerFrame::Reset),
        (
            sub(),
            select(vec![EndCode::Lost, EndCode::Forbidden]),
            any::<String>()
        )
            .prop_map(|(sub, code, detail)| ServerFrame::Ended { sub, code, detail }),
        any::<i64>().prop_map(|time| ServerFrame::Beat { time }),
        any::<(u64, i64)>().prop_map(|(id, time)| ServerFrame::Pong { id, time }),
        (any::<(u64, u16)>(), option::of(json_value()))
            .prop_map(|((id, status), body)| ServerFrame::Result { id, status, body }),
        (any::<u64>(), stats()).prop_map(|(id, it)| ServerFrame::Stats {
            id,
            stats: Box::new(it)
        }),
        refused(),
        bye(),
        select(samples::server()).prop_map(|(_, frame)| frame),
    ]
}
