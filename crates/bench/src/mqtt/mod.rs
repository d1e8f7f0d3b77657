//! `bench mqtt`: one generator, pointed at a node and at other MQTT servers, in one run.
//!
//! It speaks MQTT 3.1.1, which all of them do. Its packets are made beforehand, it reads no more than
//! their heads, and runs on one thread, so that the servers have the rest of the machine.
//! Each measurement has a server that was started for it.

mod cycles;
mod fan_out;
mod histogram;
mod idle;
mod peers;
mod qos1;
mod restart;
mod target;
mod wire;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use self::target::Running;
pub use self::target::Target;
use crate::figures::{Usage, round};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Publishes of QoS 1: 64 connections, 16 in flight on each.
    Qos1,
    /// Publishes of QoS 1: 1,024 connections, one in flight on each.
    Qos1Wide,
    /// Connect, publish with QoS 1, disconnect.
    Cycles,
    /// One publishes with QoS 0, many subscribe.
    FanOut,
    /// Connections that are opened and do nothing.
    Idle,
    /// Sessions that stay, each with messages, after the server was killed; of nodes only.
    Restart,
}

/// How much of what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who is measured. Those that are not installed are left out, and named.
    pub targets: Vec<Target>,
    /// What is measured.
    pub modes: Vec<Mode>,
    /// Payload bytes.
    pub size: usize,
    /// How long a measurement, or a step of one, lasts.
    pub duration: Duration,
    /// Subscribers of the fan-out.
    pub subscribers: usize,
    /// Idle connections.
    pub connections: usize,
    /// Sessions that stay.
    pub sessions: usize,
    /// Messages that wait for each.
    pub queued: usize,
}

/// What is known of a server; what was not measured is left out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// By name: the unit comes last in it.
    #[serde(flatten)]
    pub values: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fanout_steps: Vec<fan_out::Step>,
}

/// `bench mqtt`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Figures of each server.
    pub servers: BTreeMap<String, Figures>,
    /// Figures of the first server, divided by those of each other one.
    pub ratios: BTreeMap<String, BTreeMap<&'static str, f64>>,
    /// Servers that are not installed.
    pub missing: Vec<String>,
}

/// Measures, one mode after the other, each of all servers.
///
/// # Errors
/// If a server does not start, or does not do what is measured.
pub fn run(dir: &Path, options: &Options) -> Result<Report> {
    let (there, missing): (Vec<_>, Vec<_>) =
        options.targets.iter().partition(|target| target.is_there());
    let mut servers: BTreeMap<String, Figures> = BTreeMap::new();
    for mode in &options.modes {
        for target in &there {
            if *mode == Mode::Restart && **target != Target::Spica {
                continue;
            }
            let name = target.name();
            let own = tempfile::tempdir_in(dir)?;
            let figures = servers.entry(name.clone()).or_default();
            let measured = target
                .start(own.path())
                .and_then(|server| measure(*mode, server, options, figures));
            measured.with_context(|| format!("{mode:?} of {name}"))?;
        }
    }
    let first = there
        .first()
        .map(|target| target.name())
        .unwrap_or_default();
    Ok(Report {
        ratios: ratios(&first, &servers),
        servers,
        missing: missing.into_iter().map(Target::name).collect(),
    })
}

fn ratios(
    first: &str,
    servers: &BTreeMap<String, Figures>,
) -> BTreeMap<String, BTreeMap<&'static str, f64>> {
    let Some(own) = servers.get(first) else {
        return BTreeMap::new();
    };
    let others = servers.iter().filter(|(name, _)| *name != first);
    let of = |(name, other): (&String, &Figures)| {
        let both = own.values.iter().filter_map(|(key, value)| {
            let other = other.values.get(key).filter(|value| **value != 0.0)?;
            Some((*key, (value / other * 100.0).round() / 100.0))
        });
        (name.clone(), both.collect())
    };
    others.map(of).collect()
}

fn measure(mode: Mode, server: Running, options: &Options, figures: &mut Figures) -> Result<()> {
    match mode {
        Mode::Qos1 => publishes(&server, options, figures, 64, 16),
        Mode::Qos1Wide => publishes(&server, options, figures, 1_024, 1),
        Mode::Cycles => {
            let per_s = cycles::run(server.address, options.size, options.duration)?;
            figures.values.insert("cycles_per_s", per_s);
            Ok(())
        }
        Mode::FanOut => fan_out(&server, options, figures),
        Mode::Idle => idle(&server, options, figures),
        Mode::Restart => restart(server, options, figures),
    }
}

