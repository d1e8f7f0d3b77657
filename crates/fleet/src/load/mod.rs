//! Load for benchmarks: the same devices, driven from one thread as cheaply as possible, because
//! the machine has to carry the hub as well.
//!
//! These functions block; each drives its sockets with one `epoll` of its own. The devices must be
//! registered at the hub ([`crate::Hub::register`] with [`Target::serials`]). What was told durable
//! comes back as an [`crate::Outcome`] for [`crate::books::compare`].

mod burst;
mod engine;
mod idle;
mod line;
mod phone_home;

use std::net::SocketAddr;
use std::time::Duration;

pub use burst::{Burst, BurstFigures, burst};
pub use idle::{Idle, idle};
pub use phone_home::{PhoneHome, PhoneHomeFigures, Until, phone_home};

/// Whom to load, and with which devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The station.
    pub endpoint: SocketAddr,
    /// The first device's serial; the others count on from it.
    pub first_serial: u32,
    /// The number of each device's first log entry. If absent, it follows from the clock, so that
    /// loads that follow each other use no number twice.
    pub first_number: Option<u32>,
    /// How many devices.
    pub devices: u32,
    /// Gives every device its own address in 127.0.0.0/8 if the station is on loopback.
    pub spread_sources: bool,
    /// Connections that may wait for the station's first word at a time; more than the station's
    /// accept queue holds would cost a second each.
    pub connects_at_once: usize,
    /// Connections that may be open at a time; each costs a file descriptor.
    pub connections_at_once: usize,
    /// A connection on which nothing happens for this long has failed.
    pub patience: Duration,
}

impl Target {
    /// A target with sound limits for a machine with 20,000 file descriptors per process.
    #[must_use]
    pub const fn new(endpoint: SocketAddr, devices: u32) -> Self {
        Self {
            endpoint,
            first_serial: 1,
            first_number: None,
            devices,
            spread_sources: true,
            connects_at_once: 256,
            connections_at_once: 15_000,
            patience: Duration::from_secs(30),
        }
    }

    /// The serials to register.
    pub fn serials(&self) -> impl Iterator<Item = String> {
        crate::plan::serials(self.first_serial, self.devices)
    }
}

/// One decimal is as much as the figures carry.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Seconds to the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}
