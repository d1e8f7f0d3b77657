//! A whole fleet calls at the same moment.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use spica_clock::{Clock, SystemClock};

use super::engine::{Engine, Happening, News};
use super::{Target, seconds};
use crate::event::{Detail, Event};
use crate::latency::Latencies;
use crate::ledger::Outcome;

/// One device in so many has an alarm.
const ALARM_EVERY: u32 = 100;
/// A device that failed calls again after this time.
const RETRY: Duration = Duration::from_millis(100);
/// How long to wait for news at most before calls are looked at again.
const POLL: Duration = Duration::from_millis(20);

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
    let mut rush = Rush::new(target);
    while rush.finished < target.devices {
        let now = SystemClock.monotonic();
        if now - rush.last_news > target.patience {
            break;
        }
        rush.call(now, target, &mut engine);
        engine.poll(POLL, |news| rush.note(news))?;
    }
    Ok(Burst {
        figures: rush.figures(target),
        outcome: engine.into_outcome(),
    })
}

/// A burst under way.
struct Rush {
    waiting: VecDeque<u32>,
    /// Connections that wait for the station's first word.
    unheard: usize,
    finished: u32,
    failed: u64,
    all: Latencies,
    critical: Latencies,
    start: Instant,
    last_told: Instant,
    last_news: Instant,
    /// No calls before this, after a failure.
    not_before: Instant,
}

impl Rush {
    fn new(target: &Target) -> Self {
        let start = SystemClock.monotonic();
        Self {
            waiting: (0..target.devices).collect(),
            unheard: 0,
            finished: 0,
            failed: 0,
            all: Latencies::default(),
            critical: Latencies::default(),
            start,
            last_told: start,
            last_news: start,
            not_before: start,
        }
    }

    fn call(&mut self, now: Instant, target: &Target, engine: &mut Engine) {
        while now >= self.not_before
            && self.unheard < target.connects_at_once
            && engine.open() < target.connections_at_once
            && let Some(device) = self.waiting.pop_front()
        {
            self.unheard += 1;
            engine.call(device);
        }
    }

    fn note(&mut self, news: News) {
        self.last_news = news.at;
        match news.what {
            Happening::Heard => self.unheard -= 1,
            Happening::Told => {
                self.last_told = news.at;
                self.all.add(news.at - self.start);
                if event(news.device).is_critical() {
                    self.critical.add(news.at - self.start);
                }
            }
            Happening::Done => self.finished += 1,
            Happening::Failed { heard } => {
                self.unheard -= usize::from(!heard);
                self.failed += 1;
                self.not_before = news.at + RETRY;
                self.waiting.push_back(news.device);
            }
        }
    }

    fn figures(mut self, target: &Target) -> BurstFigures {
        let ([ms_p50, ms_p99], [critical_ms_p99]) =
            (self.all.ms([0.5, 0.99]), self.critical.ms([0.99]));
        BurstFigures {
            devices: target.devices,
            durable: self.all.count() as u64,
            failed: self.failed,
            all_durable_s: seconds(self.last_told - self.start),
            ms_p50,
            ms_p99,
            critical_ms_p99,
        }
    }
}

fn event(device: u32) -> Event {
    if device % ALARM_EVERY == ALARM_EVERY - 1 {
        Event::MAN_DOWN
    } else {
        Event::STATUS_CHECK
    }
}
