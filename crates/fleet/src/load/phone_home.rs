//! Whole dialogues, one after the other: connect, identity, one event, delete, goodbye, close.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use spica_clock::{Clock, SystemClock};

use super::engine::{Engine, Happening};
use super::{Target, round};
use crate::event::{Detail, Event};
use crate::latency::Latencies;
use crate::ledger::Outcome;

/// A station that fails this often without one dialogue in between is not there.
const FAILURES_IN_A_ROW: u64 = 1_000;
/// One in so many events is an alarm.
const ALARM_EVERY: u64 = 100;

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After so many dialogues have begun.
    Dialogues(u64),
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PhoneHomeFigures {
    /// Dialogues that came to their end.
    pub dialogues: u64,
    /// Connections that did not.
    pub failed: u64,
    /// From the first connect to the last goodbye.
    pub elapsed_s: f64,
    /// Dialogues per second.
    pub dialogues_per_s: f64,
    /// From connect to goodbye, median, in milliseconds.
    pub ms_p50: f64,
    /// 99th percentile.
    pub ms_p99: f64,
}

/// Figures, and the books to check them with.
#[derive(Debug, Clone)]
pub struct PhoneHome {
    /// What was measured.
    pub figures: PhoneHomeFigures,
    /// What the devices were told.
    pub outcome: Outcome,
}

/// Has the target's devices call in turn, each with one new event and a new connection every time,
/// `at_once` at a time.
///
/// # Errors
/// If sockets cannot be had, or the station fails all the time.
pub fn phone_home(target: &Target, at_once: usize, until: Until) -> io::Result<PhoneHome> {
    let mut engine = Engine::new(target, false)?;
    let mut idle: VecDeque<u32> = (0..target.devices).collect();
    let mut latencies = Latencies::default();
    let (mut begun, mut failed, mut in_a_row) = (0, 0, 0);
    let detail = Arc::new(Detail {
        battery_percent: Some(80),
        ..Detail::default()
    });
    let start = SystemClock.monotonic();
    let mut end = start;
    loop {
        while engine.open() < at_once && more(until, start, begun) {
            let Some(device) = idle.pop_front() else {
                break;
            };
            begun += 1;
            let event = if begun % ALARM_EVERY == 0 {
                Event::MAN_DOWN
            } else {
                Event::STATUS_CHECK
            };
            begin(&mut engine, device, event, &detail);
        }
        if engine.open() == 0 && idle.len() == target.devices as usize {
            break;
        }
        engine.poll(Duration::from_millis(100), |news| match news.what {
            Happening::Heard | Happening::Told => {}
            Happening::Done => {
                latencies.add(news.at - news.began);
                (end, in_a_row) = (news.at, 0);
                idle.push_back(news.device);
            }
            Happening::Failed { .. } => {
                (failed, in_a_row) = (failed + 1, in_a_row + 1);
                idle.push_back(news.device);
            }
        })?;
        if in_a_row >= FAILURES_IN_A_ROW {
            let text = format!("{} failed {in_a_row} dialogues in a row", target.endpoint);
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
        }
    }
    let figures = figures(latencies, failed, end - start);
    Ok(PhoneHome {
        figures,
        outcome: engine.into_outcome(),
    })
}

fn more(until: Until, start: Instant, begun: u64) -> bool {
    match until {
        Until::Elapsed(limit) => SystemClock.monotonic() - start < limit,
        Until::Dialogues(count) => begun < count,
    }
}

/// A device whose last dialogue failed calls with what it still holds.
fn begin(engine: &mut Engine, device: u32, event: Event, detail: &Arc<Detail>) {
    let memory = engine.device(device);
    if memory.kept() == 0 {
        memory.record(event, Arc::clone(detail), SystemClock.wall());
    }
    engine.call(device);
}

fn figures(mut latencies: Latencies, failed: u64, elapsed: Duration) -> PhoneHomeFigures {
    let dialogues = latencies.count() as u64;
    let [ms_p50, ms_p99] = latencies.ms([0.5, 0.99]);
    let elapsed_s = elapsed.as_secs_f64();
    let per_s = if elapsed.is_zero() {
        0.0
    } else {
        dialogues as f64 / elapsed_s
    };
    PhoneHomeFigures {
        dialogues,
        failed,
        elapsed_s: round(elapsed_s * 1_000.0) / 1_000.0,
        dialogues_per_s: round(per_s),
        ms_p50,
        ms_p99,
    }
}
