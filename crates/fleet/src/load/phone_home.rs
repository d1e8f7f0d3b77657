//! Whole dialogues, one after the other: connect, identity, one event, delete, goodbye, close.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use spica_clock::{Clock, SystemClock};

use super::engine::{Engine, Happening, News};
use super::{Target, round, seconds};
use crate::event::{Detail, Event};
use crate::latency::Latencies;
use crate::ledger::Outcome;

/// A station that fails this often without one dialogue in between is not there.
const FAILURES_IN_A_ROW: u64 = 1_000;
/// One in so many events is an alarm.
const ALARM_EVERY: u64 = 100;
/// How long to wait for news at most before the time is looked at again.
const POLL: Duration = Duration::from_millis(100);

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
    let mut shift = Shift::new(target);
    let detail = Arc::new(Detail {
        battery_percent: Some(80),
        ..Detail::default()
    });
    loop {
        while engine.open() < at_once && more(until, shift.start, shift.begun) {
            let Some(device) = shift.idle.pop_front() else {
                break;
            };
            shift.begun += 1;
            begin(&mut engine, device, shift.event(), &detail);
        }
        if shift.idle.len() == target.devices as usize {
            break;
        }
        engine.poll(POLL, |news| shift.note(news))?;
        if shift.failed_in_a_row >= FAILURES_IN_A_ROW {
            let (station, times) = (target.endpoint, shift.failed_in_a_row);
            let text = format!("{station} failed {times} dialogues in a row");
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
        }
    }
    Ok(PhoneHome {
        figures: shift.figures(),
        outcome: engine.into_outcome(),
    })
}

/// Devices that take turns.
struct Shift {
    idle: VecDeque<u32>,
    begun: u64,
    failed: u64,
    failed_in_a_row: u64,
    latencies: Latencies,
    start: Instant,
    /// When the last dialogue ended.
    end: Instant,
}

impl Shift {
    fn new(target: &Target) -> Self {
        let start = SystemClock.monotonic();
        Self {
            idle: (0..target.devices).collect(),
            begun: 0,
            failed: 0,
            failed_in_a_row: 0,
            latencies: Latencies::default(),
            start,
            end: start,
        }
    }

    const fn event(&self) -> Event {
        if self.begun.is_multiple_of(ALARM_EVERY) {
            Event::MAN_DOWN
        } else {
            Event::STATUS_CHECK
        }
    }

    fn note(&mut self, news: News) {
        match news.what {
            Happening::Heard | Happening::Told => return,
            Happening::Done => {
                self.latencies.add(news.at - news.began);
                (self.end, self.failed_in_a_row) = (news.at, 0);
            }
            Happening::Failed { .. } => {
                self.failed += 1;
                self.failed_in_a_row += 1;
            }
        }
        self.idle.push_back(news.device);
    }

    fn figures(mut self) -> PhoneHomeFigures {
        let dialogues = self.latencies.count() as u64;
        let [ms_p50, ms_p99] = self.latencies.ms([0.5, 0.99]);
        let elapsed_s = (self.end - self.start).as_secs_f64();
        PhoneHomeFigures {
            dialogues,
            failed: self.failed,
            elapsed_s: seconds(self.end - self.start),
            dialogues_per_s: if elapsed_s > 0.0 {
                round(dialogues as f64 / elapsed_s)
            } else {
                0.0
            },
            ms_p50,
            ms_p99,
        }
    }
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
