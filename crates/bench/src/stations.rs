//! `bench phone-home | burst | idle`: devices against a node in another process.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use spica_fixture::Hub;
use spica_fleet::books;
use spica_fleet::load::{self, BurstFigures, PhoneHomeFigures, Target, Until};
use spica_fleet::{Fleet, Hub as Books, Outcome, Plan, Trouble};

use crate::figures::{Usage, round};

/// What the books say about a load.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Check {
    /// Told durable, but not shown by the node.
    pub lost: u64,
    /// Shown more than once.
    pub duplicated: u64,
}

/// `bench phone-home`.
#[derive(Debug, Clone, Serialize)]
pub struct PhoneHome {
    /// Rates and latencies of whole dialogues.
    #[serde(flatten)]
    pub figures: PhoneHomeFigures,
    /// Processor time of the node per thousand dialogues, seconds.
    pub hub_cpu_s_per_1000: f64,
    /// Resident memory of the node at the end, MiB.
    pub hub_rss_mib: f64,
    /// What the books say.
    #[serde(flatten)]
    pub books: Check,
}

/// `bench burst`.
#[derive(Debug, Clone, Serialize)]
pub struct Burst {
    /// Times until devices were told that their event is durable.
    #[serde(flatten)]
    pub figures: BurstFigures,
    /// Idle connections held meanwhile, counted after the burst.
    pub idle_held: usize,
    /// What the books say.
    #[serde(flatten)]
    pub books: Check,
}

/// `bench idle`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Idle {
    /// Connections that were open when memory was read.
    pub connections: usize,
    /// Resident memory the node took for them, per connection.
    pub rss_bytes_per_connection: f64,
    /// Resident memory of the node before.
    pub rss_bytes_before: u64,
    /// Resident memory of the node with them.
    pub rss_bytes_with: u64,
}

/// `bench hostile`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Hostile {
    /// Events of honest devices, first sending to reception, 99th percentile, ms, alone.
    pub honest_ms_p99_alone: f64,
    /// The same while hostile connections come in.
    pub honest_ms_p99_attacked: f64,
    /// Median alone.
    pub honest_ms_p50_alone: f64,
    /// Median while hostile connections come in.
    pub honest_ms_p50_attacked: f64,
    /// Hostile connections that were made.
    pub attacks: u64,
    /// Those that the station served to their end.
    pub attacks_served: u64,
    /// What the books of both runs say.
    #[serde(flatten)]
    pub books: Check,
}

/// First serial of the devices that only hold a connection.
const IDLE_FIRST: u32 = 5_000_000;

/// Whole dialogues, `at_once` at a time, for `duration`, after a tenth of it as warm-up.
///
/// # Errors
/// If the node goes away, or refuses the devices.
pub async fn phone_home(
    hub: &Hub,
    devices: u32,
    at_once: usize,
    duration: Duration,
) -> Result<PhoneHome> {
    let books = books_of(hub)?;
    let target = target(hub, devices)?;
    books.register(target.serials()).await?;
    let warm_up = Until::Elapsed(duration / 10);
    blocking(move || load::phone_home(&target, at_once, warm_up)).await?;
    let before = Usage::of(hub.pid())?;
    let run =
        blocking(move || load::phone_home(&target, at_once, Until::Elapsed(duration))).await?;
    let after = Usage::of(hub.pid())?;
    let per_dialogue = (after.cpu_s - before.cpu_s) / run.figures.dialogues.max(1) as f64;
    Ok(PhoneHome {
        figures: run.figures,
        hub_cpu_s_per_1000: round(per_dialogue * 1e4) / 10.0,
        hub_rss_mib: round(after.rss_bytes as f64 / 1_048_576.0),
        books: check(&run.outcome, &books).await?,
    })
}

/// All devices at the same moment, while `idle` others hold a connection.
///
/// # Errors
/// If the node goes away, or refuses the devices.
pub async fn burst(hub: &Hub, devices: u32, idle: u32) -> Result<Burst> {
    let books = books_of(hub)?;
    let target = target(hub, devices)?;
    books.register(target.serials()).await?;
    let mut held = match idle {
        0 => None,
        _ => Some(hold(hub, &books, idle).await?),
    };
    let run = blocking(move || load::burst(&target)).await?;
    let idle_held = held.as_mut().map_or(Ok(0), load::Idle::held)?;
    Ok(Burst {
        figures: run.figures,
        idle_held,
        books: check(&run.outcome, &books).await?,
    })
}

