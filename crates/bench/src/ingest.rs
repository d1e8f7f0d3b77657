//! `bench ingest`: records through the journal port, each submitted on its own and acknowledged
//! when it is durable.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::executor::block_on;
use serde::Serialize;
use spica_clock::{Clock, SystemClock};
use spica_journal::{Journal, SubmitError, Ticket};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Topic};

use crate::figures::{Latencies, Usage, round};

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Records that are submitted and not yet acknowledged.
    pub in_flight: usize,
    /// Payload bytes of a record.
    pub size: usize,
    /// How long to measure, after a tenth of it as warm-up.
    pub duration: Duration,
    /// The lane.
    pub lane: Lane,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `port` or `http`.
    pub via: &'static str,
    /// Records in flight.
    pub in_flight: usize,
    /// Payload bytes of a record.
    pub size: usize,
    /// Acknowledged records.
    pub messages: usize,
    /// Acknowledged records per second.
    pub msgs_per_s: f64,
    /// Submission to acknowledgement, median, µs.
    pub ack_us_p50: f64,
    /// 99th percentile, µs.
    pub ack_us_p99: f64,
    /// 99.9th percentile, µs.
    pub ack_us_p999: f64,
    /// Processor time of all processes that took part, per million records, generator included.
    pub cpu_s_per_million: f64,
    /// Resident memory of the hub (for `port`: of this process), MiB.
    pub rss_mib: f64,
}

impl Report {
    /// Figures from latencies and processor time.
    #[must_use]
    pub fn new(
        via: &'static str,
        load: Load,
        latencies: Latencies,
        elapsed: Duration,
        cpu_s: f64,
        rss_bytes: u64,
    ) -> Self {
        let messages = latencies.count();
        let [p50, p99, p999] = latencies.micros([0.5, 0.99, 0.999]);
        Self {
            via,
            in_flight: load.in_flight,
            size: load.size,
            messages,
            msgs_per_s: round(messages as f64 / elapsed.as_secs_f64()),
            ack_us_p50: p50,
            ack_us_p99: p99,
            ack_us_p999: p999,
            cpu_s_per_million: round(cpu_s * 1e7 / messages.max(1) as f64) / 10.0,
            rss_mib: round(rss_bytes as f64 / 1_048_576.0),
        }
    }
}

/// Runs the load on a fresh journal in `dir`.
///
/// # Errors
/// If the journal cannot be opened or fails.
pub fn run(dir: &Path, load: Load) -> Result<Report> {
    let journal = crate::hub::open_journal(dir)?;
    drive(&*journal, load, load.duration / 10)?;
    let before = Usage::own();
    let begun = Instant::now();
    let latencies = drive(&*journal, load, load.duration)?;
    let (elapsed, after) = (begun.elapsed(), Usage::own());
    journal.close();
    let cpu_s = after.cpu_s - before.cpu_s;
    Ok(Report::new(
        "port",
        load,
        latencies,
        elapsed,
        cpu_s,
        after.rss_bytes,
    ))
}

/// Keeps `load.in_flight` records on the way for `duration`, then waits for the rest.
///
/// # Errors
/// If the journal fails.
pub fn drive(journal: &dyn Journal, load: Load, duration: Duration) -> Result<Latencies> {
    let mut latencies = Latencies::with_capacity(1 << 20);
    let end = Instant::now() + duration;
    let goes_on = || Instant::now() < end;
    drive_while(journal, load, goes_on, |latency| latencies.add(latency))?;
    Ok(latencies)
}

/// Keeps `load.in_flight` records on the way while `goes_on`, then waits for the rest; `done` is told
/// how long each one took.
///
/// # Errors
/// If the journal fails.
pub fn drive_while(
    journal: &dyn Journal,
    load: Load,
    goes_on: impl Fn() -> bool,
    mut done: impl FnMut(Duration),
) -> Result<()> {
    let producer = Producer::new(load)?;
    let mut on_the_way: VecDeque<(Ticket, Instant)> = VecDeque::with_capacity(load.in_flight);
    loop {
        let more = goes_on();
        while more && on_the_way.len() < load.in_flight {
            match producer.submit(journal) {
                Ok(ticket) => on_the_way.push_back((ticket, Instant::now())),
                Err(SubmitError::Full { .. }) if !on_the_way.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        let Some((oldest, _)) = on_the_way.front() else {
            return Ok(());
        };
        block_on(oldest.durable())?;
        let now = Instant::now();
        while let Some((_, begun)) = on_the_way.pop_front_if(|(ticket, _)| ticket.is_durable()) {
            done(now - begun);
        }
    }
}

/// Submits the same record again and again, without a key: keys are the business of stations.
struct Producer {
    topic: Topic,
    payload: Vec<u8>,
    lane: Lane,
}

impl Producer {
    fn new(load: Load) -> Result<Self> {
        let payload = (0..load.size).map(|n| (n % 251) as u8).collect();
        Ok(Self {
            topic: Topic::new("root/bench/ingest")?,
            payload,
            lane: load.lane,
        })
    }

    fn submit(&self, journal: &dyn Journal) -> Result<Ticket, SubmitError> {
        let record = NewRecord {
            topic: &self.topic,
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: SystemClock.wall(),
            source_time: None,
            content_type: &ContentType::Bytes,
            payload: &self.payload,
            key: None,
            cause: None,
            properties: None,
        };
        journal.submit(self.lane, &[record])
    }
}
