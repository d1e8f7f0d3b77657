//! What a client says, as it is written.

use crate::field::Field::{Bool, Map, Number, Place, Text, Texts, Value};
use crate::field::{Fields, id, sub, write};
use crate::{
    Call, ClientFrame, Deliver, Encoding, Hello, Kinds, LimitChange, Subscribe, WindowKind,
    WindowSpec,
};

/// Appends a frame to `out`. What has its default is left out.
pub fn encode_client(encoding: Encoding, frame: &ClientFrame, out: &mut Vec<u8>) {
    let (name, fields) = match frame {
        ClientFrame::Hello(it) => ("hello", hello(it)),
        ClientFrame::Subscribe(it) => ("subscribe", subscribe(it)),
        ClientFrame::Change { sub: of, limits } => {
            let of = of.iter().map(|of| sub(*of));
            ("change", of.chain(limit_change(limits)).collect())
        }
        ClientFrame::Unsubscribe(of) => ("unsubscribe", vec![sub(*of)]),
        ClientFrame::Credit(bytes) => ("credit", vec![("bytes", Number(*bytes))]),
        ClientFrame::Call(it) => ("call", call(it)),
        ClientFrame::Ping(of) => ("ping", vec![id(*of)]),
        ClientFrame::Stats(of) => ("stats", vec![id(*of)]),
        ClientFrame::Bye => ("bye", vec![]),
    };
    write(encoding, name, &fields, out);
}

fn hello(it: &Hello) -> Fields<'_> {
    let mut fields = Fields::new();
    fields.extend(it.token.iter().map(|token| ("token", Text(token))));
    fields.extend(it.client.iter().map(|client| ("client", Text(client))));
    fields.extend(it.credit.map(|credit| ("credit", Number(credit))));
    if it.bytes_per_s > 0 {
        fields.push(("bytes_per_s", Number(it.bytes_per_s)));
    }
    fields
}

fn subscribe(it: &Subscribe) -> Fields<'_> {
    let mut fields = vec![sub(it.sub), ("filter", Text(it.filter.as_str()))];
    if it.kinds != Kinds::default() {
        fields.push(("kinds", Text(it.kinds.as_str())));
    }
    if it.deliver != Deliver::default() {
        fields.push(("deliver", Text(it.deliver.as_str())));
    }
    fields.extend(it.recovery.map(|it| ("recovery", Text(it.as_str()))));
    fields.extend(it.after.iter().map(|after| ("after", Place(after))));
    if !it.snapshot {
        fields.push(("snapshot", Bool(false)));
    }
    if !it.delta {
        fields.push(("delta", Bool(false)));
    }
    fields.extend(it.window.iter().map(|it| ("window", Map(window(it)))));
    if it.merge_patch {
        fields.push(("merge", Text("patch")));
    }
    fields.extend(limit_change(&it.limits));
    let queue = it.max_queue.map(|max| ("max_queue", Number(max.into())));
    fields.extend(queue);
    fields
}

fn limit_change(it: &LimitChange) -> Fields<'static> {
    let interval = it.min_interval_ms.map(|ms| ("min_interval_ms", Number(ms)));
    let bytes = it.bytes_per_s.map(|bytes| ("bytes_per_s", Number(bytes)));
    interval.into_iter().chain(bytes).collect()
}

fn window(it: &WindowSpec) -> Fields<'_> {
    let (kind, size) = match it.kind {
        WindowKind::Tumbling(size) => ("tumbling", ("size", Number(size.into()))),
        WindowKind::Sliding(size) => ("sliding", ("size", Number(size.into()))),
        WindowKind::Periodic(ms) => ("periodic", ("ms", Number(ms))),
        WindowKind::Monotonic(every) => ("monotonic", ("every", Number(every))),
    };
    let ops = it.ops.iter().map(|op| op.as_str()).collect();
    let mut fields = vec![("kind", Text(kind)), size, ("ops", Texts(ops))];
    if !it.field.is_empty() {
        fields.push(("field", Text(&it.field)));
    }
    fields
}

fn call(it: &Call) -> Fields<'_> {
    let mut fields = vec![
        id(it.id),
        ("method", Text(&it.method)),
        ("path", Text(&it.path)),
    ];
    fields.extend(it.body.iter().map(|body| ("body", Value(body))));
    fields.extend(it.key.iter().map(|key| ("key", Text(key))));
    fields
}
