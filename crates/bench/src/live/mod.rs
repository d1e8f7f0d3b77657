//! `bench live`: one publisher, many live sessions over WebSocket, a node in another process.
//!
//! Ages count from the moment at which a record was due to be published, so what waits in front of
//! the node is part of them. The publisher, the sessions and the node share this machine.

mod crowd;
mod meter;
mod publisher;
mod socket;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use spica_fixture::{Hub, Launch};
use spica_live_proto::{Deliver, Kinds, LimitChange, SubId, Subscribe};

use self::crowd::Sessions;
use self::publisher::{Publisher, Stream};
use self::socket::Crowd;
use crate::figures::{Latencies, Usage, round};

/// How long records that were published may still come.
const DRAIN: Duration = Duration::from_secs(20);
/// A step is beyond saturation when fewer than this share of what was offered came in its time.
const ENOUGH: f64 = 0.95;
/// `state` topics of a conflated stream.
const TOPICS: u64 = 50;
/// Clients that join at once, and how long until the next ones do, in a ramp.
const JOIN: usize = 750;
const JOIN_EVERY: Duration = Duration::from_secs(5);
/// Records per second of a ramp: each client is to get each of them.
const RAMP_RATE: f64 = 100.0;

/// How much of what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sessions.
    pub sessions: usize,
    /// Payload bytes.
    pub size: usize,
    /// Records per second, one step after the other; they end with the one that is too much.
    pub rates: Vec<f64>,
    /// How long a step lasts.
    pub step: Duration,
}

/// One rate.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Step {
    /// Records published per second, as the node took them.
    pub published_per_s: f64,
    /// Sessions.
    pub sessions: usize,
    /// Rows that sessions got per second.
    pub delivered_msgs_per_s: f64,
    /// Age of a row at its session, median.
    pub latency_ms_p50: f64,
    /// 99th percentile.
    pub latency_ms_p99: f64,
    /// Rows of a frame, mean.
    pub rows_per_frame: f64,
    /// Processor time of the node per million rows, seconds.
    pub hub_cpu_s_per_million: f64,
    /// The same with the generator's.
    pub cpu_s_per_million: f64,
    /// Records that gaps named, over all sessions.
    pub missed: u64,
    /// Sessions that were cut.
    pub disconnected: u64,
    /// Resident memory of the node, MiB.
    pub hub_rss_mib: f64,
}

/// `bench live --mode message | conflated | ramp`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The most that was delivered in a step.
    pub delivered_msgs_per_s: f64,
    /// Of the last step before saturation.
    pub latency_ms_p50: f64,
    /// The same.
    pub latency_ms_p99: f64,
    /// Age of what came in the last step: what people see when there is too much.
    pub staleness_ms_p99: f64,
    /// The most clients that all got what was offered; ramp only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturation_clients: Option<usize>,
    /// Sessions that were cut.
    pub disconnected: u64,
    /// Resident memory of the node per session when all were open and idle.
    pub rss_bytes_per_session: f64,
    /// Each step.
    pub steps: Vec<Step>,
}

/// `bench live --mode idle`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Idle {
    /// Sessions that were open.
    pub sessions: usize,
    /// Resident memory of the node per session.
    pub rss_bytes_per_session: f64,
    /// How long it took until all had subscribed and were complete, seconds.
    pub opened_s: f64,
}

/// `bench live --mode resume`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Resume {
    /// Sessions that came back.
    pub sessions: usize,
    /// Those that went on exactly where they were.
    pub precise: u64,
    /// From the start of the new process until all were complete, seconds.
    pub resumed_s: f64,
    /// The same from the moment at which it served.
    pub serving_to_resumed_s: f64,
    /// Records that were published while nobody listened; each session is to get each of them.
    pub published_meanwhile: u64,
    /// Rows that are missing, over all sessions.
    pub missing: i64,
}

/// `bench live --mode ping-pong`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PingPong {
    /// Payload bytes.
    pub size: usize,
    /// From publishing to reception by the same client, durable in between, median, µs.
    pub round_trip_us_p50: f64,
    /// 99th percentile, µs.
    pub round_trip_us_p99: f64,
}

/// `bench live --mode deltas`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Deltas {
    /// Bytes of a value.
    pub document_bytes: usize,
    /// Values that were sent.
    pub updates: u64,
    /// Bytes of frames with the changes only.
    pub bytes_sent: u64,
    /// Bytes of frames with whole values.
    pub bytes_full: u64,
    /// How many times fewer bytes.
    pub bytes_saved_ratio: f64,
}

