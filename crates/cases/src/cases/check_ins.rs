//! Check-ins: a device that is silent for longer than its registration allows.

use serde_json::json;
use spica_devices::{Registration, Serial};
use spica_model::{Op, Record, Timestamp};

use super::devices::source_of;
use super::{Cases, Turn, life};
use crate::{Raise, Severity, Step, Told, What};

/// What is the matter with a device that is silent for too long.
pub(super) const MISSED: &str = "missed-check-in";

impl Cases {
    /// A device has checked in, or its last check-in is forgotten.
    pub(super) fn on_check_in(&mut self, serial: Serial, record: &Record, turn: &mut Turn<'_>) {
        // What it missed before it came counts, whether anybody looked in between or not.
        if let Some(device) = self.devices.get_mut(&serial)
            && !device.missed
            && let Some(deadline) = device.deadline()
            && deadline <= record.received
            && record.op == Op::Put
        {
            self.miss(serial, deadline, turn);
        }
        let deletes = record.op == Op::Delete;
        if !self.devices.check_in(serial, record, deletes) {
            return;
        }
        if !deletes {
            self.found(serial, "device", None, turn);
        }
        self.devices.queue(serial);
    }

    /// A device is registered, otherwise than before, or not any more.
    pub(super) fn on_registration(&mut self, serial: Serial, record: &Record, turn: &mut Turn<'_>) {
        let registration = match record.op {
            Op::Delete => None,
            _ => match Registration::decode(&record.payload) {
                Ok(registration) => Some(registration),
                Err(_) => {
                    self.counts.unreadable += 1;
                    return;
                }
            },
        };
        if !self.devices.register(serial, record, registration) {
            return;
        }
        let deadline = self.devices.get_mut(&serial).and_then(|it| it.deadline());
        if deadline.is_none_or(|deadline| deadline > turn.now) {
            let why = match deadline {
                Some(_) => "its deadline was moved",
                None => "it need not check in any more",
            };
            self.found(serial, "registration", Some(why), turn);
        }
        self.devices.queue(serial);
    }

    /// A deadline has passed.
    pub(super) fn miss(&mut self, serial: Serial, deadline: Timestamp, turn: &mut Turn<'_>) {
        let last = self.devices.miss(serial);
        let raise = Raise {
            severity: Severity::High,
            text: life::line(MISSED),
            cause: "timer".to_owned(),
            by: "timer".to_owned(),
            detail: json!({
                "last_check_in": last.map(|at| at.to_string()),
                "deadline": deadline.to_string(),
            }),
        };
        let told = Told {
            received: deadline,
            happened: None,
        };
        self.with(&source_of(&serial), MISSED, turn, |cases, it, turn| {
            it.lasting = true;
            cases.raise(it, raise, told, turn);
        });
    }

    /// A device that had missed its deadline has none that is missed any more.
    fn found(&mut self, serial: Serial, by: &str, why: Option<&str>, turn: &mut Turn<'_>) {
        let Some(device) = self.devices.get_mut(&serial) else {
            return;
        };
        if !std::mem::take(&mut device.missed) {
            return;
        }
        let step = Step {
            why: why.map(str::to_owned),
            ..life::step(What::Cleared, by, turn)
        };
        self.with(&source_of(&serial), MISSED, turn, |cases, it, turn| {
            cases.clear(it, step, turn);
        });
    }
}
