//! Whether a plan can be carried out.

use super::{Pictures, Plan, Trouble};
use crate::device::BLOCK_BYTES;
use crate::picture::SIZE_MIN;

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
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::Weight;

    fn good() -> Plan {
        Plan {
            endpoints: vec!["localhost:1".to_owned()],
            ..Plan::default()
        }
    }

    #[test]
    fn the_default_plan_only_lacks_an_endpoint() {
        assert_eq!(Plan::default().check(), Err(PlanError::Endpoints));
        assert_eq!(good().check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused() {
        type Spoil = fn(&mut Plan);
        let cases: [(Spoil, &str); 12] = [
            (|p| p.devices = 0, "0 devices"),
            (|p| p.devices = 4_000_001, "4000001 devices"),
            (|p| p.first_serial = u32::MAX, "100 devices"),
            (|p| p.jitter = 1.5, "jitter is 1.5"),
            (
                |p| {
                    p.trouble = Trouble {
                        slow: 0.6,
                        torn: 0.6,
                        ..p.trouble
                    }
                },
                "slow + trouble.torn",
            ),
            (|p| p.trouble.hostile = -1.0, "hostile"),
            (|p| p.pictures.share = f64::NAN, "pictures.share"),
            (
                |p| (p.rounds, p.duration) = (None, None),
                "neither rounds nor a duration",
            ),
            (
                |p| p.interval = Duration::ZERO,
                "interval must be more than 0",
            ),
            (
                |p| p.mix.iter_mut().for_each(|w: &mut Weight| w.weight = 0),
                "no weight",
            ),
            (|p| p.pictures.bytes_min = 30_000, "30000 to 20000"),
            (
                |p| p.software_version = "much too long".to_owned(),
                "8 visible",
            ),
        ];
        for (spoil, expected) in cases {
            let mut plan = good();
            spoil(&mut plan);
            let error = plan.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