/// Memory of the node per idle connection.
///
/// # Errors
/// If the node goes away, or refuses the devices.
pub async fn idle(hub: &Hub, connections: u32) -> Result<Idle> {
    let books = books_of(hub)?;
    // The same devices call once before: what the node knows of a device, and caches and pools, are
    // not the cost of its connection.
    let target = idle_target(hub, connections)?;
    books.register(target.serials()).await?;
    let once = Until::Dialogues(u64::from(connections));
    blocking(move || load::phone_home(&target, 500, once)).await?;
    let before = Usage::of(hub.pid())?;
    let mut held = blocking(move || load::idle(&target)).await?;
    let with = Usage::of(hub.pid())?;
    let connections = held.held()?;
    ensure!(connections > 0, "the node closed all idle connections");
    let grown = with.rss_bytes.saturating_sub(before.rss_bytes);
    Ok(Idle {
        connections,
        rss_bytes_per_connection: round(grown as f64 / connections as f64),
        rss_bytes_before: before.rss_bytes,
        rss_bytes_with: with.rss_bytes,
    })
}

/// Honest devices alone, then among hostile connections: garbage, half frames, probes of other
/// protocols, silence, one byte a second, strangers; `per_visit` of them for each honest visit.
///
/// # Errors
/// If the node goes away, or refuses the devices.
pub async fn hostile(
    hub: &Hub,
    devices: u32,
    per_visit: f64,
    duration: Duration,
) -> Result<Hostile> {
    let books = books_of(hub)?;
    let station = hub
        .addresses()
        .identicom
        .context("the node has no Identicom station")?;
    let plan = Plan {
        endpoints: vec![station.to_string()],
        devices,
        interval: Duration::from_secs(1),
        duration: Some(duration),
        ..Plan::default()
    };
    books.register(plan.serials()).await?;
    let alone = books::compare(&Fleet::run(&plan, &()).await?, &books).await?;
    let trouble = Trouble {
        hostile: per_visit,
        ..plan.trouble
    };
    let plan = Plan { trouble, ..plan };
    let attacked = books::compare(&Fleet::run(&plan, &()).await?, &books).await?;
    Ok(Hostile {
        honest_ms_p99_alone: alone.normal_ms_p99,
        honest_ms_p99_attacked: attacked.normal_ms_p99,
        honest_ms_p50_alone: alone.normal_ms_p50,
        honest_ms_p50_attacked: attacked.normal_ms_p50,
        attacks: attacked.connections.attacks,
        attacks_served: attacked.connections.attacks_served,
        books: Check {
            lost: alone.lost + attacked.lost,
            duplicated: alone.duplicated + attacked.duplicated,
        },
    })
}

async fn hold(hub: &Hub, books: &Books, idle: u32) -> Result<load::Idle> {
    let target = idle_target(hub, idle)?;
    books.register(target.serials()).await?;
    blocking(move || load::idle(&target)).await
}

fn target(hub: &Hub, devices: u32) -> Result<Target> {
    let station = hub
        .addresses()
        .identicom
        .context("the node has no Identicom station")?;
    Ok(Target::new(station, devices))
}

fn idle_target(hub: &Hub, devices: u32) -> Result<Target> {
    Ok(Target {
        first_serial: IDLE_FIRST,
        ..target(hub, devices)?
    })
}

fn books_of(hub: &Hub) -> Result<Books> {
    let base = format!("http://{}", hub.addresses().http);
    Ok(Books::new(&base, Some(&hub.token()?), "root")?)
}

async fn check(outcome: &Outcome, hub: &Books) -> Result<Check> {
    let report = books::compare(outcome, hub).await?;
    Ok(Check {
        lost: report.lost,
        duplicated: report.duplicated,
    })
}

/// The generators drive sockets of their own and block.
#[expect(
    clippy::disallowed_methods,
    reason = "one long blocking run, nothing else to serve"
)]
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await??)
}
