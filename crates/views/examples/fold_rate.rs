//! How fast the views fold: `cargo run --release -p spica-views --example fold_rate`.
//!
//! Replays a journal in memory of a million records on ten thousand topics, then a million more while
//! the views follow, and starts once more from the checkpoint.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use spica_clock::{Clock, SystemClock};
use spica_journal::memory::{Limits, MemoryJournal};
use spica_journal::{Journal, SharedJournal};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Seq, Topic};
use spica_views::{Settings, Views};

const RECORDS: usize = 1_000_000;
const TOPICS: usize = 10_000;
const BATCH: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let checkpoint = dir.path().join("views.redb");
    let journal = MemoryJournal::with(Limits {
        queue_bytes: usize::MAX,
        ..Limits::default()
    });
    append(&*journal)?;
    let views = timed("replay", || start(&journal, &checkpoint))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    timed("follow", || {
        let last = append(&*journal)?;
        runtime.block_on(views.applied(Lane::Normal, last));
        Ok(())
    })?;
    timed("stop", || {
        views.stop();
        Ok(())
    })?;
    drop(views);
    timed("restart", || start(&journal, &checkpoint))?.stop();
    Ok(())
}

fn start(journal: &Arc<MemoryJournal>, checkpoint: &Path) -> Result<Arc<Views>, Box<dyn Error>> {
    let journal: SharedJournal = journal.clone();
    let (node, clock) = (Topic::new("root")?, Arc::new(SystemClock));
    Ok(Views::start(
        journal,
        node,
        Settings::default(),
        checkpoint,
        clock,
    )?)
}

fn append(journal: &dyn Journal) -> Result<Seq, Box<dyn Error>> {
    let topics: Vec<_> = (0..TOPICS)
        .map(|n| Topic::new(format!("root/devices/{n:07}/data/temperature")))
        .collect::<Result<_, _>>()?;
    let mut last = Seq::ZERO;
    for batch in 0..RECORDS / BATCH {
        let records: Vec<_> = (0..BATCH)
            .map(|n| NewRecord {
                topic: &topics[(batch * BATCH + n) * 7_919 % TOPICS],
                kind: Kind::State,
                op: Op::Put,
                quality: Quality::Good,
                received: SystemClock.wall(),
                source_time: None,
                content_type: &ContentType::Json,
                payload: &[b'1'; 64],
                key: None,
                cause: None,
                properties: None,
            })
            .collect();
        last = journal.submit(Lane::Normal, &records)?.waits_for();
    }
    Ok(last)
}

fn timed<T>(
    what: &str,
    work: impl FnOnce() -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let began = SystemClock.monotonic();
    let done = work()?;
    let secs = SystemClock.monotonic().duration_since(began).as_secs_f64();
    let rate = RECORDS as f64 / secs;
    match what {
        "replay" | "follow" => println!("{what}: {secs:.3} s, {rate:.0} records/s"),
        _ => println!("{what}: {secs:.3} s"),
    }
    Ok(done)
}