/// Each record to each session.
///
/// # Errors
/// If the node does not start or does not let all in.
pub async fn message(dir: &Path, options: &Options) -> Result<Report> {
    steps(dir, options, 0).await
}

/// The latest of each topic to each session.
///
/// # Errors
/// As [`message`].
pub async fn conflated(dir: &Path, options: &Options) -> Result<Report> {
    steps(dir, options, TOPICS).await
}

async fn steps(dir: &Path, options: &Options, topics: u64) -> Result<Report> {
    let hub = serve(dir)?;
    let crowd = crowd(&hub)?;
    let before = Usage::of(hub.pid())?.rss_bytes;
    let sessions = Sessions::open(&crowd, options.sessions).await?;
    let grown = Usage::of(hub.pid())?.rss_bytes.saturating_sub(before);
    let mut publisher = Publisher::connect(hub.addresses().http, &crowd.token, crowd.began).await?;
    let mut report = Report::empty(grown as f64 / options.sessions as f64);
    // What is made once, is made before it is measured.
    let warm_up = Stream {
        rate: 50.0,
        size: options.size,
        topics,
    };
    step(
        &hub,
        &crowd,
        &mut publisher,
        warm_up,
        options.sessions,
        Duration::from_secs(1),
    )
    .await?;
    for &rate in &options.rates {
        let stream = Stream { rate, ..warm_up };
        let step = step(
            &hub,
            &crowd,
            &mut publisher,
            stream,
            options.sessions,
            options.step,
        )
        .await?;
        // A conflated stream is meant to give less than what is offered.
        let enough =
            topics > 0 || step.delivered_msgs_per_s >= ENOUGH * rate * options.sessions as f64;
        report.add(step, enough);
        if !enough {
            break;
        }
    }
    drop(sessions);
    Ok(report)
}

/// 750 clients more every five seconds, 100 records a second to each of them.
///
/// # Errors
/// As [`message`].
pub async fn ramp(dir: &Path, options: &Options) -> Result<Report> {
    let hub = serve(dir)?;
    let crowd = crowd(&hub)?;
    let before = Usage::of(hub.pid())?.rss_bytes;
    let mut publisher = Publisher::connect(hub.addresses().http, &crowd.token, crowd.began).await?;
    let mut report = Report::empty(0.0);
    let stream = Stream {
        rate: RAMP_RATE,
        size: options.size,
        topics: 0,
    };
    let mut sessions = Vec::new();
    let mut open = 0;
    while open < options.sessions {
        sessions.push(Sessions::open(&crowd, JOIN).await?);
        open += JOIN;
        let step = step(&hub, &crowd, &mut publisher, stream, open, JOIN_EVERY).await?;
        let enough = step.delivered_msgs_per_s >= ENOUGH * RAMP_RATE * open as f64;
        report.add(step, enough);
        if !enough {
            break;
        }
        report.saturation_clients = Some(open);
    }
    let grown = Usage::of(hub.pid())?.rss_bytes.saturating_sub(before);
    report.rss_bytes_per_session = round(grown as f64 / open as f64);
    Ok(report)
}

