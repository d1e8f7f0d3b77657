//! What comes in and goes out about devices.

use serde::{Deserialize, Serialize};
use spica_devices::{Device, Registration, Serial};
use utoipa::ToSchema;

use super::{part, serial_of};
use crate::extract::{FromBody, json};
use crate::problem::Problem;
use crate::record_json::time;
use crate::schemas::{SerialText, TimeText};

/// A registered device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct DeviceBody {
    /// Its serial.
    #[schema(value_type = SerialText)]
    serial: String,
    /// A name for people.
    name: Option<String>,
    /// Whose device it is.
    customer: Option<String>,
    /// Anything else.
    note: Option<String>,
    /// Whether it may talk to a station.
    enabled: bool,
    /// How often it dials in at least, in minutes.
    check_in_minutes: u16,
    /// How long after its interval a check-in counts as missed, in minutes.
    grace_minutes: u16,
    /// Software versions that may talk to a station; empty allows all.
    allowed_versions: Vec<String>,
    /// Since when it is registered.
    #[schema(value_type = TimeText)]
    registered_at: String,
    /// When a station last accepted it.
    #[schema(value_type = Option<TimeText>)]
    last_check_in: Option<String>,
    /// When its next check-in counts as missed.
    #[schema(value_type = Option<TimeText>)]
    missed_at: Option<String>,
    /// The software it ran at its last check-in.
    software_version: Option<String>,
}

impl From<&Device> for DeviceBody {
    fn from(device: &Device) -> Self {
        let registration = device.registration.clone();
        let minutes =
            u64::from(registration.check_in_minutes) + u64::from(registration.grace_minutes);
        let window = std::time::Duration::from_secs(minutes * 60);
        let missed_at = device.last_check_in.map(|last| last.saturating_add(window));
        Self {
            serial: device.serial.to_string(),
            name: registration.name,
            customer: registration.customer,
            note: registration.note,
            enabled: registration.enabled,
            check_in_minutes: registration.check_in_minutes,
            grace_minutes: registration.grace_minutes,
            allowed_versions: registration.allowed_versions,
            registered_at: device.registered_at.to_string(),
            last_check_in: time(device.last_check_in),
            missed_at: time(missed_at.filter(|_| registration.enabled)),
            software_version: device.software_version.clone(),
        }
    }
}

macro_rules! registration {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $more:ident: $type:ty,)* }) => {
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$about])*
        pub(crate) struct $name {
            $($(#[$of])* $more: $type,)*
            /// A name for people, 1 to 200 bytes.
            #[schema(min_length = 1, max_length = 200)]
            name: Option<String>,
            /// Whose device it is, 1 to 200 bytes.
            #[schema(min_length = 1, max_length = 200)]
            customer: Option<String>,
            /// Anything else, 1 to 2,000 bytes.
            #[schema(min_length = 1, max_length = 2_000)]
            note: Option<String>,
            /// Whether it may talk to a station; true by default.
            enabled: Option<bool>,
            /// How often it dials in at least, in minutes; 30 by default.
            #[schema(minimum = 1, maximum = 10_080)]
            check_in_minutes: Option<u16>,
            /// How long after its interval a check-in counts as missed, in minutes; 5 by default.
            #[schema(minimum = 0, maximum = 10_080)]
            grace_minutes: Option<u16>,
            /// Software versions that may talk to a station; none (default) allows all.
            #[schema(max_items = 32)]
            allowed_versions: Option<Vec<String>>,
        }

        impl $name {
            /// The registration, checked; what is not said takes its default.
            fn registration(self) -> Result<Registration, Problem> {
                let usual = Registration::default();
                let registration = Registration {
                    name: self.name,
                    customer: self.customer,
                    note: self.note,
                    enabled: self.enabled.unwrap_or(usual.enabled),
                    check_in_minutes: self.check_in_minutes.unwrap_or(usual.check_in_minutes),
                    grace_minutes: self.grace_minutes.unwrap_or(usual.grace_minutes),
                    allowed_versions: self.allowed_versions.unwrap_or_default(),
                };
                let checked = registration.check();
                checked.map_err(|error| part(error.field, error.to_string()))?;
                Ok(registration)
            }
        }
    };
}

registration! {
    /// What an operator says about a device. What is not said takes its default.
    #[schema(as = Registration)]
    RegistrationBody {}
}

registration! {
    /// A device to register.
    #[schema(as = NewDevice)]
    NewDeviceBody {
        /// Its serial.
        #[schema(value_type = SerialText)]
        serial: String,
    }
}

impl FromBody for Registration {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        json::<RegistrationBody>(bytes)?.registration()
    }
}

/// A device to register, checked.
pub(crate) struct NewDevice {
    pub(super) serial: Serial,
    pub(super) registration: Registration,
}

impl FromBody for NewDevice {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let body: NewDeviceBody = json(bytes)?;
        let serial = serial_of(&body.serial)?;
        Ok(Self {
            serial,
            registration: body.registration()?,
        })
    }
}
