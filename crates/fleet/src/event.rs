//! Events and their details, as a device encodes them and as the hub must show them.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

/// An event code of the profile; it prints as its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Event(pub u8);

/// A text that names no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event: a name of the profile (man-down, status-check, …) or unknown-0x99")]
pub struct NoEvent(pub String);

/// Code, name and whether it is critical.
const KNOWN: [(Event, &str, bool); 11] = [
    (Event::STATUS_CHECK, "status-check", false),
    (Event::LOW_BATTERY, "low-battery", false),
    (Event::CHARGER_CONNECTED, "charger-connected", false),
    (Event::CHARGER_DISCONNECTED, "charger-disconnected", false),
    (Event::MAN_DOWN, "man-down", true),
    (Event::MAN_DOWN_CLEARED, "man-down-cleared", false),
    (Event::RED_ALERT, "red-alert", true),
    (Event::AMBER_ALERT_STARTED, "amber-alert-started", false),
    (Event::AMBER_ALERT_ENDED, "amber-alert-ended", false),
    (Event::LANYARD_REMOVED, "lanyard-removed", true),
    (Event::LANYARD_REFITTED, "lanyard-refitted", false),
];

impl Event {
    /// A sign of life.
    pub const STATUS_CHECK: Self = Self(0x20);
    /// The battery runs low.
    pub const LOW_BATTERY: Self = Self(0x21);
    /// Put on the charger.
    pub const CHARGER_CONNECTED: Self = Self(0x30);
    /// Taken off the charger.
    pub const CHARGER_DISCONNECTED: Self = Self(0x31);
    /// The wearer fell.
    pub const MAN_DOWN: Self = Self(0x3b);
    /// The wearer stands again.
    pub const MAN_DOWN_CLEARED: Self = Self(0x3c);
    /// The button was pressed.
    pub const RED_ALERT: Self = Self(0x40);
    /// A timed activity began.
    pub const AMBER_ALERT_STARTED: Self = Self(0x41);
    /// A timed activity ended.
    pub const AMBER_ALERT_ENDED: Self = Self(0x42);
    /// The lanyard was torn off.
    pub const LANYARD_REMOVED: Self = Self(0x48);
    /// The lanyard is back.
    pub const LANYARD_REFITTED: Self = Self(0x49);

    fn known(self) -> Option<&'static (Self, &'static str, bool)> {
        KNOWN.iter().find(|(event, _, _)| *event == self)
    }

    /// Whether it belongs on the critical lane.
    #[must_use]
    pub fn is_critical(self) -> bool {
        self.known().is_some_and(|known| known.2)
    }
}

impl fmt::Display for Event {
    /// The name, as in the hub's topics; `unknown-0x99` for a code the profile does not have.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((_, name, _)) => f.write_str(name),
            None => write!(f, "unknown-0x{:02x}", self.0),
        }
    }
}

impl FromStr for Event {
    type Err = NoEvent;

    fn from_str(name: &str) -> Result<Self, NoEvent> {
        if let Some((event, _, _)) = KNOWN.iter().find(|known| known.1 == name) {
            return Ok(*event);
        }
        let code = name
            .strip_prefix("unknown-0x")
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        code.map(Self).ok_or_else(|| NoEvent(name.to_owned()))
    }
}

/// The mobile network cell a device sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Country.
    pub mcc: u16,
    /// Network.
    pub mnc: u16,
    /// Area.
    pub lac: u16,
    /// Cell.
    pub cell: u32,
}

/// What a log entry says beyond its event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// Tag 1, per cent.
    pub battery_percent: Option<u8>,
    /// Tag 2, dBm.
    pub signal_dbm: Option<i8>,
    /// Tag 3: latitude and longitude in 1e-7 degrees.
    pub location: Option<(i32, i32)>,
    /// Tag 4.
    pub cell: Option<Cell>,
    /// Tag 5.
    pub text: Option<String>,
    /// Tag 6: minutes of an amber alert.
    pub minutes: Option<u16>,
    /// Tags the profile does not know, with their bytes.
    pub other: Vec<(u8, Vec<u8>)>,
}

