//! What the events of devices do.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use spica_devices::Serial;
use spica_model::{Quality, Record, Timestamp};

use super::values::told;
use super::{Cases, Turn, devices, life};
use crate::{Condition, EventRule, Pending, Raise, Told, What};

/// A timer counts from the time that the device says, unless that is older than this.
const CREDIBLE: Duration = Duration::from_secs(86_400);

/// What is of use of the payload of an event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    detail: Value,
}

impl Cases {
    /// An event of a device, whether the device is registered or not.
    pub(super) fn on_event(
        &mut self,
        serial: Serial,
        rule: EventRule,
        record: &Record,
        turn: &mut Turn<'_>,
    ) {
        let condition = rule.condition().to_owned();
        let source = devices::source_of(&serial);
        let raise = |cases: &mut Self, severity| Raise {
            severity,
            text: life::line(&condition),
            cause: record.position.to_string(),
            by: "device".to_owned(),
            detail: cases.detail_of(record),
        };
        self.with(&source, &condition, turn, |cases, it, turn| match rule {
            EventRule::Raise { severity, .. } => {
                let raise = raise(cases, severity);
                cases.raise(it, raise, told(record), turn);
            }
            EventRule::Clear { .. } => cases.clear_told(it, record, turn),
            EventRule::Start {
                severity,
                after,
                default_minutes,
                ..
            } => {
                let raise = raise(cases, severity);
                let minutes = raise.detail.get(&after).and_then(Value::as_f64);
                let minutes = minutes.unwrap_or_else(|| f64::from(default_minutes));
                cases.start(it, raise, minutes, record, turn);
            }
            EventRule::Stop { .. } => cases.stop(it, record, turn),
        });
    }

    /// The detail of an event. One that cannot be read is none: the event still counts.
    fn detail_of(&mut self, record: &Record) -> Value {
        let event: Result<Event, _> = serde_json::from_slice(&record.payload);
        event.map_or_else(
            |_| {
                self.counts.unreadable += 1;
                Value::Null
            },
            |event| event.detail,
        )
    }

    /// Clears, unless what happened was before the raise: the pages of a log may come late, and the
    /// critical lane is read first.
    fn clear_told(&mut self, it: &mut Condition, record: &Record, turn: &mut Turn<'_>) {
        let told = told(record);
        let newer = |since: Option<Told>| since.is_some_and(|since| told.is_before(&since));
        let stays_active = it.active && newer(it.raised);
        let timer = it.pending.take_if(|pending| newer(Some(pending.since)));
        self.counts.late += u64::from(stays_active || timer.is_some());
        if it.active && !stays_active {
            self.clear(it, life::step(What::Cleared, "device", turn), turn);
        }
        it.pending = timer;
    }

    /// Starts a timer, or moves it.
    fn start(
        &mut self,
        it: &mut Condition,
        raise: Raise,
        minutes: f64,
        record: &Record,
        turn: &mut Turn<'_>,
    ) {
        let since = told(record);
        let begin = begin_of(record);
        self.catch_up(it, begin, turn);
        let running = it.pending.as_ref();
        if running.is_some_and(|pending| since.is_before(&pending.since)) {
            self.counts.late += 1;
            return;
        }
        // What waits for room has run out already: it is not put off by starting again.
        if running.is_some_and(|pending| pending.at <= begin) {
            return;
        }
        if !self.admits(it, raise.severity) {
            self.counts.refused += 1;
            return;
        }
        // Negative or endless ones cannot be meant: at once is the safe side.
        let after = Duration::try_from_secs_f64(minutes * 60.0).unwrap_or_default();
        it.pending = Some(Pending {
            at: begin.saturating_add(after),
            raise: Some(life::bounded(raise)),
            since,
        });
    }

    /// Stops a timer. One that ran out before is cleared.
    fn stop(&mut self, it: &mut Condition, record: &Record, turn: &mut Turn<'_>) {
        self.catch_up(it, begin_of(record), turn);
        self.clear_told(it, record, turn);
    }
}

/// When what a record tells began: by the device's clock, if that can be believed.
fn begin_of(record: &Record) -> Timestamp {
    let oldest = record.received.saturating_sub(CREDIBLE);
    let credible = |at: &Timestamp| (oldest..=record.received).contains(at);
    let said = record.source_time.filter(credible);
    match record.quality {
        Quality::Good => said.unwrap_or(record.received),
        Quality::Uncertain | Quality::Bad => record.received,
    }
}
