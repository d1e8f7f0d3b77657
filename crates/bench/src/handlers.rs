//! `bench handlers`: how fast the history handler reads a journal into its index, how far it is behind
//! while records come, and what a question costs.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::executor::block_on;
use serde::Serialize;
use spica_clock::{Clock, SystemClock};
use spica_handler::{Trouble, TroubleSink};
use spica_handlers::{Handlers, Metrics, NoMarks, Parts, Standing};
use spica_history::{History, Query, Wanted};
use spica_journal::{Journal, SharedJournal, SubmitError, Ticket};
use spica_model::{
    ContentType, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Topic, TopicFilter,
};
use spica_role::Alone;

use crate::figures::{Latencies, Usage, round};

/// Records that are submitted at once.
const BATCH: usize = 256;
/// How long the generator rests when it is ahead.
const REST: Duration = Duration::from_micros(200);

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Records that are in the journal before the handler begins.
    pub records: usize,
    /// Topics that they are spread over; each says a number.
    pub topics: usize,
    /// Records per second while the lag is measured.
    pub rate: usize,
    /// For how long it is measured.
    pub duration: Duration,
}

/// What was measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Report {
    /// Records that the handler read from the journal into its index, until all of it was on disk.
    pub records: usize,
    /// Topics that they are spread over.
    pub topics: usize,
    /// Records per second.
    pub history_records_per_s: f64,
    /// Processor time of it per million records.
    pub cpu_s_per_million: f64,
    /// Bytes of the index per record.
    pub index_bytes_per_record: f64,
    /// Records per second that came while the lag was measured.
    pub live_records_per_s: f64,
    /// From submission, the commit included, until the index has it, median, ms.
    pub lag_ms_p50: f64,
    /// 99th percentile, ms.
    pub lag_ms_p99: f64,
    /// The newest 100 records of one topic, median, ms.
    pub query_ms_p50: f64,
}

/// A node without any state.
struct Nothing(SharedJournal);

impl Standing for Nothing {
    fn get(&self, _: &Topic) -> Option<Record> {
        None
    }

    fn subtree(&self, _: &str, _: Option<&str>, _: usize) -> Vec<Record> {
        Vec::new()
    }

    fn applied(&self, lane: Lane) -> Seq {
        self.0.status(lane).durable
    }
}

/// Nobody who could be told.
struct Nobody;

impl TroubleSink for Nobody {
    fn tell(&self, _: Trouble) {}
}

/// Measures on a fresh journal and index in `dir`.
///
/// # Errors
/// If the journal or the index fails.
pub fn run(dir: &Path, load: Load) -> Result<Report> {
    let journal = crate::hub::open_journal(&dir.join("journal"))?;
    let generator = Generator::new(load.topics)?;
    generator.fill(&*journal, load.records)?;
    let shared: SharedJournal = journal.clone();
    let node = Topic::new("root")?;
    let index = dir.join("history");
    let clock = Arc::new(SystemClock);
    let history = History::open(&index, shared.clone(), &node, Default::default(), clock)?;
    let before = Usage::own();
    let begun = Instant::now();
    let handlers = start(dir, &shared, &node, &history)?;
    until(&history, journal.status(Lane::Normal).durable);
    // What is in hand is kept by that.
    handlers.stop();
    let (elapsed, cpu_s) = (begun.elapsed(), Usage::own().cpu_s - before.cpu_s);
    let bytes = std::fs::metadata(index.join("normal.redb"))?.len();
    let handlers = start(dir, &shared, &node, &history)?;
    let (lags, live_records_per_s) = generator.live(&*journal, &history, load)?;
    handlers.stop();
    let queries = ask(&history, &generator)?;
    history.close();
    journal.close();
    let [lag_p50, lag_p99] = lags.micros([0.5, 0.99]);
    let [query_p50] = queries.micros([0.5]);
    let records = load.records.max(1) as f64;
    Ok(Report {
        records: load.records,
        topics: load.topics,
        history_records_per_s: round(records / elapsed.as_secs_f64()),
        cpu_s_per_million: round(cpu_s * 1e6 / records),
        index_bytes_per_record: round(bytes as f64 / records),
        live_records_per_s: round(live_records_per_s),
        lag_ms_p50: round(lag_p50 / 1_000.0),
        lag_ms_p99: round(lag_p99 / 1_000.0),
        query_ms_p50: round(query_p50 / 1_000.0),
    })
}

