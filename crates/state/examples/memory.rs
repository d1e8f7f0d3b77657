//! What topics cost in memory: `cargo run --release -p spica-state --example memory`.
//!
//! Folds a state of each of a million topics, then an event onto each, and says by how much the
//! process has grown for a topic, beside what the tree thinks. Linux only: it reads `/proc`.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;

use bytes::Bytes;
use spica_model::{
    Cause, ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};
use spica_state::{Limits, StateTree};

const TOPICS: u64 = 1_000_000;
const PAYLOAD: &[u8] = &[b'1'; 64];
const PAGE_BYTES: u64 = 4_096;

fn main() -> Result<(), Box<dyn Error>> {
    println!("a record: {} bytes", size_of::<Record>());
    println!("a topic: {TOPICS} of 38 bytes, payloads of 64, causes of 13");
    let mut tree = StateTree::new(Limits::default());
    let empty = resident()?;
    for kind in [Kind::State, Kind::Event] {
        let from = if kind == Kind::State { 0 } else { TOPICS };
        for n in 0..TOPICS {
            // Topics come in no order.
            tree.apply(&record(n * 7_919 % TOPICS, from + n + 1, kind)?);
        }
        while !tree.take_changes(1_024).is_empty() {}
        println!(
            "{kind} on each: {} bytes of memory for a topic, {} in the tree's own account",
            (resident()? - empty) / TOPICS,
            tree.bytes() as u64 / TOPICS,
        );
    }
    Ok(())
}

fn record(topic: u64, seq: u64, kind: Kind) -> Result<Record, Box<dyn Error>> {
    Ok(Record {
        position: Position {
            epoch: Epoch::FIRST,
            lane: Lane::Normal,
            seq: Seq(seq),
        },
        topic: Topic::new(format!("root/devices/{topic:07}/data/temperature"))?,
        kind,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: ContentType::Json,
        payload: Bytes::from_static(PAYLOAD),
        key: None,
        cause: Some(Cause::new(format!("mqtt:c{topic:07}"))?),
        properties: None,
    })
}

/// How many bytes of memory the process has.
fn resident() -> Result<u64, Box<dyn Error>> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split(' ').nth(1).ok_or("no second field")?.parse()?;
    Ok(pages * PAGE_BYTES)
}