fn publishes(
    server: &Running,
    options: &Options,
    figures: &mut Figures,
    connections: usize,
    in_flight: u16,
) -> Result<()> {
    let load = qos1::Load {
        connections,
        in_flight,
        size: options.size,
        duration: options.duration,
    };
    let (before, own) = (server.usage(), Usage::own());
    let done = qos1::run(server.address, load)?;
    let all = done.acked as f64 / 1e6;
    let cpu = |before: Usage, after: Usage| round((after.cpu_s - before.cpu_s) / all);
    let wide = in_flight == 1;
    let name = |narrow, of_wide| if wide { of_wide } else { narrow };
    let mut put = |key, value| figures.values.insert(key, value);
    put(
        name("qos1_msgs_per_s", "qos1_wide_msgs_per_s"),
        done.msgs_per_s,
    );
    put(
        name("qos1_ack_us_p50", "qos1_wide_ack_us_p50"),
        done.ack_us_p50,
    );
    put(
        name("qos1_ack_us_p99", "qos1_wide_ack_us_p99"),
        done.ack_us_p99,
    );
    if let (Some(before), Some(after)) = (before, server.usage()) {
        let key = name("qos1_cpu_s_per_million", "qos1_wide_cpu_s_per_million");
        put(key, cpu(before, after));
    }
    put(
        name(
            "qos1_generator_cpu_s_per_million",
            "qos1_wide_generator_cpu_s_per_million",
        ),
        cpu(own, Usage::own()),
    );
    Ok(())
}

fn fan_out(server: &Running, options: &Options, figures: &mut Figures) -> Result<()> {
    let Options {
        subscribers,
        size,
        duration,
        ..
    } = options;
    let before = server.usage();
    let steps = fan_out::run(server.address, *subscribers, *size, *duration)?;
    let best = steps
        .iter()
        .map(|step| step.delivered_per_s)
        .fold(0.0, f64::max);
    let Some(slow) = steps.first() else {
        bail!("no step was measured");
    };
    figures.values.insert("fanout_msgs_per_s", best);
    figures.values.insert("fanout_ms_p99", slow.ms_p99);
    let offered = fan_out::LATENCY_RATE * *subscribers as f64;
    figures
        .values
        .insert("fanout_latency_at_msgs_per_s", offered);
    if let (Some(before), Some(after)) = (before, server.usage()) {
        figures
            .values
            .insert("fanout_cpu_s", round(after.cpu_s - before.cpu_s));
    }
    figures.fanout_steps = steps;
    Ok(())
}

/// Connections before memory is looked at, so that what a server makes once is there.
const WARM_UP: usize = 200;
/// How long a server may tidy up before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(2);

fn idle(server: &Running, options: &Options, figures: &mut Figures) -> Result<()> {
    let (warm, _) = idle::open(server.address, WARM_UP, "warm")?;
    settle();
    let before = server.usage();
    let (peers, per_s) = idle::open(server.address, options.connections, "idle")?;
    settle();
    figures.values.insert("accept_per_s", per_s);
    if let (Some(before), Some(after)) = (before, server.usage()) {
        let more = after.rss_bytes.saturating_sub(before.rss_bytes) as f64;
        let each = (more / options.connections as f64).round();
        figures.values.insert("rss_bytes_per_connection", each);
    }
    drop((warm, peers));
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when a foreign process is idle"
)]
fn settle() {
    std::thread::sleep(SETTLE);
}

fn restart(server: Running, options: &Options, figures: &mut Figures) -> Result<()> {
    restart::prepare(server.address, options.sessions, options.queued)?;
    let (server, listening) = server.restart()?;
    let began = Instant::now();
    restart::come_back(server.address, options.sessions)?;
    let serving = listening + began.elapsed();
    let mut put = |key, value: Duration| {
        let seconds = (value.as_secs_f64() * 1_000.0).round() / 1_000.0;
        figures.values.insert(key, seconds);
    };
    put("restart_listening_s", listening);
    put("restart_serving_s", serving);
    Ok(())
}