fn start(
    dir: &Path,
    journal: &SharedJournal,
    node: &Topic,
    history: &Arc<History>,
) -> Result<Arc<Handlers>> {
    let parts = Parts {
        journal: Arc::clone(journal),
        standing: Arc::new(Nothing(Arc::clone(journal))),
        role: Arc::new(Alone),
        clock: Arc::new(SystemClock),
        node: node.clone(),
        troubles: Arc::new(Nobody),
        data_dir: dir.to_owned(),
        marks: Arc::new(NoMarks),
        metrics: Metrics::default(),
    };
    Ok(Handlers::start(
        Default::default(),
        parts,
        vec![history.factory()],
    )?)
}

/// Waits until the index has everything up to `seq`.
fn until(history: &History, seq: Seq) {
    while history.through(Lane::Normal) < seq {
        std::thread::sleep(REST);
    }
}

/// How long the newest records of a topic take to be found, one topic after the other.
fn ask(history: &History, generator: &Generator) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for topic in generator.topics.iter().take(100) {
        let query = Query {
            wanted: Wanted {
                filter: Some(TopicFilter::new(topic.as_str())?),
                ..Wanted::default()
            },
            order: spica_history::Order::NewestFirst,
            ..Query::default()
        };
        let begun = Instant::now();
        let page = history.query(&query)?;
        latencies.add(begun.elapsed());
        ensure!(!page.records.is_empty(), "{topic} has no records");
    }
    Ok(latencies)
}

/// Submits numbers of many topics, one after the other.
struct Generator {
    topics: Vec<Topic>,
}

impl Generator {
    fn new(topics: usize) -> Result<Self> {
        let topic = |n: usize| Topic::new(format!("root/bench/plant/{}/value{n}", n % 97));
        let topics = (0..topics.max(1)).map(topic).collect::<Result<_, _>>()?;
        Ok(Self { topics })
    }

    fn submit(
        &self,
        journal: &dyn Journal,
        from: usize,
        count: usize,
    ) -> Result<Ticket, SubmitError> {
        let received = SystemClock.wall();
        let payload = |n: usize| format!("{}.25", n % 1_000);
        let payloads: Vec<String> = (from..from + count).map(payload).collect();
        let records: Vec<NewRecord<'_>> = payloads
            .iter()
            .enumerate()
            .map(|(n, payload)| NewRecord {
                topic: &self.topics[(from + n) % self.topics.len()],
                kind: Kind::State,
                op: Op::Put,
                quality: Quality::Good,
                received,
                source_time: None,
                content_type: &ContentType::Text,
                payload: payload.as_bytes(),
                key: None,
                cause: None,
                properties: None,
            })
            .collect();
        journal.submit(Lane::Normal, &records)
    }

    /// Places so many records and waits until they are durable.
    fn fill(&self, journal: &dyn Journal, count: usize) -> Result<()> {
        let mut last: VecDeque<Ticket> = VecDeque::new();
        for from in (0..count).step_by(BATCH) {
            last.push_back(self.submit(journal, from, BATCH.min(count - from))?);
            if last.len() > 64
                && let Some(ticket) = last.pop_front()
            {
                block_on(ticket.durable())?;
            }
        }
        last.into_iter()
            .try_for_each(|ticket| block_on(ticket.durable()))?;
        Ok(())
    }

    /// Submits at a steady rate, and notes how long it takes until the index has each batch.
    fn live(
        &self,
        journal: &dyn Journal,
        history: &History,
        load: Load,
    ) -> Result<(Latencies, f64)> {
        let batch = (load.rate / 1_000).clamp(1, BATCH);
        let between = Duration::from_secs_f64(batch as f64 / load.rate.max(1) as f64);
        let mut lags = Latencies::default();
        let mut waiting: VecDeque<(Seq, Instant)> = VecDeque::new();
        let begun = Instant::now();
        let (mut due, mut count) = (begun, 0);
        loop {
            let now = Instant::now();
            let through = history.through(Lane::Normal);
            while let Some((_, since)) = waiting.pop_front_if(|(seq, _)| *seq <= through) {
                lags.add(now - since);
            }
            if now - begun >= load.duration {
                if waiting.is_empty() {
                    return Ok((lags, count as f64 / load.duration.as_secs_f64()));
                }
            } else if now >= due {
                let ticket = self.submit(journal, count, batch)?;
                waiting.push_back((ticket.waits_for(), now));
                (due, count) = (due + between, count + batch);
                continue;
            }
            std::thread::sleep(REST);
        }
    }
}
