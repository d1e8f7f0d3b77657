//! Check-ins: a record for every new connection, and for what is published as often as the settings
//! say.
//!
//! A check-in says when the device was heard last, not when that was written down. As it is written
//! well within the shortest interval that a registration may have, no case is raised too early, and
//! none too late.

use spica_devices::CheckIn;
use spica_model::{Lane, Timestamp};

use super::Device;
use crate::entry::{Entry, submit};
use crate::session::{Session, State};
use crate::station::Station;

/// What the station is called in check-ins.
const STATION: &str = "mqtt";

/// When a device was heard, and when that was recorded.
#[derive(Debug, Default)]
pub(super) struct CheckIns {
    /// When it was heard last, if that is not recorded.
    heard: Option<Timestamp>,
    /// From when on the next one is to be recorded, in milliseconds of the station's clock.
    from_ms: u64,
}

impl CheckIns {
    pub(super) const fn heard(&mut self, at: Timestamp) {
        self.heard = Some(at);
    }

    /// What is to be recorded now, if something is: then nothing for `every_ms`.
    fn take_due(&mut self, now_ms: u64, every_ms: u64) -> Option<Timestamp> {
        if now_ms < self.from_ms {
            return None;
        }
        let heard = self.heard.take()?;
        self.from_ms = now_ms.saturating_add(every_ms);
        Some(heard)
    }

    /// What is not recorded yet.
    const fn take_rest(&mut self) -> Option<Timestamp> {
        self.heard.take()
    }
}

impl Device {
    /// It is heard: it has published something. The record of it, if one is due.
    pub(crate) fn heard(&mut self, station: &Station, at: Timestamp) -> Option<Entry<'static>> {
        self.check_ins.heard(at);
        self.due(station)
    }

    fn due(&mut self, station: &Station) -> Option<Entry<'static>> {
        let (now, every) = (station.now_ms(), station.check_in_every_ms);
        let at = self.check_ins.take_due(now, every)?;
        self.entry(station, at)
    }

    /// The record of a check-in, if the device is registered and enabled.
    fn entry(&self, station: &Station, at: Timestamp) -> Option<Entry<'static>> {
        let device = station.views.device(&self.serial)?;
        if !device.registration.enabled {
            return None;
        }
        let check_in = CheckIn {
            software_version: self.software_version.to_string(),
            remote: self.remote.to_string(),
            station: STATION.to_owned(),
        };
        let topic = self.topics.check_in();
        Some(Entry::<'static>::kept(topic, Some(check_in.encode()), at))
    }
}

/// A device has connected: that is recorded whatever was before. Nothing waits for it: if the journal
/// is too busy, whatever the device does next says as much.
pub(crate) fn checked_in(station: &Station, state: &mut State) {
    let now = station.now();
    if let Some(device) = &mut state.device {
        let entry = device.heard(station, now);
        record(station, entry);
    }
}

/// Records what was put off: if it is due, or, with `is_last`, as the connection is over.
pub(crate) fn late(station: &Station, session: &Session, is_last: bool) {
    let mut state = session.state.lock();
    let Some(device) = &mut state.device else {
        return;
    };
    let entry = if is_last {
        let rest = device.check_ins.take_rest();
        rest.and_then(|at| device.entry(station, at))
    } else {
        device.due(station)
    };
    drop(state);
    record(station, entry);
}

fn record(station: &Station, entry: Option<Entry<'static>>) {
    let Some(entry) = entry else { return };
    match submit(&*station.journal, Lane::Normal, &[entry]) {
        Ok(_) => station.metrics.taken(Lane::Normal, 1),
        Err(error) => {
            station.metrics.check_ins_dropped.inc();
            tracing::debug!(%error, "a check-in is not recorded");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_recorded_at_once_and_the_last_of_many_when_it_is_time() {
        let mut check_ins = CheckIns::default();
        let at = Timestamp::from_secs;
        assert_eq!(check_ins.take_due(0, 30), None, "nothing was heard");
        check_ins.heard(at(1));
        assert_eq!(check_ins.take_due(100, 30), Some(at(1)));
        for second in 2..5 {
            check_ins.heard(at(second));
            assert_eq!(check_ins.take_due(129, 30), None);
        }
        assert_eq!(check_ins.take_due(130, 30), Some(at(4)));
        assert_eq!(check_ins.take_due(160, 30), None, "nothing was heard since");
        check_ins.heard(at(5));
        assert_eq!(check_ins.take_rest(), Some(at(5)));
        assert_eq!(check_ins.take_rest(), None);
    }
}
