//! How long it takes to open a journal that holds many records: after its process was killed, and
//! after it was closed. Prints one JSON object.
//!
//! `cargo run --release -p spica-journal-file --example open_many -- DIRECTORY [RECORDS]`
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring tool: it prints and reads the clock"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use futures::executor::block_on;
use spica_clock::{Clock, SystemClock};
use spica_journal::{Journal, SubmitError};
use spica_journal_file::{FileJournal, Options};
use spica_model::{ContentType, Key, Kind, Lane, NewRecord, Op, Quality, Topic};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Records of a submission while the journal is filled.
const AT_ONCE: u64 = 500;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments
        .next()
        .ok_or("usage: open_many DIRECTORY [RECORDS]")?;
    let dir = PathBuf::from(dir).join("open-many");
    let records = arguments
        .next()
        .map_or(Ok(10_000_000), |text| text.parse())?;
    if arguments.next().is_some() {
        fill(&dir, records)?;
        // As a kill would end it: the lanes are not closed.
        std::process::abort();
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    let parent = dir.parent().ok_or("no parent")?;
    let program = std::env::current_exe()?;
    Command::new(program)
        .arg(parent)
        .arg(records.to_string())
        .arg("fill")
        .status()?;
    let (killed_ms, details) = open(&dir, records)?;
    let (closed_ms, _) = open(&dir, records)?;
    std::fs::remove_dir_all(&dir)?;
    println!(
        "{{\"records\":{records},{details},\"open_after_kill_ms\":{killed_ms:.0},\"open_after_close_ms\":{closed_ms:.0}}}"
    );
    Ok(())
}

fn open(dir: &Path, records: u64) -> Outcome<(f64, String)> {
    let begun = Instant::now();
    let (journal, report) = FileJournal::open(Options::default(), dir, Arc::new(SystemClock))?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let status = journal.status(Lane::Normal);
    let details = journal.details(Lane::Normal);
    if status.last.0 != records || !report.is_sound() {
        return Err(format!("{status:?} {report:?}").into());
    }
    let said = format!(
        "\"bytes\":{},\"segments\":{},\"keys\":{}",
        status.bytes, details.segments, details.keys
    );
    journal.close();
    Ok((took, said))
}

fn fill(dir: &Path, records: u64) -> Outcome<()> {
    let (journal, _) = FileJournal::open(Options::default(), dir, Arc::new(SystemClock))?;
    let topic = Topic::new("root/devices/0012345/events/status-check")?;
    let payload = [0x5a; 128];
    let mut next = 0;
    while next < records {
        let count = AT_ONCE.min(records - next);
        let keys: Vec<Key> = (next..next + count)
            .map(|number| Key::new(number.to_le_bytes().to_vec()))
            .collect::<Result<_, _>>()?;
        let batch: Vec<_> = keys
            .iter()
            .map(|key| NewRecord {
                topic: &topic,
                kind: Kind::Event,
                op: Op::Put,
                quality: Quality::Good,
                received: SystemClock.wall(),
                source_time: Some(SystemClock.wall()),
                content_type: &ContentType::Json,
                payload: &payload,
                key: Some(key),
                cause: None,
                properties: None,
            })
            .collect();
        match journal.submit(Lane::Normal, &batch) {
            Ok(ticket) => {
                next += count;
                if next == records {
                    block_on(ticket.durable())?;
                }
            }
            Err(SubmitError::Full { .. }) => {
                let durable = journal.status(Lane::Normal).durable;
                block_on(journal.watermark(Lane::Normal).reached(durable.next()))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
