//! How fast records become durable: each submitted on its own, acknowledged when its place is
//! durable. Prints one JSON object.
//!
//! `cargo run --release -p spica-journal-file --example ingest -- DIRECTORY [SECONDS]`
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring tool: it prints and reads the clock"
)]

use std::collections::VecDeque;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use spica_clock::{Clock, SystemClock};
use spica_journal::{Journal, SubmitError, Ticket};
use spica_journal_file::{FileJournal, Options};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Topic};
use spica_storage::{OsStorage, Storage};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(
        arguments
            .next()
            .ok_or("usage: ingest DIRECTORY [SECONDS]")?,
    );
    let seconds = arguments
        .next()
        .map_or(Ok(3.0), |text| text.parse::<f64>())?;
    let duration = Duration::from_secs_f64(seconds);
    let floor = append_and_flush(&dir, duration / 3)?;
    let mut parts = vec![format!("\"append_fdatasync_us_p50\":{floor:.0}")];
    for in_flight in [1, 64, 1_024] {
        parts.push(measure(
            &dir.join(format!("ingest-{in_flight}")),
            in_flight,
            duration,
        )?);
    }
    parts.push(critical(&dir.join("critical"), duration)?);
    println!("{{{}}}", parts.join(","));
    Ok(())
}

/// The floor: 4 KiB appended to a growing file and flushed, median in µs.
fn append_and_flush(dir: &Path, duration: Duration) -> Outcome<f64> {
    let storage = OsStorage::open(dir)?;
    let file = storage.create("floor")?;
    let mut took = Vec::new();
    let end = Instant::now() + duration;
    for block in 0_u64.. {
        let begun = Instant::now();
        file.write_at(&[7; 4_096], block * 4_096)?;
        file.sync_data()?;
        let now = Instant::now();
        took.push(now - begun);
        if now > end {
            break;
        }
    }
    drop(file);
    storage.remove("floor")?;
    Ok(quantile(&mut took, 0.5))
}

fn measure(dir: &Path, in_flight: usize, duration: Duration) -> Outcome<String> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    let (journal, _) = FileJournal::open(Options::default(), dir, Arc::new(SystemClock))?;
    drive(&journal, Lane::Normal, in_flight, duration / 10)?;
    let (cpu, begun) = (cpu_seconds()?, Instant::now());
    let mut took = drive(&journal, Lane::Normal, in_flight, duration)?;
    let (cpu, elapsed) = (cpu_seconds()? - cpu, begun.elapsed().as_secs_f64());
    let details = journal.details(Lane::Normal);
    journal.close();
    std::fs::remove_dir_all(dir)?;
    let count = took.len() as f64;
    Ok(format!(
        "\"{in_flight}\":{{\"msgs_per_s\":{:.0},\"ack_us_p50\":{:.0},\"ack_us_p99\":{:.0},\
         \"ack_us_p999\":{:.0},\"cpu_s_per_million\":{:.2},\"segments\":{}}}",
        count / elapsed,
        quantile(&mut took, 0.5),
        quantile(&mut took, 0.99),
        quantile(&mut took, 0.999),
        cpu * 1e6 / count,
        details.segments,
    ))
}

fn drive(
    journal: &FileJournal,
    lane: Lane,
    in_flight: usize,
    duration: Duration,
) -> Outcome<Vec<Duration>> {
    let topic = Topic::new("root/bench/ingest")?;
    let payload = [0x5a; 128];
    let mut took = Vec::with_capacity(1 << 22);
    let mut on_the_way: VecDeque<(Ticket, Instant)> = VecDeque::with_capacity(in_flight);
    let end = Instant::now() + duration;
    loop {
        let more = Instant::now() < end;
        while more && on_the_way.len() < in_flight {
            let record = NewRecord {
                topic: &topic,
                kind: Kind::Event,
                op: Op::Put,
                quality: Quality::Good,
                received: SystemClock.wall(),
                source_time: None,
                content_type: &ContentType::Bytes,
                payload: &payload,
                key: None,
                cause: None,
                properties: None,
            };
            let begun = Instant::now();
            match journal.submit(lane, &[record]) {
                Ok(ticket) => on_the_way.push_back((ticket, begun)),
                Err(SubmitError::Full { .. }) if !on_the_way.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        let Some((oldest, _)) = on_the_way.front() else {
            return Ok(took);
        };
        block_on(oldest.durable())?;
        let now = Instant::now();
        while let Some((_, begun)) = on_the_way.pop_front_if(|(ticket, _)| ticket.is_durable()) {
            took.push(now - begun);
        }
    }
}

/// The critical lane, one record at a time: alone, and while the normal lane is saturated.
fn critical(dir: &Path, duration: Duration) -> Outcome<String> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    let (journal, _) = FileJournal::open(Options::default(), dir, Arc::new(SystemClock))?;
    let mut alone = drive(&journal, Lane::Critical, 1, duration)?;
    let mut loaded = std::thread::scope(|scope| {
        let load = scope.spawn(|| drive(&journal, Lane::Normal, 1_024, duration).is_ok());
        let loaded = drive(&journal, Lane::Critical, 1, duration);
        match load.join() {
            Ok(true) => loaded,
            _ => Err("the load has failed".into()),
        }
    })?;
    journal.close();
    std::fs::remove_dir_all(dir)?;
    let figures = |took: &mut [Duration]| {
        let [p50, p99] = [0.5, 0.99].map(|at| quantile(took, at));
        format!("{{\"ack_us_p50\":{p50:.0},\"ack_us_p99\":{p99:.0}}}")
    };
    let (alone, loaded) = (figures(&mut alone), figures(&mut loaded));
    Ok(format!(
        "\"critical\":{{\"alone\":{alone},\"loaded\":{loaded}}}"
    ))
}

/// Processor time of this process so far.
fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}

/// A quantile in µs.
fn quantile(took: &mut [Duration], at: f64) -> f64 {
    took.sort_unstable();
    let index = ((took.len() as f64 * at) as usize).min(took.len().saturating_sub(1));
    took.get(index).map_or(0.0, |took| took.as_secs_f64() * 1e6)
}
