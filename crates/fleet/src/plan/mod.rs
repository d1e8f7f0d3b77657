//! What a fleet is to do.

mod check;

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::event::Event;

pub use check::PlanError;

/// A fleet's settings. Everything that is left to chance follows from `seed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Stations as `host:port`, tried in this order.
    pub endpoints: Vec<String>,
    /// How many devices.
    pub devices: u32,
    /// The first device's serial; the others count on from it, with at least 7 digits.
    pub first_serial: u32,
    /// The number of each device's first log entry and picture. If absent, it follows from the
    /// clock, so that fleets that follow each other with the same serials use no number twice.
    pub first_number: Option<u32>,
    /// The software version they say they have, at most 8 bytes.
    pub software_version: String,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// When the devices' first visits fall.
    pub arrival: Arrival,
    /// From one visit of a device to its next.
    pub interval: Duration,
    /// How far a visit may fall from its time, as a share of the interval, 0 to 1.
    pub jitter: f64,
    /// Visits of each device; no limit if absent.
    pub rounds: Option<u32>,
    /// No visit begins later than this; no limit if absent.
    pub duration: Option<Duration>,
    /// How long devices may go on trying to get rid of what they hold once visits are over.
    pub drain: Duration,
    /// Most events a visit brings; the number lies between 1 and this.
    pub events_per_visit: u32,
    /// Which events, and how often relative to each other.
    pub mix: Vec<Weight>,
    /// Pictures.
    pub pictures: Pictures,
    /// Misbehaviour.
    pub trouble: Trouble,
    /// Gives every device and attacker its own address in 127.0.0.0/8 when a station is on loopback.
    pub spread_sources: bool,
    /// Connections that may wait for the station's first word at a time: more would overflow its
    /// accept queue, and the operating system would make them wait a second.
    pub connects_at_once: usize,
    /// Connections that may be open at a time.
    pub connections_at_once: usize,
    /// How long a device waits for the station's next word.
    pub patience: Duration,
}

/// When first visits fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Evenly over the first interval.
    Spread,
    /// All at once, at the start.
    Burst,
}

/// How often an event happens relative to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// The event.
    pub event: Event,
    /// Its share of the sum of all weights.
    pub weight: u32,
}

/// How often devices take pictures, and how large ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pictures {
    /// Share of visits that bring a picture, 0 to 1.
    pub share: f64,
    /// Smallest, in bytes.
    pub bytes_min: u32,
    /// Largest, in bytes.
    pub bytes_max: u32,
}

/// Shares of connections that misbehave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trouble {
    /// Visits whose bytes dribble, 0 to 1.
    pub slow: f64,
    /// Visits that the device cuts somewhere, 0 to 1; it calls again soon after.
    pub torn: f64,
    /// Visits in which an alarm is sent unasked, in the middle of the dialogue, 0 to 1.
    pub unasked: f64,
    /// Hostile connections per planned visit: garbage, probes, silence, strangers.
    pub hostile: f64,
}

impl Default for Plan {
    fn default() -> Self {
        let weight = |event, weight| Weight { event, weight };
        Self {
            endpoints: Vec::new(),
            devices: 100,
            first_serial: 1,
            first_number: None,
            software_version: "sim-1.0".to_owned(),
            seed: 1,
            arrival: Arrival::Spread,
            interval: Duration::from_secs(10),
            jitter: 0.1,
            rounds: None,
            duration: Some(Duration::from_secs(60)),
            drain: Duration::from_secs(60),
            events_per_visit: 2,
            // One in a hundred is an alarm, as in the field.
            mix: vec![
                weight(Event::STATUS_CHECK, 680),
                weight(Event::CHARGER_CONNECTED, 120),
                weight(Event::CHARGER_DISCONNECTED, 120),
                weight(Event::LOW_BATTERY, 30),
                weight(Event::MAN_DOWN, 5),
                weight(Event::MAN_DOWN_CLEARED, 5),
                weight(Event::RED_ALERT, 3),
                weight(Event::LANYARD_REMOVED, 2),
                weight(Event::LANYARD_REFITTED, 5),
                weight(Event::AMBER_ALERT_STARTED, 15),
                weight(Event::AMBER_ALERT_ENDED, 15),
            ],
            pictures: Pictures::default(),
            trouble: Trouble::default(),
            spread_sources: true,
            connects_at_once: 256,
            connections_at_once: 12_000,
            patience: Duration::from_secs(30),
        }
    }
}

impl Default for Pictures {
    fn default() -> Self {
        Self {
            share: 0.01,
            bytes_min: 2_000,
            bytes_max: 20_000,
        }
    }
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            slow: 0.0,
            torn: 0.0,
            unasked: 0.02,
            hostile: 0.0,
        }
    }
}

impl Plan {
    /// The serials of the fleet, in order.
    pub fn serials(&self) -> impl Iterator<Item = String> + use<> {
        serials(self.first_serial, self.devices)
    }

    /// How many visits the plan has, as far as that can be said beforehand.
    #[must_use]
    pub fn visits_expected(&self) -> u64 {
        let by_time = self.duration.map_or(u64::MAX, |duration| {
            (duration.as_secs_f64() / self.interval.as_secs_f64())
                .ceil()
                .max(1.0) as u64
        });
        u64::from(self.devices) * by_time.min(self.rounds.map_or(u64::MAX, u64::from))
    }
}

/// `count` serials from `first` on, as fleets and load generators number them.
pub fn serials(first: u32, count: u32) -> impl Iterator<Item = String> {
    (first..first.saturating_add(count)).map(serial)
}

pub(crate) fn serial(number: u32) -> String {
    format!("{number:07}")
}

/// The registry's CSV for these serials: `serial,name,check_in_minutes,grace_minutes,customer,note,enabled`.
#[must_use]
pub fn registry_csv(serials: impl Iterator<Item = String>) -> String {
    let head = "serial,name,check_in_minutes,grace_minutes,customer,note,enabled\n".to_owned();
    serials.fold(head, |mut csv, serial| {
        csv.push_str(&format!("{serial},Simulated {serial},30,5,,,true\n"));
        csv
    })
}

/// The loopback address of the fleet's device number `index`; attackers count from the far end.
#[must_use]
pub(crate) fn device_source(index: u32) -> Ipv4Addr {
    // From 127.1.0.0 on: 127.0.0.1 stays with everything else on the machine.
    Ipv4Addr::from(0x7f01_0000 + index)
}

/// The loopback address of attack number `index`.
#[must_use]
pub(crate) fn attacker_source(index: u64) -> Ipv4Addr {
    // 64 addresses take turns: enough to see bans work, few enough that they matter.
    Ipv4Addr::from(0x7fff_0001 + (index % 64) as u32)
}
