//! The watch over all consumers of the journal, its growth and the disk.

pub(crate) mod forecast;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use spica_handler::{Severity, Trouble};
use spica_journal::CursorStatus;
use spica_model::{Lane, Timestamp};
use spica_views::{CURSOR as VIEWS, STANDING};

use self::forecast::Forecast;
use crate::backlog::{Backlog, CursorLag, Disk, LaneGrowth};
use crate::lag;
use crate::post::Base;
use crate::{Marks, Metrics, WatchSettings};

/// Less time than this until the disk is full is urgent.
const URGENT: Duration = Duration::from_secs(3_600);

/// Looks from time to time.
pub(crate) struct Watch {
    settings: WatchSettings,
    data_dir: PathBuf,
    marks: Arc<dyn Marks>,
    metrics: Metrics,
    began: Instant,
    due: Instant,
    disk: Forecast,
    /// Bytes and records of each lane.
    lanes: [[Forecast; 2]; 2],
}

impl Watch {
    pub(crate) fn new(
        settings: WatchSettings,
        data_dir: PathBuf,
        marks: Arc<dyn Marks>,
        metrics: Metrics,
        now: Instant,
    ) -> Self {
        let forecast = || Forecast::new(settings.window.as_duration());
        Self {
            disk: forecast(),
            lanes: [[forecast(), forecast()], [forecast(), forecast()]],
            settings,
            data_dir,
            marks,
            metrics,
            began: now,
            due: now,
        }
    }

    /// Looks, if it is time.
    pub(crate) fn look(&mut self, base: &Base) -> Option<Backlog> {
        let now = base.clock.monotonic();
        if now < self.due {
            return None;
        }
        self.due = now + self.settings.interval.as_duration();
        let at = now.saturating_duration_since(self.began);
        let wall = base.clock.wall();
        let mut cursors = self.cursors(base, wall);
        cursors.sort_by(|a, b| b.lag_seconds.total_cmp(&a.lag_seconds));
        let critical = cursors
            .iter()
            .filter(|cursor| cursor.lane == Lane::Critical);
        let critical_unhandled_seconds = critical.map(|c| c.lag_seconds).fold(0.0, f64::max);
        let backlog = Backlog {
            cursors,
            lanes: Lane::ALL.map(|lane| self.growth(base, lane, at)).into(),
            disk: self.disk(at),
            critical_unhandled_seconds,
        };
        self.measure(&backlog);
        Some(backlog)
    }

    fn cursors(&self, base: &Base, wall: Timestamp) -> Vec<CursorLag> {
        let journal = &*base.journal;
        let mut all = journal.cursors();
        all.extend(self.marks.marks());
        // Restating only moves when retention wants to, and the views' cursor only with a checkpoint:
        // both are behind by their nature. What the views show is what counts.
        all.retain(|cursor| cursor.name != STANDING && cursor.name != VIEWS);
        all.extend(Lane::ALL.map(|lane| CursorStatus {
            name: VIEWS.into(),
            lane,
            seq: base.standing.applied(lane),
        }));
        let lag = |CursorStatus { name, lane, seq }| {
            let durable = journal.status(lane).durable;
            let oldest = lag::oldest_unhandled(journal, lane, seq, None);
            CursorLag {
                name,
                lane,
                seq,
                lag_records: durable.0.saturating_sub(seq.0),
                lag_seconds: oldest.map_or(0.0, |(_, received)| wall.since(received).as_secs_f64()),
            }
        };
        all.into_iter().map(lag).collect()
    }

    fn growth(&mut self, base: &Base, lane: Lane, at: Duration) -> LaneGrowth {
        let status = base.journal.status(lane);
        let [bytes, records] = &mut self.lanes[lane.index()];
        bytes.note(at, status.bytes as f64);
        records.note(at, status.last.0 as f64);
        let [bytes_per_s, records_per_s] =
            [bytes, records].map(|forecast| forecast.trend().map_or(0.0, |trend| trend.per_s));
        LaneGrowth {
            lane,
            bytes: status.bytes,
            bytes_per_s,
            records_per_s,
        }
    }

    fn disk(&mut self, at: Duration) -> Option<Disk> {
        let stat = match rustix::fs::statvfs(&self.data_dir) {
            Ok(stat) => stat,
            Err(error) => {
                tracing::debug!(%error, "the system does not say how full the disk is");
                return None;
            }
        };
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        self.disk.note(at, free as f64);
        Some(Disk {
            free,
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
            trend: self.disk.trend(),
        })
    }

    fn measure(&self, backlog: &Backlog) {
        let Metrics {
            disk_free,
            disk_full_seconds,
            critical_unhandled_seconds,
            ..
        } = &self.metrics;
        if let Some(disk) = &backlog.disk {
            disk_free.set(i64::try_from(disk.free).unwrap_or(i64::MAX));
        }
        let full = backlog.full_in().map_or(-1.0, |time| time.as_secs_f64());
        disk_full_seconds.set(full);
        critical_unhandled_seconds.set(backlog.critical_unhandled_seconds);
    }

