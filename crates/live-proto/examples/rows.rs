//! What rows and deltas cost on one core: `cargo run --release -p spica-live-proto --example rows`.
//! One line of JSON.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement for the terminal: it prints, and it reads the clock"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use spica_live_proto::{Encoding, SubId, apply, data_frame, decode_server, diff, rows};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Place, Position, Quality, Record, Seq, Timestamp, Topic,
    TopicError,
};

/// How long one thing is measured.
const SPAN: Duration = Duration::from_millis(300);
/// Rows of a frame.
const ROWS: usize = 100;

/// Seconds that one `work` takes.
fn seconds(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut done = 0u32;
    while start.elapsed() < SPAN {
        (0..100).for_each(|_| work());
        done += 100;
    }
    start.elapsed().as_secs_f64() / f64::from(done)
}

fn record(content_type: ContentType, payload: &str) -> Result<Record, TopicError> {
    Ok(Record {
        position: Position {
            epoch: Epoch(1),
            lane: Lane::Normal,
            seq: Seq(1_234_567),
        },
        topic: Topic::new("root/site/line4/pump12/telemetry")?,
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::from_micros(1_795_323_683_000_250),
        source_time: Some(Timestamp::from_micros(1_795_323_682_000_000)),
        content_type,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        key: None,
        cause: None,
        properties: None,
    })
}

/// A document of about `bytes` bytes whose one field is `value`.
fn document(bytes: usize, value: f64) -> String {
    let mut text = String::from("{\"status\":{\"mode\":\"auto\",\"temperature\":");
    text += &format!("{value}}}");
    let mut nth = 0;
    while text.len() < bytes {
        text += &format!(",\"channel{nth}\":{{\"v\":{}.5,\"u\":\"kPa\"}}", nth * 7);
        nth += 1;
    }
    text + "}"
}

/// Rows per second: written, and read by a client.
fn measure(encoding: Encoding, record: &Record) -> serde_json::Value {
    let mut row = Vec::new();
    let write = seconds(|| {
        row.clear();
        rows::full(encoding, 4_711, black_box(record), &mut row);
    });
    let at = Place::new((Epoch(1), Seq(5)), (Epoch(1), Seq(1_234_567)));
    let (slices, mut frame) = ([&row[..]; ROWS], Vec::new());
    let share = seconds(|| {
        frame.clear();
        data_frame(encoding, SubId(1), &at, black_box(slices), ROWS, &mut frame);
    });
    let read = seconds(|| drop(black_box(decode_server(encoding, black_box(&frame)))));
    let per_s = |seconds: f64| (1.0 / seconds).round();
    let rows = ROWS as f64;
    json!({
        "row_bytes": row.len(),
        "written_rows_per_s": per_s(write),
        "framed_rows_per_s": per_s(share / rows),
        "read_rows_per_s": per_s(read / rows),
    })
}

fn deltas(content_type: &ContentType) -> serde_json::Value {
    let [base, new] = [21.5, 21.75].map(|value| document(2_048, value));
    let (base, new) = (base.as_bytes(), new.as_bytes());
    let mut patch = None;
    let find = seconds(|| patch = diff(content_type, black_box(base), black_box(new)));
    let Some(patch) = patch else {
        return json!(null);
    };
    let applied = seconds(|| drop(black_box(apply(base, black_box(&patch), 1 << 20))));
    json!({
        "value_bytes": new.len(),
        "patch_bytes": patch.len(),
        "ratio": (new.len() as f64 / patch.len() as f64).round(),
        "diff_us": (find * 1e8).round() / 100.0,
        "apply_us": (applied * 1e8).round() / 100.0,
    })
}

fn main() -> Result<(), TopicError> {
    let json = record(ContentType::Json, &document(128, 21.5))?;
    let bytes = record(ContentType::Bytes, &document(128, 21.5))?;
    println!(
        "{}",
        json!({
            "json_of_json": measure(Encoding::Json, &json),
            "cbor_of_json": measure(Encoding::Cbor, &json),
            "json_of_bytes": measure(Encoding::Json, &bytes),
            "cbor_of_bytes": measure(Encoding::Cbor, &bytes),
            "merge": deltas(&ContentType::Json),
            "binary": deltas(&ContentType::Text),
        })
    );
    Ok(())
}
