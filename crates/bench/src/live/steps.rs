//! A crowd that listens while records come faster and faster.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::crowd::{Sessions, settle};
use super::publisher::{Publisher, Stream};
use super::target::Target;
use super::{DRAIN, Options, Report, Step};
use crate::figures::{Usage, round};

/// A step is beyond saturation when fewer than this share of what was offered came in its time.
const ENOUGH: f64 = 0.95;
/// `state` topics of a conflated stream.
const TOPICS: u64 = 50;
/// Clients that join at once, and how long until the next ones do, in a ramp.
const JOIN: usize = 750;
const JOIN_EVERY: Duration = Duration::from_secs(5);
/// Records per second of a ramp: each client is to get each of them.
const RAMP_RATE: f64 = 100.0;

/// Each record to each session.
///
/// # Errors
/// If the node does not start or does not let all in.
pub async fn message(dir: &Path, options: &Options) -> Result<Report> {
    steps(&Target::spica(dir)?, options, 0).await
}

/// The latest of each topic to each session.
///
/// # Errors
/// As [`message`].
pub async fn conflated(dir: &Path, options: &Options) -> Result<Report> {
    // In a delta the time of a value cannot be read without the value before.
    steps(&Target::spica_with(dir, false)?, options, TOPICS).await
}

/// As [`message`], with a NATS server in place of the node: it keeps nothing.
///
/// # Errors
/// As [`message`], and if there is no `nats-server`.
pub async fn beside_nats(dir: &Path, options: &Options) -> Result<Report> {
    steps(&Target::nats(dir).await?, options, 0).await
}

async fn steps(target: &Target, options: &Options, topics: u64) -> Result<Report> {
    let crowd = &target.crowd;
    let before = target.usage()?.rss_bytes;
    let sessions = Sessions::open(crowd, options.sessions).await?;
    let grown = target.usage()?.rss_bytes.saturating_sub(before);
    let mut publisher = Publisher::connect(crowd, target.publish).await?;
    let mut report = Report::empty(grown as f64 / options.sessions as f64);
    // What is made once, is made before it is measured.
    let warm_up = Stream {
        rate: 50.0,
        size: options.size,
        topics,
    };
    step(
        target,
        &mut publisher,
        warm_up,
        options.sessions,
        Duration::from_secs(1),
    )
    .await?;
    for &rate in &options.rates {
        let stream = Stream { rate, ..warm_up };
        let step = step(
            target,
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
    let target = Target::spica(dir)?;
    let crowd = &target.crowd;
    let before = target.usage()?.rss_bytes;
    let mut publisher = Publisher::connect(crowd, target.publish).await?;
    let mut report = Report::empty(0.0);
    let stream = Stream {
        rate: RAMP_RATE,
        size: options.size,
        topics: 0,
    };
    let mut sessions = Vec::new();
    let mut open = 0;
    while open < options.sessions {
        sessions.push(Sessions::open(crowd, JOIN).await?);
        open += JOIN;
        let step = step(&target, &mut publisher, stream, open, JOIN_EVERY).await?;
        let enough = step.delivered_msgs_per_s >= ENOUGH * RAMP_RATE * open as f64;
        report.add(step, enough);
        if !enough {
            break;
        }
        report.saturation_clients = Some(open);
    }
    let grown = target.usage()?.rss_bytes.saturating_sub(before);
    report.rss_bytes_per_session = round(grown as f64 / open as f64);
    Ok(report)
}

async fn step(
    target: &Target,
    publisher: &mut Publisher,
    stream: Stream,
    sessions: usize,
    lasts: Duration,
) -> Result<Step> {
    let meter = &target.crowd.meter;
    let all = [&meter.rows, &meter.frames, &meter.missed, &meter.cut];
    let counts = || all.map(|count| count.load(Ordering::Relaxed));
    let usage = || anyhow::Ok((target.usage()?, Usage::own()));
    let _: [f64; 1] = meter.ages_ms([0.5]);
    let (before, cpu) = (counts(), usage()?);
    let begun = Instant::now();
    let published = publisher.run(stream, lasts).await?;
    let took = begun.elapsed().as_secs_f64();
    let in_time = meter.rows.load(Ordering::Relaxed) - before[0];
    let wanted = before[0] + published * sessions as u64;
    if stream.topics == 0 {
        settle(|| counts()[0] + counts()[2] >= wanted, DRAIN).await;
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
