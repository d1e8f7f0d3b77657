//! A whole fleet calls at the same moment.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use spica_clock::{Clock, SystemClock};

use super::engine::{Engine, Happening};
use super::{Target, round};
use crate::event::{Detail, Event};
use crate::latency::Latencies;
use crate::ledger::Outcome;

/// One device in so many has an alarm.
const ALARM_EVERY: u32 = 100;
/// A device that failed calls again after this time.
const RETRY: Duration = Duration::from_millis(100);

/// What was measured. All times count from the one moment at which every device wants to call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BurstFigures {
    /// Devices that called.
    pub devices: u32,
    /// Devices that were told their event is durable.
    pub durable: u64,
    /// Connections that broke; their devices called again.
    pub failed: u64,
    /// Until the last device was told, in seconds.
    pub all_durable_s: f64,
    /// Until a device was told, median, in milliseconds.
    pub ms_p50: f64,
    /// 99th percentile.
    pub ms_p99: f64,
    /// 99th percentile of the devices with an alarm.
    pub critical_ms_p99: f64,
}

/// Figures, and the books to check them with.
#[derive(Debug, Clone)]
pub struct Burst {
    /// What was measured.
    pub figures: BurstFigures,
    /// What the devices were told.
    pub outcome: Outcome,
}

/// Has every device of the target deliver one event at the same moment. Connects are paced by what
/// the station accepts ([`Target::connects_at_once`]); waiting for that counts.
///
/// Gives up on devices that are not through once nothing has happened for [`Target::patience`].
///
/// # Errors
/// If sockets cannot be had.
pub fn burst(target: &Target) -> io::Result<Burst> {
    let mut engine = Engine::new(target, false)?;
    let detail = Arc::new(Detail {
        battery_percent: Some(80),
        ..Detail::default()
    });
    let now = SystemClock.wall();
    for device in 0..target.devices {
        engine
            .device(device)
            .record(event(device), Arc::clone(&detail), now);
    }
    let mut waiting: VecDeque<u32> = (0..target.devices).collect();
    let (mut all, mut critical) = (Latencies::default(), Latencies::default());
    let (mut unheard, mut finished, mut failed) = (0_usize, 0_u32, 0_u64);
    let start = SystemClock.monotonic();
    let (mut last_told, mut last_news, mut not_before) = (start, start, start);
    while finished < target.devices {
        let now = SystemClock.monotonic();
        if now - last_news > target.patience {
            break;
        }
        while now >= not_before
            && unheard < target.connects_at_once
            && engine.open() < target.connections_at_once
        {
            let Some(device) = waiting.pop_front() else {
                break;
            };
            unheard += 1;
            engine.call(device);
        }
        engine.poll(Duration::from_millis(20), |news| {
            last_news = news.at;
            match news.what {
                Happening::Heard => unheard -= 1,
                Happening::Told => {
                    last_told = news.at;
                    all.add(news.at - start);
                    if event(news.device).is_critical() {
                        critical.add(news.at - start);
                    }
                }
                Happening::Done => finished += 1,
                Happening::Failed { heard } => {
                    unheard -= usize::from(!heard);
                    failed += 1;
                    not_before = news.at + RETRY;
                    waiting.push_back(news.device);
                }
            }
        })?;
    }
    let durable = all.count() as u64;
    let ([ms_p50, ms_p99], [critical_ms_p99]) = (all.ms([0.5, 0.99]), critical.ms([0.99]));
    let all_durable_s = round((last_told - start).as_secs_f64() * 1_000.0) / 1_000.0;
    let devices = target.devices;
    let figures = BurstFigures {
        devices,
        durable,
        failed,
        all_durable_s,
        ms_p50,
        ms_p99,
        critical_ms_p99,
    };
    Ok(Burst {
        figures,
        outcome: engine.into_outcome(),
    })
}

fn event(device: u32) -> Event {
    if device % ALARM_EVERY == ALARM_EVERY - 1 {
        Event::MAN_DOWN
    } else {
        Event::STATUS_CHECK
    }
}
