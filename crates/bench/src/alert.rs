//! `bench alert`: from a man-down on the wire to the first message leaving.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;
use spica_fixture::{Badge, Hook, Hub, Launch};
use spica_fleet::Hub as Books;
use spica_fleet::event::Event;
use spica_fleet::load::{self, Target};

use crate::figures::{Latencies, round};

/// First serial of the devices that are measured.
const FIRST: u32 = 7_000_000;
/// Pause between two alarms that are measured.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a message may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the fleet bursts while alarms are measured.
const BURSTS: usize = 3;

/// `bench alert`. Times count from the moment just before the device writes its log page to the
/// socket, to the moment at which the webhook receiver, in this process, has read the message.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Alert {
    /// Median, nothing else going on, milliseconds.
    pub event_to_notify_ms_p50: f64,
    /// 99th percentile of the same.
    pub event_to_notify_ms_p99: f64,
    /// Median while the fleet bursts and the handler history is paused.
    pub loaded_p50: f64,
    /// 99th percentile of the same.
    pub loaded_p99: f64,
    /// Alarms that were measured, idle and loaded.
    pub alarms: [usize; 2],
    /// Devices of each burst.
    pub burst_devices: u32,
    /// Emergencies of all of which a message came; the benchmark fails if one has none.
    pub notified: usize,
}

/// Measures `rounds` alarms alone, then as many as come up while `devices` burst again and again.
///
/// # Errors
/// If the node does not start, or an emergency has no message.
pub async fn alert(dir: &Path, rounds: u32, devices: u32) -> Result<Alert> {
    let hook = Hook::start().await?;
    let plans = dir.join("alarms.toml");
    // Nobody acknowledges: a second step would only be noise.
    std::fs::write(&plans, hook.plan_file(&["duty"], Duration::ZERO))?;
    let hub = start(dir, &plans)?;
    let station = hub.addresses().identicom.context("no Identicom station")?;
    let books = Books::new(
        &format!("http://{}", hub.addresses().http),
        Some(&hub.token()?),
        "root",
    )?;
    let serials = spica_fleet::serials(FIRST, rounds.max(10_000));
    books.register(serials).await?;
    let mut badges: Vec<Badge> = spica_fleet::serials(FIRST, rounds)
        .map(|serial| Badge::new(&serial, 1))
        .collect();
    let idle = measure(&hook, station, &mut badges, &AtomicBool::new(false)).await?;
    let target = Target::new(station, devices);
    books.register(target.serials()).await?;
    pause_history(&hub).await?;
    let (loaded, alarms) = loaded(&hook, station, target).await?;
    let ([p50, p99], [loaded_p50, loaded_p99]) = (ms(idle.clone()), ms(loaded.clone()));
    Ok(Alert {
        event_to_notify_ms_p50: p50,
        event_to_notify_ms_p99: p99,
        loaded_p50,
        loaded_p99,
        alarms: [idle.count(), loaded.count()],
        burst_devices: devices,
        notified: alarms,
    })
}

fn start(dir: &Path, plans: &Path) -> Result<Hub> {
    let binary = std::env::current_exe().context("cannot find this program")?;
    Launch::new(binary, dir)
        .config("log.level = \"error\"")
        .config("identicom.timeouts.idle = \"10min\"\nidenticom.timeouts.session = \"30min\"")
        .config("identicom.admission.trusted = [\"127.0.0.0/8\"]")
        .config(&format!("alarms.plans = {:?}", plans.display().to_string()))
        .start()
}

/// What the alerts must not wait for is not even running.
async fn pause_history(hub: &Hub) -> Result<()> {
    let body = json!({ "do": "pause", "why": "benchmark" });
    hub.client()?
        .write(reqwest::Method::POST, "/v1/handlers/history", &body)
        .await?;
    Ok(())
}

/// Lets each badge raise an alarm, one after the other, until all are through or `stop` says so.
async fn measure(
    hook: &Hook,
    station: std::net::SocketAddr,
    badges: &mut [Badge],
    stop: &AtomicBool,
) -> Result<Latencies> {
    let mut sent: Vec<(String, Instant)> = Vec::new();
    for badge in badges {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        badge.note(Event::MAN_DOWN);
        let left = tokio::task::block_in_place(|| badge.call(station))?;
        sent.push((badge.serial().to_owned(), left));
        tokio::time::sleep(PAUSE).await;
    }
    let all_there = |messages: &[spica_fixture::Message]| {
        sent.iter()
            .all(|(serial, _)| messages.iter().any(|message| message.serial() == serial))
    };
    hook.until(PATIENCE, all_there).await?;
    let mut latencies = Latencies::default();
    let messages = hook.messages();
    for (serial, left) in &sent {
        let first = messages.iter().find(|message| message.serial() == serial);
        let first = first.context("a message that was there is gone")?;
        latencies.add(first.at.saturating_duration_since(*left));
    }
    Ok(latencies)
}

/// The same while the fleet bursts; also how many emergencies there were in all.
async fn loaded(
    hook: &Hook,
    station: std::net::SocketAddr,
    target: Target,
) -> Result<(Latencies, usize)> {
    let done = Arc::new(AtomicBool::new(false));
    let bursting = Arc::clone(&done);
    let bursts = std::thread::spawn(move || -> std::io::Result<u64> {
        let mut durable = 0;
        for _ in 0..BURSTS {
            durable += load::burst(&target)?.figures.durable;
        }
        bursting.store(true, Ordering::Relaxed);
        Ok(durable)
    });
    let mut badges: Vec<Badge> = spica_fleet::serials(FIRST + 5_000, 5_000)
        .map(|serial| Badge::new(&serial, 1))
        .collect();
    let latencies = measure(hook, station, &mut badges, &done).await?;
    let durable = bursts
        .join()
        .map_err(|_| anyhow::anyhow!("the burst has panicked"))??;
    ensure!(
        durable == u64::from(target.devices) * BURSTS as u64,
        "the fleet was told of {durable} events only"
    );
    // One device in a hundred has an alarm; further ones of the same device are repeats of its case.
    let of_fleet = target.devices as usize / 100;
    let is_of_fleet = |serial: &str| serial.parse::<u32>().is_ok_and(|n| n < FIRST);
    let enough = |messages: &[spica_fixture::Message]| {
        let serials: std::collections::BTreeSet<&str> = messages
            .iter()
            .map(spica_fixture::Message::serial)
            .collect();
        serials.iter().filter(|serial| is_of_fleet(serial)).count() == of_fleet
    };
    hook.until(PATIENCE, enough).await?;
    let notified = latencies.count() + of_fleet;
    Ok((latencies, notified))
}

fn ms(latencies: Latencies) -> [f64; 2] {
    latencies
        .micros([0.5, 0.99])
        .map(|micros| round(micros / 1_000.0))
}
