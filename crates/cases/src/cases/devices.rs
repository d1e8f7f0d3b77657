//! The registered devices, and by when each has to check in.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use spica_devices::{DEVICES, Registration, Serial};
use spica_model::{Record, Timestamp};

use super::seen::Seen;

/// What is known of a device.
#[derive(Debug, Default)]
pub(super) struct Device {
    registered: Option<Registered>,
    check_in: Option<Seen>,
    /// Whether its deadline has passed and was told.
    pub(super) missed: bool,
    /// Where it stands in the queue: at its deadline or before.
    queued: Option<Timestamp>,
}

#[derive(Debug)]
struct Registered {
    seen: Seen,
    at: Timestamp,
    enabled: bool,
    within: Duration,
    name: Option<String>,
    customer: Option<String>,
}

impl Device {
    /// By when it has to check in; none if it need not.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let registered = self.registered.as_ref().filter(|it| it.enabled)?;
        let last = self.check_in.map_or(registered.at, |seen| seen.at);
        Some(last.saturating_add(registered.within))
    }

    /// When it last checked in.
    pub(super) fn checked_in(&self) -> Option<Timestamp> {
        self.check_in.map(|seen| seen.at)
    }
}

/// The registered devices. Nothing here depends on the order of the map.
#[derive(Debug, Default)]
pub(super) struct Devices {
    by_serial: HashMap<Serial, Device>,
    /// The devices that have a deadline that was not told. A check-in does not move its device: it
    /// is looked at when its old deadline is due, which makes a check-in cheap.
    queue: BTreeSet<(Timestamp, Serial)>,
}

impl Devices {
    pub(super) fn get_mut(&mut self, serial: &Serial) -> Option<&mut Device> {
        self.by_serial.get_mut(serial)
    }

    /// Sets a registration, or removes it. False: it is older than what is known.
    pub(super) fn register(
        &mut self,
        serial: Serial,
        record: &Record,
        registration: Option<(Registration, Option<Timestamp>)>,
    ) -> bool {
        let device = self.by_serial.entry(serial).or_default();
        let seen = Seen::of(record);
        if device
            .registered
            .as_ref()
            .is_some_and(|it| !seen.is_after(&it.seen))
        {
            return false;
        }
        device.registered = registration.map(|(registration, at)| {
            let minutes = registration
                .check_in_minutes
                .saturating_add(registration.grace_minutes);
            Registered {
                seen,
                at: at.unwrap_or(record.received),
                enabled: registration.enabled,
                within: Duration::from_secs(60 * u64::from(minutes)),
                name: registration.name,
                customer: registration.customer,
            }
        });
        self.drop_if_empty(&serial);
        true
    }

    /// Notes a check-in, or forgets the last one. False: it is older than what is known.
    pub(super) fn check_in(&mut self, serial: Serial, record: &Record, deletes: bool) -> bool {
        let device = self.by_serial.entry(serial).or_default();
        let seen = Seen::of(record);
        if device
            .check_in
            .as_ref()
            .is_some_and(|last| !seen.is_after(last))
        {
            return false;
        }
        device.check_in = (!deletes).then_some(seen);
        self.drop_if_empty(&serial);
        true
    }

    fn drop_if_empty(&mut self, serial: &Serial) {
        let empty = |it: &Device| it.registered.is_none() && it.check_in.is_none();
        if self
            .by_serial
            .get(serial)
            .is_some_and(|it| empty(it) && !it.missed)
        {
            self.unqueue(serial);
            self.by_serial.remove(serial);
        }
    }

    /// Puts a device where it is looked at in time: at its deadline, or earlier if it stands there.
    pub(super) fn queue(&mut self, serial: Serial) {
        let Some(device) = self.by_serial.get_mut(&serial) else {
            return;
        };
        let Some(deadline) = device.deadline().filter(|_| !device.missed) else {
            self.unqueue(&serial);
            self.drop_if_empty(&serial);
            return;
        };
        if device.queued.is_some_and(|queued| queued <= deadline) {
            return;
        }
        if let Some(queued) = device.queued.replace(deadline) {
            self.queue.remove(&(queued, serial));
        }
        self.queue.insert((deadline, serial));
    }

    fn unqueue(&mut self, serial: &Serial) {
        let queued = self
            .by_serial
            .get_mut(serial)
            .and_then(|it| it.queued.take());
        if let Some(queued) = queued {
            self.queue.remove(&(queued, *serial));
        }
    }

    /// Queues every device, at a start.
    pub(super) fn queue_all(&mut self) {
        let serials: Vec<Serial> = self.by_serial.keys().copied().collect();
        for serial in serials {
            self.queue(serial);
        }
    }

    /// When the queue is to be looked at next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The first device whose deadline is not after `now`. Moves those that stand too early, but
    /// only `budget` of them.
    pub(super) fn first_due(
        &mut self,
        now: Timestamp,
        budget: &mut usize,
    ) -> Option<(Timestamp, Serial)> {
        loop {
            let (at, serial) = *self.queue.first().filter(|(at, _)| *at <= now)?;
            let device = self.by_serial.get_mut(&serial);
            let deadline = device.as_ref().and_then(|device| device.deadline());
            if deadline == Some(at) {
                return Some((at, serial));
            }
            *budget = budget.checked_sub(1)?;
            self.queue.pop_first();
            if let Some(device) = device {
                device.queued = deadline;
                self.queue
                    .extend(deadline.map(|deadline| (deadline, serial)));
            }
        }
    }

    /// Its deadline has passed and is told now. Says when it last checked in.
    pub(super) fn miss(&mut self, serial: Serial) -> Option<Timestamp> {
        self.unqueue(&serial);
        let device = self.by_serial.get_mut(&serial)?;
        device.missed = true;
        device.checked_in()
    }

    /// The name and the customer of the device that a source belongs to.
    pub(super) fn who(&self, source: &str) -> (Option<String>, Option<String>) {
        let below = source
            .strip_prefix(DEVICES)
            .and_then(|rest| rest.strip_prefix('/'));
        let serial = below.and_then(|rest| Serial::new(rest.split('/').next()?).ok());
        let device = serial.and_then(|serial| self.by_serial.get(&serial));
        match device.and_then(|device| device.registered.as_ref()) {
            Some(it) => (it.name.clone(), it.customer.clone()),
            None => (None, None),
        }
    }
}

/// The source of what a device is the matter with.
pub(super) fn source_of(serial: &Serial) -> String {
    format!("{DEVICES}/{serial}")
}
