//! What the station's records say: JSON written straight from what the device sent.
//!
//! | topic below the device | payload |
//! |---|---|
//! | `events/<name>` | `{"index":u32,"code":u8,"event":name,"detail":{…}}` |
//! | `pictures` | `{"picture":u32,"size":u32,"sha256":hex,"address":str,"crc32":hex,"content_type":str}` |
//! | `check-in` | `{"software_version":str,"remote":"ip:port","station":"identicom"}` |
//!
//! `detail` has the names of the profile, and under `other` what the profile does not know or a tag
//! that comes again, as `{"tag":u8,"hex":str}`: nothing a device says is left out.

use std::fmt;
use std::net::SocketAddr;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use spica_identicom_proto::message::{LogEntry, PictureHeader};
use spica_identicom_proto::profile::{DetailItem, Profile, Value, Values};
use spica_objects::Stored;

/// The name of this station in check-ins.
const STATION: &str = "identicom";
/// Where unknown details stand.
const OTHER: &str = "other";

/// Appends the payload of an event.
pub(crate) fn write_event(out: &mut Vec<u8>, profile: &Profile, event: &str, entry: &LogEntry<'_>) {
    let detail = Detail {
        profile,
        bytes: entry.detail,
    };
    write(
        out,
        &Event {
            index: entry.index,
            code: entry.event,
            event,
            detail,
        },
    );
}

/// Appends the payload of a stored picture.
pub(crate) fn write_picture(out: &mut Vec<u8>, header: &PictureHeader, stored: &Stored) {
    write(
        out,
        &Picture {
            picture: header.picture,
            size: stored.size,
            sha256: stored.address.sha256(),
            address: stored.address.as_str(),
            crc32: Shown(format_args!("{:08x}", header.crc32)),
            content_type: stored.content_type.as_str(),
        },
    );
}

/// Appends the payload of a check-in.
pub(crate) fn write_check_in(out: &mut Vec<u8>, version: &str, remote: SocketAddr) {
    write(
        out,
        &CheckIn {
            software_version: version,
            remote: Shown(format_args!("{remote}")),
            station: STATION,
        },
    );
}

fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    // Neither a vector nor these values can fail.
    let _ = serde_json::to_writer(out, value);
}

#[derive(Serialize)]
struct Event<'a> {
    index: u32,
    code: u8,
    event: &'a str,
    detail: Detail<'a>,
}

#[derive(Serialize)]
struct Picture<'a> {
    picture: u32,
    size: u32,
    sha256: &'a str,
    address: &'a str,
    crc32: Shown<'a>,
    content_type: &'a str,
}

#[derive(Serialize)]
struct CheckIn<'a> {
    software_version: &'a str,
    remote: Shown<'a>,
    station: &'a str,
}

/// Text that is written as it is formatted.
struct Shown<'a>(fmt::Arguments<'a>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The detail of a log entry.
struct Detail<'a> {
    profile: &'a Profile,
    bytes: &'a [u8],
}

/// Tags that were seen already.
#[derive(Default)]
struct Seen([u64; 4]);

impl Seen {
    /// Whether `tag` is new.
    fn add(&mut self, tag: u8) -> bool {
        let (word, bit) = (&mut self.0[usize::from(tag >> 6)], 1 << (tag & 63));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

impl Detail<'_> {
    /// Each detail with its tag and bytes, and whether it stands under its name.
    fn items(&self) -> impl Iterator<Item = (DetailItem<'_, '_>, Other<'_>, bool)> {
        let mut seen = Seen::default();
        let mut rest = self.bytes;
        self.profile.details(self.bytes).map(move |item| {
            let other = Other::next(&mut rest);
            let named = matches!(item, DetailItem::Known(..)) && seen.add(other.tag);
            (item, other, named)
        })
    }
}

impl Serialize for Detail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut others = false;
        for (item, _, named) in self.items() {
            match item {
                DetailItem::Known(known, values) if named => {
                    map.serialize_key(known.name.as_str())?;
                    if known.is_scalar {
                        map.serialize_value(&Scalar(self.profile, values))?;
                    } else {
                        map.serialize_value(&Named(self.profile, values))?;
                    }
                }
                _ => others = true,
            }
        }
        if others {
            map.serialize_entry(OTHER, &Others(self))?;
        }
        map.end()
    }
}

/// A detail as it came: tag and bytes.
#[derive(Serialize)]
struct Other<'a> {
    tag: u8,
    hex: Hex<'a>,
}

impl<'a> Other<'a> {
    /// Takes the next tag, length and value off `rest`, as far as they are there.
    fn next(rest: &mut &'a [u8]) -> Self {
        let (tag, after) = rest.split_first().unwrap_or((&0, &[]));
        let (length, after) = after.split_first().unwrap_or((&0, &[]));
        let length = usize::from(*length).min(after.len());
        let (bytes, after) = after.split_at(length);
        *rest = after;
        Self {
            tag: *tag,
            hex: Hex(bytes),
        }
    }
}

struct Others<'a>(&'a Detail<'a>);

impl Serialize for Others<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (_, other, named) in self.0.items() {
            if !named {
                list.serialize_element(&other)?;
            }
        }
        list.end()
    }
}

/// The one value of a detail.
struct Scalar<'a>(&'a Profile, Values<'a, 'a>);

impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(profile, mut values) = *self;
        values
            .next()
            .map(|(_, value)| One(profile, value))
            .serialize(serializer)
    }
}

/// The named values of a detail.
struct Named<'a>(&'a Profile, Values<'a, 'a>);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.1.map(|(name, value)| (name, One(self.0, value)));
        serializer.collect_map(values)
    }
}

struct One<'a>(&'a Profile, Value<'a>);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Value::Integer(number) => serializer.serialize_i64(number),
            Value::Decimal { .. } => self.1.as_f64().serialize(serializer),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => Hex(bytes).serialize(serializer),
            Value::Event(code) => serializer.serialize_str(&self.0.event_name(code)),
        }
    }
}
