//! Measures the fan-out in process: one publisher, many sessions with the same subscription, no
//! sockets. Prints JSON.
//!
//! `cargo run --release -p spica-live-hub --example fanout -- [sessions] [events per s] [seconds]`

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that fails has nothing to say"
)]
#![expect(clippy::print_stdout, reason = "its result goes to standard output")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use spica_clock::{Clock, SystemClock};
use spica_journal::memory::MemoryJournal;
use spica_journal::{Journal, SharedJournal};
use spica_live_hub::{Encoding, Hub, Opening, SessionFrame, Settings};
use spica_live_proto::{SubId, Subscribe};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Topic, TopicFilter};
use spica_views::Views;

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|it| it.parse::<u64>().unwrap());
    let sessions = args.next().unwrap_or(1_000);
    let rate = args.next().unwrap_or(2_000);
    let seconds = args.next().unwrap_or(5);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(run(sessions, rate, seconds));
}

async fn run(sessions: u64, rate: u64, seconds: u64) {
    let journal = MemoryJournal::new();
    let shared: SharedJournal = journal.clone();
    let directory = tempfile::tempdir().unwrap();
    let clock: Arc<SystemClock> = Arc::new(SystemClock);
    let views = Views::start(
        Arc::clone(&shared),
        Topic::new("n").unwrap(),
        spica_views::Settings::default(),
        &directory.path().join("views"),
        clock.clone(),
    )
    .unwrap();
    let hub = Hub::start(shared, Arc::clone(&views), clock, Settings::default()).unwrap();
    let before = resident();
    let (rows, frames, bytes) = (counter(), counter(), counter());
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..sessions {
        let mut session = hub.open(opening()).unwrap();
        session.say(SessionFrame::Subscribe(Box::new(subscribe())));
        let (frames, bytes) = (Arc::clone(&frames), Arc::clone(&bytes));
        tokio::spawn(async move {
            loop {
                for frame in session.next(usize::MAX).await {
                    frames.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(frame.len() as u64, Ordering::Relaxed);
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let memory = resident().saturating_sub(before);
    let published = counter();
    let publisher = publish(&journal, rate, &stop, &published);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = (hub.delivered(), cpu(), published.load(Ordering::Relaxed));
    let began = SystemClock.monotonic();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let took = SystemClock.monotonic().duration_since(began).as_secs_f64();
    let (delivered, cpu) = (hub.delivered() - start.0, cpu() - start.1);
    let events = published.load(Ordering::Relaxed) - start.2;
    stop.store(true, Ordering::Relaxed);
    publisher.join().unwrap();
    rows.store(delivered, Ordering::Relaxed);
    let report = serde_json::json!({
        "sessions": sessions,
        "events_per_s": events as f64 / took,
        "deliveries_per_s": delivered as f64 / took,
        "cpu_ns_per_delivery": cpu * 1e9 / delivered.max(1) as f64,
        "cores": cpu / took,
        "frames": frames.load(Ordering::Relaxed),
        "bytes": bytes.load(Ordering::Relaxed),
        "memory_per_session": memory / sessions.max(1),
    });
    println!("{report:#}");
    hub.stop();
    views.stop();
}

fn counter() -> Arc<AtomicU64> {
    Arc::default()
}

fn opening() -> Opening {
    Opening {
        encoding: Encoding::Json,
        hidden: None,
        credit: None,
        bytes_per_s: 0,
    }
}

fn subscribe() -> Subscribe {
    Subscribe::new(SubId(1), TopicFilter::new("bench/#").unwrap())
}

/// Events of 128 bytes, so many a second, a millisecond's worth at once.
fn publish(
    journal: &Arc<MemoryJournal>,
    rate: u64,
    stop: &Arc<AtomicBool>,
    published: &Arc<AtomicU64>,
) -> std::thread::JoinHandle<()> {
    let (journal, stop) = (Arc::clone(journal), Arc::clone(stop));
    let published = Arc::clone(published);
    std::thread::spawn(move || {
        let topic = Topic::new("bench/events").unwrap();
        let payload = serde_json::to_vec(&"x".repeat(126)).unwrap();
        let began = SystemClock.monotonic();
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            let due =
                SystemClock.monotonic().duration_since(began).as_micros() as u64 * rate / 1_000_000;
            let record = NewRecord {
                topic: &topic,
                kind: Kind::Event,
                op: Op::Put,
                quality: Quality::Good,
                received: SystemClock.wall(),
                source_time: None,
                content_type: &ContentType::Json,
                payload: &payload,
                key: None,
                cause: None,
                properties: None,
            };
            let records = vec![record; usize::try_from(due - sent).unwrap()];
            if !records.is_empty() {
                journal.submit(Lane::Normal, &records).unwrap();
            }
            sent = due;
            published.store(sent, Ordering::Relaxed);
            std::thread::park_timeout(Duration::from_millis(1));
        }
    })
}

/// Seconds of processor time of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// Bytes of memory that this process holds.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 4_096
}
