//! A client that is a device: it has a serial, by its token, its user or its certificate.
//!
//! It checks in by connecting and by what it publishes ([`check_in`]), is handed its commands
//! ([`commands`], [`message`]) and answers them ([`answers`]).
//!
//! Invariants:
//! - A command is on disk as *sent* before it is on the wire, and an answer before it is acknowledged;
//!   so a command goes out again until its answer is there, and nobody loses count of it.
//! - A device is given none of the records below its own commands: what it gets there is from here.

pub(crate) mod answers;
mod check_in;
mod commands;
mod message;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use spica_devices::{DeviceTopics, Serial};
use spica_mqtt_proto::UserProperties;
use tokio::sync::Notify;

use self::check_in::CheckIns;
pub(crate) use self::check_in::{checked_in, late};
pub(crate) use self::commands::{Attending, attend};
use crate::access::Who;
use crate::session::State;
use crate::station::Station;

/// The user property of CONNECT by which a device says what software it runs.
const SOFTWARE_VERSION: &str = "software-version";
/// The longest that is believed.
const SOFTWARE_VERSION_BYTES: usize = 64;
/// The number of commands among deliveries beside the order of the lanes: no shared group has it.
const COMMANDS: NonZeroU32 = NonZeroU32::MAX;

/// The device at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Device {
    serial: Serial,
    topics: DeviceTopics,
    /// Below which MQTT topic its commands are, with the last `/`.
    commands: Box<str>,
    remote: SocketAddr,
    software_version: Box<str>,
    check_ins: CheckIns,
    /// It has subscribed to something.
    subscribed: Arc<Notify>,
}

impl Device {
    /// The device that `who` is, if it is one. `user` is what else it says when it connects.
    pub(crate) fn of(station: &Station, who: &Who, user: UserProperties<'_>) -> Option<Box<Self>> {
        let serial = Serial::new(who.serial.as_deref()?).ok()?;
        let version = user.get(SOFTWARE_VERSION).filter(|it| is_version(it));
        Some(Box::new(Self {
            serial,
            topics: DeviceTopics::new(station.mount.node(), &serial).ok()?,
            commands: format!("{}/{serial}/commands/", spica_devices::DEVICES).into(),
            remote: who.remote,
            software_version: version.unwrap_or_default().into(),
            check_ins: CheckIns::default(),
            subscribed: Arc::default(),
        }))
    }

    /// Whether an MQTT topic is below its commands.
    pub(crate) fn has_command(&self, topic: &str) -> bool {
        topic.starts_with(&*self.commands)
    }

    /// It has subscribed to something: its commands may be among that.
    pub(crate) fn subscribed(&self) {
        self.subscribed.notify_one();
    }
}

/// Whether a text may be shown as a version.
fn is_version(text: &str) -> bool {
    (1..=SOFTWARE_VERSION_BYTES).contains(&text.len()) && !text.contains(char::is_control)
}

impl State {
    /// Whether this client is a device that `topic` would show a record of its own commands.
    pub(crate) fn is_told_otherwise(&self, topic: &str) -> bool {
        let device = self.device.as_ref();
        device.is_some_and(|device| device.has_command(topic))
    }

    /// The device that is connected now. Commands that an earlier connection left undelivered are
    /// taken back: they are handed over again if they are still to be done.
    pub(crate) fn set_device(&mut self, device: Option<Box<Device>>) {
        self.device = device;
        drop(self.outbound.take_apart(COMMANDS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_short_plain_text() {
        assert!(is_version("2.1.0-rc1"));
        assert!(is_version(&"x".repeat(64)));
        for bad in ["", "a\nb", &"x".repeat(65)] {
            assert!(!is_version(bad), "{bad:?}");
        }
    }
}
