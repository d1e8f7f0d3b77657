//! What a fleet is to do, and whether that can be done.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::device::BLOCK_BYTES;
use crate::event::Event;
use crate::picture::SIZE_MIN;

/// A fleet's settings. Everything that is left to chance follows from `seed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Stations as `host:port`, tried in this order.
    pub endpoints: Vec<String>,
    /// How many devices.
    pub devices: u32,
    /// The first device's serial; the others count on from it, with at least 7 digits.
    pub first_serial: u32,
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

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Nowhere to call.
    #[error("no endpoint: name at least one station as host:port")]
    Endpoints,
    /// No devices, or more than there are serials or source addresses for.
    #[error("{0} devices: a fleet has between 1 and 4000000, with serials up to 4294967295")]
    Devices(u32),
    /// A share outside of 0 to 1.
    #[error("{name} is {value}: a share lies between 0 and 1")]
    Share {
        /// Which.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// It would never end.
    #[error("neither rounds nor a duration: say when the fleet may stop")]
    Endless,
    /// A number that must be positive.
    #[error("{0} must be more than 0")]
    Zero(&'static str),
    /// Nothing can happen.
    #[error("the event mix has no weight")]
    Mix,
    /// Picture sizes that blocks cannot number, or in the wrong order.
    #[error("pictures of {min} to {max} bytes: the sizes go from {SIZE_MIN} to {limit}, smallest first", limit = PICTURE_MAX)]
    Pictures {
        /// Smallest.
        min: u32,
        /// Largest.
        max: u32,
    },
    /// The version does not fit.
    #[error("the software version {0:?} does not fit 8 visible ASCII bytes")]
    Version(String),
}

/// The largest picture a device takes; blocks are numbered with 16 bits, memory is not endless.
const PICTURE_MAX: u32 = 16_000_000;
const _: () = assert!((PICTURE_MAX as usize) < BLOCK_BYTES * u16::MAX as usize);

impl Plan {
    /// Whether the plan can be carried out.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.endpoints.is_empty() {
            return Err(PlanError::Endpoints);
        }
        let last = self.first_serial.checked_add(self.devices);
        if self.devices == 0 || self.devices > 4_000_000 || last.is_none() {
            return Err(PlanError::Devices(self.devices));
        }
        self.check_shares()?;
        if self.rounds.is_none() && self.duration.is_none() {
            return Err(PlanError::Endless);
        }
        self.check_positive()?;
        if self.mix.iter().all(|weight| weight.weight == 0) {
            return Err(PlanError::Mix);
        }
        let Pictures {
            bytes_min: min,
            bytes_max: max,
            ..
        } = self.pictures;
        if !(SIZE_MIN..=PICTURE_MAX).contains(&min) || !(min..=PICTURE_MAX).contains(&max) {
            return Err(PlanError::Pictures { min, max });
        }
        let version = &self.software_version;
        if version.len() > 8 || !version.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(PlanError::Version(version.clone()));
        }
        Ok(())
    }

    fn check_shares(&self) -> Result<(), PlanError> {
        let Trouble {
            slow,
            torn,
            unasked,
            hostile,
        } = self.trouble;
        let shares = [
            ("jitter", self.jitter),
            ("pictures.share", self.pictures.share),
            ("trouble.slow", slow),
            ("trouble.torn", torn),
            ("trouble.slow + trouble.torn", slow + torn),
            ("trouble.unasked", unasked),
        ];
        if let Some((name, value)) = shares.into_iter().find(|(_, s)| !(0.0..=1.0).contains(s)) {
            return Err(PlanError::Share { name, value });
        }
        if !(0.0..=1_000.0).contains(&hostile) {
            return Err(PlanError::Share {
                name: "trouble.hostile / 1000",
                value: hostile,
            });
        }
        Ok(())
    }

    fn check_positive(&self) -> Result<(), PlanError> {
        let zero = [
            ("interval", self.interval.is_zero()),
            ("rounds", self.rounds == Some(0)),
            ("events_per_visit", self.events_per_visit == 0),
            ("connects_at_once", self.connects_at_once == 0),
            ("connections_at_once", self.connections_at_once == 0),
            ("patience", self.patience.is_zero()),
        ];
        zero.into_iter()
            .find(|(_, is)| *is)
            .map_or(Ok(()), |(name, _)| Err(PlanError::Zero(name)))
    }

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
