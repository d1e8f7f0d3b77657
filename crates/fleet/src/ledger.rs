//! What a fleet remembers of a run: everything it produced, and what it was told is durable.

use std::sync::Arc;

use spica_model::Timestamp;

use crate::event::{Detail, Event};
use crate::picture::Picture;

/// An entry of a device's event log and what became of it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number on the device.
    pub index: u32,
    /// When it happened, in Unix seconds.
    pub time: u32,
    /// What happened.
    pub event: Event,
    /// What it says beyond that.
    pub detail: Arc<Detail>,
    /// When it first went out, whether or not it arrived.
    pub first_sent: Option<Timestamp>,
    /// The station had the device delete it: it must be durable.
    pub told: bool,
}

/// A picture and what became of it; its bytes go once they are told durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shot {
    /// Its number on the device.
    pub number: u32,
    /// When it was taken, in Unix seconds.
    pub time: u32,
    /// Bytes.
    pub size: u32,
    /// CRC-32 (IEEE).
    pub crc32: u32,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// The station had the device delete it: it must be durable.
    pub told: bool,
}

impl From<&Picture> for Shot {
    fn from(picture: &Picture) -> Self {
        Self {
            number: picture.number,
            time: picture.time,
            size: u32::try_from(picture.bytes.len()).unwrap_or(u32::MAX),
            crc32: picture.crc32(),
            sha256: picture.sha256(),
            told: false,
        }
    }
}

/// A command that a device carried out, once, however often it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its number at the hub.
    pub id: u16,
    /// Its code in the profile.
    pub code: u8,
    /// Its arguments.
    pub arguments: Vec<u8>,
    /// What the device answered: 0 done, else refused.
    pub result: u8,
    /// How often it came.
    pub deliveries: u32,
    /// The station said goodbye since: it must have kept the answer.
    pub told: bool,
}

/// The books of one device.
#[derive(Debug, Clone, Default)]
pub struct DeviceBooks {
    /// The device.
    pub serial: String,
    /// Where its numbers begin. Lower ones belong to an earlier life of the serial.
    pub first: u32,
    /// All entries of its log, oldest first, deleted ones included.
    pub entries: Vec<Entry>,
    /// All its pictures, oldest first.
    pub pictures: Vec<Shot>,
    /// All its commands, in the order of their first delivery.
    pub orders: Vec<Order>,
}

/// The books of a whole fleet at the end of a run.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// When the run began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// One per device.
    pub devices: Vec<DeviceBooks>,
    /// How the connections went.
    pub totals: Totals,
    /// The first few things a station did that the profile does not allow.
    pub violations: Vec<String>,
}

/// How the connections of a run went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Planned visits that began.
    pub visits: u64,
    /// Connections of devices, repeated ones included.
    pub connections: u64,
    /// Connections that no endpoint took.
    pub refused: u64,
    /// Dialogues that ended with the station's goodbye.
    pub completed: u64,
    /// Dialogues the plan had the device cut.
    pub cut: u64,
    /// Dialogues the station ended early, or that broke.
    pub broken: u64,
    /// Dialogues given up because the station was silent for too long.
    pub timed_out: u64,
    /// Dialogues in which the station broke the profile.
    pub violations: u64,
    /// Hostile connections.
    pub attacks: u64,
    /// Hostile connections the station closed.
    pub attacks_closed: u64,
    /// Hostile connections that were told anything is durable, or were let past identity.
    pub attacks_served: u64,
}