    /// The conditions that follow from what was seen. `handlers` are the cursors that have
    /// conditions of their own.
    pub(crate) fn troubles(&self, backlog: &Backlog, handlers: &[&str]) -> Vec<Trouble> {
        let mut troubles = disk_troubles(&self.settings, backlog);
        troubles.push(self.critical(backlog));
        let names: std::collections::BTreeSet<&str> = backlog
            .cursors
            .iter()
            .map(|cursor| cursor.name.as_str())
            .filter(|name| !handlers.contains(name))
            .collect();
        troubles.extend(names.into_iter().map(|name| self.consumer(backlog, name)));
        troubles
    }

    fn critical(&self, backlog: &Backlog) -> Trouble {
        let seconds = backlog.critical_unhandled_seconds;
        let active = seconds > self.settings.critical_unhandled.as_duration().as_secs_f64();
        let worst = backlog
            .cursors
            .iter()
            .find(|cursor| cursor.lane == Lane::Critical)
            .map_or("", |cursor| cursor.name.as_str());
        Trouble {
            source: "system/journal".into(),
            condition: "critical-unhandled",
            severity: Severity::High,
            active,
            text: if active {
                format!("a critical record has waited for {seconds:.0} s for {worst}")
            } else {
                "all consumers keep up with the critical lane again".into()
            },
        }
    }

    fn consumer(&self, backlog: &Backlog, name: &str) -> Trouble {
        let of_name = backlog.cursors.iter().filter(|cursor| cursor.name == name);
        let worst = of_name.max_by(|a, b| a.lag_seconds.total_cmp(&b.lag_seconds));
        let limit = self.settings.consumer_lag.as_duration().as_secs_f64();
        let late = worst.filter(|cursor| cursor.lag_seconds > limit);
        Trouble {
            source: format!("system/consumers/{name}"),
            condition: "consumer-lag",
            severity: Severity::Medium,
            active: late.is_some(),
            text: match late {
                Some(cursor) => format!(
                    "{name} is {} records behind on the {} lane; the oldest is {:.0} s old",
                    cursor.lag_records, cursor.lane, cursor.lag_seconds
                ),
                None => format!("{name} keeps up again"),
            },
        }
    }
}

fn disk_troubles(settings: &WatchSettings, backlog: &Backlog) -> Vec<Trouble> {
    let Some(disk) = &backlog.disk else {
        return Vec::new();
    };
    let mib = disk.free >> 20;
    let low = disk.free < settings.disk_free.as_u64();
    let limit = settings.disk_full_within.as_duration();
    let full_in = backlog.full_in().filter(|time| *time < limit);
    let urgent = full_in.is_some_and(|time| time < URGENT);
    vec![
        Trouble {
            source: "system/disk".into(),
            condition: "disk-low",
            severity: Severity::High,
            active: low,
            text: format!("{mib} MiB are free on the data directory's disk"),
        },
        Trouble {
            source: "system/disk".into(),
            condition: "disk-filling",
            severity: if urgent {
                Severity::High
            } else {
                Severity::Medium
            },
            active: full_in.is_some(),
            text: match full_in {
                Some(time) => format!(
                    "the disk will be full in {}; {mib} MiB are free",
                    said(time)
                ),
                None => format!("the disk does not fill any more; {mib} MiB are free"),
            },
        },
    ]
}

/// A time as people say it: `50 min`, `3 h`.
fn said(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    if minutes < 120 {
        format!("{minutes} min")
    } else {
        format!("{} h", minutes / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::forecast::Trend;

    #[test]
    fn a_disk_is_told_of_when_it_is_low_or_will_be() {
        let settings = WatchSettings::default();
        let told = |free: u64, hours: Option<u64>| {
            let reaches_zero_in = hours.map(|hours| Duration::from_secs(hours * 3_600 + 1));
            let trend = Trend {
                per_s: -1.0,
                reaches_zero_in,
            };
            let backlog = Backlog {
                disk: Some(Disk {
                    free,
                    total: 1 << 40,
                    trend: Some(trend),
                }),
                ..Backlog::default()
            };
            let troubles = disk_troubles(&settings, &backlog);
            let [low, filling] = &troubles[..] else {
                panic!("{troubles:?}");
            };
            (
                low.active,
                filling.active.then(|| filling.text.clone()),
                filling.severity,
            )
        };
        assert_eq!(told(1 << 31, None), (false, None, Severity::Medium));
        assert!(told((1 << 30) - 1, None).0);
        let (low, text, severity) = told(1 << 31, Some(3));
        assert_eq!((low, severity), (false, Severity::Medium));
        assert_eq!(
            text.unwrap(),
            "the disk will be full in 3 h; 2048 MiB are free"
        );
        assert_eq!(told(1 << 31, Some(0)).2, Severity::High);
        assert_eq!(told(1 << 31, Some(12)).1, None);
    }
}