async fn step(
    hub: &Hub,
    crowd: &Arc<Crowd>,
    publisher: &mut Publisher,
    stream: Stream,
    sessions: usize,
    lasts: Duration,
) -> Result<Step> {
    let meter = &crowd.meter;
    let all = [&meter.rows, &meter.frames, &meter.missed, &meter.cut];
    let counts = || all.map(|count| count.load(Ordering::Relaxed));
    let usage = || anyhow::Ok((Usage::of(hub.pid())?, Usage::own()));
    let _: [f64; 1] = meter.ages_ms([0.5]);
    let (before, cpu) = (counts(), usage()?);
    let begun = Instant::now();
    let published = publisher.run(stream, lasts).await?;
    let took = begun.elapsed().as_secs_f64();
    let in_time = meter.rows.load(Ordering::Relaxed) - before[0];
    let wanted = before[0] + published * sessions as u64;
    if stream.topics == 0 {
        crowd::settle(|| counts()[0] + counts()[2] >= wanted, DRAIN).await;
    } else {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (after, used) = (counts(), usage()?);
    let rows = (after[0] - before[0]).max(1) as f64;
    let hub_cpu = used.0.cpu_s - cpu.0.cpu_s;
    let [p50, p99] = meter.ages_ms([0.5, 0.99]);
    Ok(Step {
        published_per_s: round(published as f64 / took),
        sessions,
        delivered_msgs_per_s: round(in_time as f64 / took),
        latency_ms_p50: p50,
        latency_ms_p99: p99,
        rows_per_frame: round(rows / (after[1] - before[1]).max(1) as f64),
        hub_cpu_s_per_million: round(hub_cpu * 1e7 / rows) / 10.0,
        cpu_s_per_million: round((hub_cpu + used.1.cpu_s - cpu.1.cpu_s) * 1e7 / rows) / 10.0,
        missed: after[2] - before[2],
        disconnected: after[3] - before[3],
        hub_rss_mib: round(used.0.rss_bytes as f64 / 1_048_576.0),
    })
}

impl Report {
    const fn empty(rss_bytes_per_session: f64) -> Self {
        Self {
            delivered_msgs_per_s: 0.0,
            latency_ms_p50: 0.0,
            latency_ms_p99: 0.0,
            staleness_ms_p99: 0.0,
            saturation_clients: None,
            disconnected: 0,
            rss_bytes_per_session,
            steps: Vec::new(),
        }
    }

    fn add(&mut self, step: Step, enough: bool) {
        self.delivered_msgs_per_s = self.delivered_msgs_per_s.max(step.delivered_msgs_per_s);
        self.staleness_ms_p99 = step.latency_ms_p99;
        self.disconnected += step.disconnected;
        if enough {
            (self.latency_ms_p50, self.latency_ms_p99) = (step.latency_ms_p50, step.latency_ms_p99);
        }
        self.steps.push(step);
    }
}

/// Memory of sessions that have subscribed and get nothing.
///
/// # Errors
/// As [`message`].
pub async fn idle(dir: &Path, sessions: usize) -> Result<Idle> {
    let hub = serve(dir)?;
    let crowd = crowd(&hub)?;
    let before = Usage::of(hub.pid())?.rss_bytes;
    let begun = Instant::now();
    let open = Sessions::open(&crowd, sessions).await?;
    let opened_s = begun.elapsed().as_secs_f64();
    let grown = Usage::of(hub.pid())?.rss_bytes.saturating_sub(before);
    let cut = crowd.meter.cut.load(Ordering::Relaxed);
    ensure!(cut == 0, "{cut} sessions were cut");
    drop(open);
    Ok(Idle {
        sessions,
        rss_bytes_per_session: round(grown as f64 / sessions as f64),
        opened_s: round(opened_s * 10.0) / 10.0,
    })
}

/// All sessions come back after the node was killed and started again.
///
/// # Errors
/// As [`message`].
pub async fn resume(dir: &Path, options: &Options) -> Result<Resume> {
    let hub = serve(dir)?;
    let before = crowd(&hub)?;
    let sessions = Sessions::open(&before, options.sessions).await?;
    let stream = Stream {
        rate: 100.0,
        size: options.size,
        topics: 0,
    };
    let mut publisher =
        Publisher::connect(hub.addresses().http, &before.token, before.began).await?;
    let published = publisher.run(stream, Duration::from_secs(1)).await?;
    let wanted = published * options.sessions as u64;
    crowd::settle(
        || before.meter.rows.load(Ordering::Relaxed) >= wanted,
        DRAIN,
    )
    .await;
    let places = sessions.places().await;
    let published_meanwhile = publisher.run(stream, Duration::from_secs(1)).await?;
    let (launch, begun) = (hub.kill()?, Instant::now());
    let hub = launch.start()?;
    let serving = Instant::now();
    let after = crowd(&hub)?;
    let sessions = Sessions::come_back(&after, places).await?;
    let (done, meter) = (Instant::now(), &after.meter);
    let wanted = published_meanwhile * options.sessions as u64;
    crowd::settle(|| meter.rows.load(Ordering::Relaxed) >= wanted, DRAIN).await;
    drop(sessions);
    Ok(Resume {
        sessions: options.sessions,
        precise: meter.resumed.load(Ordering::Relaxed),
        resumed_s: done.duration_since(begun).as_secs_f64(),
        serving_to_resumed_s: done.duration_since(serving).as_secs_f64(),
        published_meanwhile,
        missing: wanted as i64 - meter.rows.load(Ordering::Relaxed) as i64,
    })
}

/// One client that publishes and waits for what it has published, again and again.
///
/// # Errors
/// As [`message`].
pub async fn ping_pong(dir: &Path, options: &Options) -> Result<PingPong> {
    let hub = serve(dir)?;
    let crowd = crowd(&hub)?;
    let sessions = Sessions::open(&crowd, 1).await?;
    let mut publisher = Publisher::connect(hub.addresses().http, &crowd.token, crowd.began).await?;
    let stream = Stream {
        rate: 1.0,
        size: options.size,
        topics: 0,
    };
    let (mut latencies, mut rows) = (Latencies::default(), 0);
    let end = Instant::now() + options.step;
    while Instant::now() < end {
        let begun = Instant::now();
        publisher.one(stream).await?;
        rows += 1;
        while crowd.meter.rows.load(Ordering::Relaxed) < rows {
            ensure!(begun.elapsed() < DRAIN, "what was published did not come");
            tokio::task::yield_now().await;
        }
        latencies.add(begun.elapsed());
    }
    drop(sessions);
    let [p50, p99] = latencies.micros([0.5, 0.99]);
    Ok(PingPong {
        size: options.size,
        round_trip_us_p50: p50,
        round_trip_us_p99: p99,
    })
}

/// A document of which one field changes, to one session with deltas and to one without.
///
/// # Errors
/// As [`message`].
pub async fn deltas(dir: &Path, bytes: usize, updates: u64) -> Result<Deltas> {
    let hub = serve(dir)?;
    let client = hub.client()?;
    let mut sent = [0; 2];
    let crowds = [crowd_with(&hub, true)?, crowd_with(&hub, false)?];
    let mut open = Vec::new();
    for crowd in &crowds {
        open.push(Sessions::open(crowd, 1).await?);
    }
    let mut document = serde_json::Map::new();
    for field in 0..bytes.div_ceil(32) {
        document.insert(
            format!("measurement_{field:04}"),
            format!("{field:012}").into(),
        );
    }
    let mut size = 0;
    for update in 0..updates {
        document.insert("measurement_0007".into(), format!("{update:012}").into());
        let value = serde_json::Value::Object(document.clone());
        size = serde_json::to_vec(&value)?.len();
        let body = serde_json::json!([{ "topic": "root/bench/document", "value": value }]);
        client
            .write(reqwest::Method::POST, "/v1/records", &body)
            .await?;
        let come = || {
            crowds
                .iter()
                .all(|crowd| crowd.meter.rows.load(Ordering::Relaxed) > update)
        };
        crowd::settle(come, DRAIN).await;
        ensure!(come(), "update {update} did not come");
        if update == 0 {
            sent = crowds
                .each_ref()
                .map(|crowd| crowd.meter.bytes.load(Ordering::Relaxed));
        }
    }
    let bytes = |at: usize| crowds[at].meter.bytes.load(Ordering::Relaxed) - sent[at];
    let (bytes_sent, bytes_full) = (bytes(0), bytes(1));
    Ok(Deltas {
        document_bytes: size,
        updates: updates - 1,
        bytes_sent,
        bytes_full,
        bytes_saved_ratio: round(bytes_full as f64 / bytes_sent as f64),
    })
}

fn serve(dir: &Path) -> Result<Hub> {
    let binary = std::env::current_exe().context("cannot find this program")?;
    Launch::new(binary, dir)
        .config("log.level = \"error\"")
        .config("http.max_connections = 15000")
        .config("http.trusted = [\"127.0.0.0/8\"]")
        .config("live.max_sessions = 12000")
        .start()
}

fn crowd(hub: &Hub) -> Result<Arc<Crowd>> {
    crowd_with(hub, true)
}

fn crowd_with(hub: &Hub, delta: bool) -> Result<Arc<Crowd>> {
    let subscribe = Subscribe {
        sub: SubId(1),
        filter: "root/bench/#".parse()?,
        kinds: Kinds::All,
        deliver: Deliver::Auto,
        recovery: None,
        after: None,
        snapshot: false,
        delta,
        window: None,
        merge_patch: false,
        limits: LimitChange::default(),
        max_queue: None,
    };
    Ok(Crowd::new(hub.addresses().http, hub.token()?, subscribe))
}
