//! How many alarms there were in each ten minutes, hour, day and month.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use spica_cases::Severity;
use spica_model::Timestamp;

use crate::Options;
use crate::calendar::Calendar;
use crate::report::{Day, Flood};

/// The period in which rates are counted.
const PERIOD: Duration = Duration::from_secs(600);
const PERIOD_MICROS: i64 = 600_000_000;

/// Counts of alarms. A report is at most ten years, which is 530,000 periods.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    from: Timestamp,
    /// By period from the begin of the report.
    periods: Vec<u32>,
    days: BTreeMap<Date, [u64; 4]>,
    severities: [u64; 4],
}

/// What the periods say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Floods {
    pub(crate) count: u64,
    pub(crate) periods: u64,
    pub(crate) peak: u64,
    /// Longest first.
    pub(crate) longest: Vec<Flood>,
}

impl Rates {
    pub(crate) fn new(options: &Options, calendar: &Calendar) -> Self {
        let micros = options.to.as_micros() - options.from.as_micros();
        // At most ten years of them.
        let periods = usize::try_from(micros.unsigned_abs().div_ceil(PERIOD_MICROS.unsigned_abs()));
        let days = calendar.days(options.from, options.to);
        Self {
            from: options.from,
            periods: vec![0; periods.unwrap_or(0)],
            days: days.map(|day| (day, [0; 4])).collect(),
            severities: [0; 4],
        }
    }

    /// Counts an alarm within the report.
    pub(crate) fn add(&mut self, at: Timestamp, day: Date, severity: Severity) {
        let period = (at.as_micros() - self.from.as_micros()) / PERIOD_MICROS;
        if let Some(count) = usize::try_from(period)
            .ok()
            .and_then(|at| self.periods.get_mut(at))
        {
            *count = count.saturating_add(1);
        }
        let severity = severity as usize;
        self.days.entry(day).or_default()[severity] += 1;
        self.severities[severity] += 1;
    }

    pub(crate) fn severities(&self) -> [u64; 4] {
        self.severities
    }

    pub(crate) fn periods(&self) -> u64 {
        self.periods.len() as u64
    }

    pub(crate) fn days(&self) -> Vec<Day> {
        let day = |(date, alarms): (&Date, &[u64; 4])| Day {
            date: *date,
            alarms: *alarms,
        };
        self.days.iter().map(day).collect()
    }

    /// The floods: the longest `options.top` of them, and how many there were.
    pub(crate) fn floods(&self, options: &Options) -> Floods {
        let each = |alarms: u32| alarms.saturating_mul(options.operators);
        let (begin, end) = (each(options.flood_above), each(options.flood_below));
        let mut floods = Floods::default();
        let mut found = Vec::new();
        let mut flood: Option<Flood> = None;
        for (index, alarms) in self.periods.iter().copied().enumerate() {
            floods.peak = floods.peak.max(alarms.into());
            if flood.is_some() && alarms < end {
                found.extend(flood.take());
            }
            if flood.is_none() && alarms > begin {
                flood = Some(self.flood_at(index));
            }
            if let Some(flood) = &mut flood {
                floods.periods += 1;
                flood.length += PERIOD;
                flood.alarms += u64::from(alarms);
                flood.peak = flood.peak.max(alarms.into());
            }
        }
        found.extend(flood);
        floods.count = found.len() as u64;
        // Stable: the earlier of two that are as long comes first.
        found.sort_by_key(|flood| std::cmp::Reverse(flood.length));
        found.truncate(options.top);
        floods.longest = found;
        floods
    }

    /// A flood that begins with a period.
    fn flood_at(&self, index: usize) -> Flood {
        // Below ten years of periods.
        let after = PERIOD.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
        Flood {
            from: self.from.saturating_add(after),
            length: Duration::ZERO,
            alarms: 0,
            peak: 0,
        }
    }
}