impl Detail {
    /// The tagged list as it travels.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut tag = |tag: u8, value: &[u8]| {
            // A value is short by construction; what does not fit a length byte is cut off.
            let value = &value[..value.len().min(250)];
            out.extend_from_slice(&[tag, value.len() as u8]);
            out.extend_from_slice(value);
        };
        self.battery_percent.inspect(|percent| tag(1, &[*percent]));
        self.signal_dbm.inspect(|dbm| tag(2, &dbm.to_le_bytes()));
        self.location.inspect(|(latitude, longitude)| {
            tag(
                3,
                &[latitude.to_le_bytes(), longitude.to_le_bytes()].concat(),
            );
        });
        self.cell.inspect(|cell| {
            let numbers = [
                cell.mcc.to_le_bytes(),
                cell.mnc.to_le_bytes(),
                cell.lac.to_le_bytes(),
            ];
            tag(
                4,
                &[&numbers.concat()[..], &cell.cell.to_le_bytes()].concat(),
            );
        });
        self.text.as_ref().inspect(|text| tag(5, text.as_bytes()));
        self.minutes
            .inspect(|minutes| tag(6, &minutes.to_le_bytes()));
        self.other
            .iter()
            .for_each(|(number, value)| tag(*number, value));
        out
    }

    /// The JSON in which the hub must show it; locations stay in 1e-7 degrees.
    #[must_use]
    pub fn expected(&self) -> Value {
        let mut map = Map::new();
        let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
        self.battery_percent
            .inspect(|n| drop(put("battery_percent", json!(n))));
        self.signal_dbm
            .inspect(|n| drop(put("signal_dbm", json!(n))));
        self.location.inspect(|(latitude, longitude)| {
            put(
                "location",
                json!({"latitude": latitude, "longitude": longitude}),
            );
        });
        self.cell.inspect(|c| {
            let cell = json!({"mcc": c.mcc, "mnc": c.mnc, "lac": c.lac, "cell": c.cell});
            put("cell", cell);
        });
        self.text
            .as_ref()
            .inspect(|text| drop(put("text", json!(text))));
        self.minutes.inspect(|n| drop(put("minutes", json!(n))));
        if !self.other.is_empty() {
            let other = self
                .other
                .iter()
                .map(|(tag, value)| json!({"tag": tag, "hex": hex(value)}));
            put("other", other.collect());
        }
        Value::Object(map)
    }

    /// Brings the hub's JSON into the form of [`Self::expected`]: degrees become 1e-7 degrees, and
    /// fields that say nothing (null, an empty list) go.
    #[must_use]
    pub fn normalise(mut shown: Value) -> Value {
        let Some(map) = shown.as_object_mut() else {
            return Value::Object(Map::new());
        };
        map.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()));
        if let Some(location) = map.get_mut("location").and_then(Value::as_object_mut) {
            for degrees in location.values_mut() {
                if let Some(number) = degrees.as_f64() {
                    *degrees = json!((number * 1e7).round() as i64);
                }
            }
        }
        shown
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Detail {
        Detail {
            battery_percent: Some(87),
            signal_dbm: Some(-71),
            location: Some((-338_567_844, 1_512_153_012)),
            cell: Some(Cell {
                mcc: 505,
                mnc: 1,
                lac: 0x1e1d,
                cell: 70_000,
            }),
            text: Some("at gate 4".to_owned()),
            minutes: Some(45),
            other: vec![(0x77, vec![0x1e, 0x00])],
        }
    }

    #[test]
    fn a_detail_is_written_as_the_page_says() {
        let expected: Vec<u8> = [
            &[1, 1, 87][..],
            &[2, 1, 0xb9],
            &[3, 8, 0x5c, 0xdd, 0xd1, 0xeb, 0xb4, 0x9f, 0x21, 0x5a],
            &[
                4, 10, 0xf9, 0x01, 0x01, 0x00, 0x1d, 0x1e, 0x70, 0x11, 0x01, 0x00,
            ],
            &[5, 9],
            b"at gate 4",
            &[6, 2, 45, 0],
            &[0x77, 2, 0x1e, 0x00],
        ]
        .concat();
        assert_eq!(full().encode(), expected);
        assert!(Detail::default().encode().is_empty());
    }

    #[test]
    fn what_the_hub_shows_is_compared_in_whole_units() {
        let shown = json!({
            "battery_percent": 87, "signal_dbm": -71, "text": "at gate 4", "minutes": 45,
            "location": {"latitude": -33.856_784_4, "longitude": 151.215_301_2},
            "cell": {"mcc": 505, "mnc": 1, "lac": 7709, "cell": 70000},
            "other": [{"tag": 119, "hex": "1e00"}],
        });
        assert_eq!(Detail::normalise(shown), full().expected());
        let bare = json!({"text": null, "other": []});
        assert_eq!(Detail::normalise(bare), Detail::default().expected());
    }

    #[test]
    fn names_and_codes_belong_together() {
        for (code, name, critical) in [
            (0x3b, "man-down", true),
            (0x30, "charger-connected", false),
            (0x99, "unknown-0x99", false),
        ] {
            assert_eq!(Event(code).to_string(), name);
            assert_eq!(name.parse(), Ok(Event(code)));
            assert_eq!(Event(code).is_critical(), critical);
        }
        assert_eq!("lunch".parse::<Event>(), Err(NoEvent("lunch".to_owned())));
    }
}
