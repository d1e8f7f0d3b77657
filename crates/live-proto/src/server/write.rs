//! What the server says, as it is written.

use serde_json::Value as Json;
use spica_model::{Lane, Place as At, Seq};

use crate::field::Field::{Bool, Float, Map, Null, Number, Place, Signed, Text, Value};
use crate::field::{Entry, Fields, id as id_field, sub as sub_field, write};
use crate::words::Word as _;
use crate::{
    About, Bye, Deliver, Encoding, GapReason, Recovery, ServerFrame, Stats, SubId, Welcome,
};

/// Appends a frame to `out`.
pub fn encode(encoding: Encoding, frame: &ServerFrame, out: &mut Vec<u8>) {
    let (name, fields) = match frame {
        ServerFrame::Welcome(it) => ("welcome", welcome(it)),
        ServerFrame::Subscribed {
            sub,
            recovery,
            deliver,
            at,
            resumed,
        } => (
            "subscribed",
            subscribed(*sub, *recovery, *deliver, at, *resumed),
        ),
        ServerFrame::Ready { sub, at } => ("ready", vec![sub_field(*sub), ("at", Place(at))]),
        ServerFrame::Gap {
            sub,
            lane,
            from,
            to,
            reason,
        } => ("gap", gap(*sub, *lane, *from, *to, *reason)),
        ServerFrame::Reset(sub) => ("reset", vec![sub_field(*sub)]),
        ServerFrame::Ended { sub, code, detail } => {
            let why = [("code", Text(code.as_str())), ("detail", Text(detail))];
            ("ended", [sub_field(*sub)].into_iter().chain(why).collect())
        }
        ServerFrame::Beat { time } => ("beat", vec![("time", Signed(*time))]),
        ServerFrame::Pong { id, time } => ("pong", vec![id_field(*id), ("time", Signed(*time))]),
        ServerFrame::Result { id, status, body } => ("result", result(*id, *status, body.as_ref())),
        ServerFrame::Stats { id, stats: it } => ("stats", stats(*id, it)),
        ServerFrame::Refused {
            about,
            code,
            detail,
        } => {
            let why = [("code", Text(code.as_str())), ("detail", Text(detail))];
            ("refused", about_of(*about).into_iter().chain(why).collect())
        }
        ServerFrame::Bye(it) => ("bye", bye(it)),
    };
    write(encoding, name, &fields, out);
}

fn about_of(about: About) -> Option<Entry<'static>> {
    match about {
        About::Session => None,
        About::Sub(sub) => Some(sub_field(sub)),
        About::Id(id) => Some(id_field(id)),
    }
}

fn welcome(it: &Welcome) -> Fields<'_> {
    vec![
        ("session", Text(&it.session)),
        ("node", Text(&it.node)),
        ("engine", Text(&it.engine)),
        ("time", Signed(it.time)),
        ("heartbeat_ms", Number(it.heartbeat_ms)),
        ("role", Text(it.role)),
        ("max_frame", Number(it.max_frame)),
        ("max_subs", Number(u64::from(it.max_subs))),
    ]
}

fn subscribed(
    sub: SubId,
    recovery: Recovery,
    deliver: Deliver,
    at: &At,
    resumed: bool,
) -> Fields<'_> {
    vec![
        sub_field(sub),
        ("recovery", Text(recovery.as_str())),
        ("deliver", Text(deliver.as_str())),
        ("at", Place(at)),
        ("resumed", Bool(resumed)),
    ]
}

fn gap(sub: SubId, lane: Lane, from: Seq, to: Seq, reason: GapReason) -> Fields<'static> {
    vec![
        sub_field(sub),
        ("lane", Text(lane.as_str())),
        ("from", Number(from.0)),
        ("to", Number(to.0)),
        ("reason", Text(reason.as_str())),
    ]
}

fn result(id: u64, status: u16, body: Option<&Json>) -> Fields<'_> {
    let mut fields = vec![id_field(id), ("status", Number(u64::from(status)))];
    fields.extend(body.map(|body| ("body", Value(body))));
    fields
}

fn stats(id: u64, it: &Stats) -> Fields<'_> {
    let reasons = GapReason::WORDS.iter().map(|(_, word)| *word);
    let dropped = reasons.zip(it.dropped.map(Number)).collect();
    vec![
        id_field(id),
        ("rtt_ms", it.rtt_ms.map_or(Null, Float)),
        ("queue", Number(it.queue)),
        ("sent", Number(it.sent)),
        ("conflated", Number(it.conflated)),
        ("dropped", Map(dropped)),
        ("bytes_full", Number(it.bytes_full)),
        ("bytes_sent", Number(it.bytes_sent)),
        ("subs", Number(it.subs)),
    ]
}

fn bye(it: &Bye) -> Fields<'_> {
    let mut fields = vec![
        ("code", Text(it.code.as_str())),
        ("detail", Text(&it.detail)),
    ];
    fields.extend(it.retry_after_ms.map(|ms| ("retry_after_ms", Number(ms))));
    fields.extend(it.active.iter().map(|active| ("active", Text(active))));
    fields
}
