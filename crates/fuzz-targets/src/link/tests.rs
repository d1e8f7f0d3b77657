//! Makes the corpus, and compares what is committed with it.

use std::path::Path;

use bytes::{BufMut as _, Bytes, BytesMut};
use spica_journal_format::{Batch, BatchBuilder, BatchHeader, Secret, SegmentKeys};
use spica_model::{ContentType, Epoch, Kind, Lane, NewRecord, Op, Quality, Seq, Timestamp, Topic};
use spica_pair_proto::{
    Compress, Frame, MAX_FRAME_BYTES, put_aside, put_batch, put_part, put_places,
};

use super::{LANE_KEY, read, run};

const REIGN: Epoch = Epoch(4);

fn batch(payload: &[u8]) -> Batch {
    let keys = SegmentKeys {
        lane_key: LANE_KEY,
        ..Secret([7; 16]).segment_keys(Lane::Normal, 1)
    };
    let topic = Topic::new("root/a").unwrap();
    let mut builder = BatchBuilder::default();
    builder.start(Seq(41), Epoch(2), Timestamp::from_secs(9));
    for _ in 0..3 {
        let record = NewRecord {
            topic: &topic,
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: Timestamp::from_secs(9),
            source_time: None,
            content_type: &ContentType::Bytes,
            payload,
            key: None,
            cause: None,
            properties: None,
        };
        builder.push(&record, keys.lane_key);
    }
    let (header, bytes) = builder.finish(keys, 0);
    let body = Bytes::copy_from_slice(&bytes[BatchHeader::BYTES..]);
    Batch::of_partner(header, body, Lane::Normal, LANE_KEY)
}

/// Puts a frame of a kind and a body: control messages as a node of any version may write them.
fn put(out: &mut BytesMut, kind: u8, body: &[u8]) {
    out.put_u32_le(body.len() as u32 + 1);
    out.put_u8(kind);
    out.put_slice(body);
}

/// Control messages, in the order of a conversation.
const CONTROLS: [(&str, &str); 7] = [
    (
        "hello",
        r#"{"type":"hello","oldest":1,"newest":2,"program":"0.1.0","name":"root","side":"primary","topology":7,"http":null,"lane_keys":[1,2]}"#,
    ),
    ("refused", r#"{"type":"refused","reason":"two primaries"}"#),
    (
        "beat",
        r#"{"type":"says","what":"beat","side":"backup","state":"passive","epoch":4,"authority":4,"sound":true,"ends":[3,44]}"#,
    ),
    (
        "follow",
        r#"{"type":"follow","lanes":[{"reigns":[[2,1]],"first":1,"last":3},{"reigns":[],"first":0,"last":0}]}"#,
    ),
    (
        "start",
        r#"{"type":"start","reign":4,"lanes":[{"after":1},{"parted":2}],"of-a-later-version":{}}"#,
    ),
    (
        "aside-noted",
        r#"{"type":"aside-noted","lane":"critical","file":"aside-2-41-43"}"#,
    ),
    (
        "object",
        r#"{"type":"object","address":"sha256-00","bytes":7}"#,
    ),
];

/// Names and streams, without the byte of the pieces.
fn streams() -> Vec<(&'static str, BytesMut)> {
    let made = |make: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        make(&mut out);
        out
    };
    let controls = CONTROLS.map(|(name, json)| (name, made(&|out| put(out, 1, json.as_bytes()))));
    let (short, long) = (batch(b"x"), batch(&[b'a'; 300]));
    let reads = |out: &mut BytesMut| {
        put_batch(out, REIGN, Lane::Normal, &short, Compress::No);
        put_places(out, true, [Seq(3), Seq(43)]);
        put_places(out, false, [Seq(3), Seq(43)]);
    };
    let mut streams = Vec::from(controls.clone());
    streams.extend([
        ("batch", made(&reads)),
        (
            "batch-packed",
            made(&|out| put_batch(out, REIGN, Lane::Normal, &long, Compress::Lz4)),
        ),
        (
            "batch-packed-badly",
            made(&|out| {
                put_batch(out, REIGN, Lane::Critical, &short, Compress::No);
                out[6] = 1;
            }),
        ),
        (
            "batch-of-billions",
            made(&|out| {
                put_batch(out, REIGN, Lane::Normal, &short, Compress::No);
                out[17..21].copy_from_slice(&u32::MAX.to_le_bytes());
            }),
        ),
        (
            "batch-at-the-end",
            made(&|out| {
                put_batch(out, REIGN, Lane::Normal, &short, Compress::No);
                out[21..29].copy_from_slice(&u64::MAX.to_le_bytes());
            }),
        ),
        ("aside", made(&|out| put_aside(out, Lane::Critical, &short))),
        ("part", made(&|out| put_part(out, b"picture"))),
        (
            "too-long",
            made(&|out| out.put_u32_le(MAX_FRAME_BYTES as u32 + 1)),
        ),
        ("no-length", made(&|out| out.put_u32_le(0))),
        ("unknown-kind", made(&|out| put(out, 77, b"?"))),
        ("places-cut", made(&|out| put(out, 3, &[1; 15]))),
    ]);
    let all = controls.iter().map(|(_, wire)| wire.clone());
    let all = all.chain([made(&reads)]).collect::<Vec<_>>().concat();
    streams.push(("conversation", BytesMut::from(&all[..])));
    streams
}

/// `UPDATE_CORPUS=1` writes it.
#[test]
fn the_corpus_is_what_it_is_made_from() {
    let corpus = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/corpus/link"
    ));
    for (number, (name, wire)) in streams().into_iter().enumerate() {
        let input = [&[number as u8 + 1], &wire[..]].concat();
        let file = corpus.join(name);
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            std::fs::write(&file, &input).unwrap();
        }
        assert_eq!(std::fs::read(&file).unwrap(), input, "{}", file.display());
        run(&input);
    }
}

#[test]
fn the_corpus_reaches_every_kind_of_frame_and_whole_batches() {
    let mut kinds = [0; 6];
    for (_, wire) in streams() {
        for frame in read(&wire, 1).0 {
            let kind = match frame {
                Frame::Control(_) => 0,
                Frame::Acked(_) => 1,
                Frame::Committed(_) => 2,
                Frame::Part(_) => 3,
                Frame::Batch(sent) if sent.clone().into_batch(LANE_KEY).is_whole() => 4,
                Frame::Aside(sent) if sent.clone().into_batch(LANE_KEY).is_whole() => 5,
                Frame::Batch(_) | Frame::Aside(_) => continue,
            };
            kinds[kind] += 1;
        }
    }
    // Each control message alone, and all of them in the conversation.
    assert_eq!(kinds[0], 2 * CONTROLS.len());
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}
