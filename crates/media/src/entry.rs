//! What the index says of a picture.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use spica_devices::Serial;
use spica_model::{Epoch, Lane, Position, Seq, Timestamp};
use spica_objects::Address;

use crate::Format;

/// Where a picture stands in the index: by device, time and record. As text, such as
/// `1763787683000000-1-42-0012345`, it is the cursor of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The device.
    pub serial: Serial,
    /// When the picture was received.
    pub received: Timestamp,
    /// The epoch of its record.
    pub epoch: Epoch,
    /// The number of its record in the normal lane.
    pub seq: Seq,
}

/// A text that is no place in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place in the list of pictures is what an earlier page said")]
pub struct PlaceError;

impl Place {
    /// Where the record of the picture stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            epoch: self.epoch,
            lane: Lane::Normal,
            seq: self.seq,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.received.as_micros();
        write!(f, "{micros}-{}-{}-{}", self.epoch.0, self.seq, self.serial)
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            // A serial may have dashes, and so may a time before 1970.
            let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
            let mut parts = rest.splitn(4, '-');
            let mut next = || parts.next();
            let micros: i64 = next()?.parse().ok()?;
            Some(Self {
                received: Timestamp::from_micros(sign * micros),
                epoch: Epoch(next()?.parse().ok()?),
                seq: Seq(next()?.parse().ok()?),
                serial: Serial::new(next()?).ok()?,
            })
        };
        parse().ok_or(PlaceError)
    }
}

/// What is known of a picture's thumbnail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thumbnail {
    /// Nobody has looked at the picture yet.
    Pending,
    /// It was made; the picture has so many pixels.
    Made {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// The picture cannot be shown, and why.
    Unreadable(String),
    /// The picture was not there when it was looked for. It may have come since.
    Missing,
}

/// A picture in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the index.
    pub place: Place,
    /// When it was taken, as the device says.
    pub source_time: Option<Timestamp>,
    /// The device's number for it.
    pub picture: u32,
    /// Its size in bytes.
    pub size: u32,
    /// Where it is stored.
    pub address: Address,
    /// What its bytes are, if they are a picture that we know.
    pub format: Option<Format>,
    /// What is known of its thumbnail.
    pub thumbnail: Thumbnail,
}

impl Entry {
    /// The media type of the picture: by its bytes, `application/octet-stream` if they are none.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.format
            .map_or("application/octet-stream", Format::content_type)
    }
}

/// An entry in the file, beside its place.
#[derive(Serialize, Deserialize)]
struct EntryJson {
    source_micros: Option<i64>,
    picture: u32,
    size: u32,
    address: String,
    content_type: Option<String>,
    pixels: Option<(u32, u32)>,
    unreadable: Option<String>,
    #[serde(default)]
    missing: bool,
}

impl Entry {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (pixels, unreadable) = match &self.thumbnail {
            Thumbnail::Made { width, height } => (Some((*width, *height)), None),
            Thumbnail::Unreadable(why) => (None, Some(why.clone())),
            Thumbnail::Pending | Thumbnail::Missing => (None, None),
        };
        let json = EntryJson {
            source_micros: self.source_time.map(Timestamp::as_micros),
            picture: self.picture,
            size: self.size,
            address: self.address.to_string(),
            content_type: self.format.map(|format| format.content_type().to_owned()),
            pixels,
            unreadable,
            missing: self.thumbnail == Thumbnail::Missing,
        };
        // Numbers and text always have a JSON form; nothing would be an entry that is not read.
        serde_json::to_vec(&json).unwrap_or_default()
    }

    /// Reads an entry; none if the bytes are no entry, which the file's checksums rule out.
    pub(crate) fn decode(place: Place, bytes: &[u8]) -> Option<Self> {
        let json: EntryJson = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            place,
            source_time: json.source_micros.map(Timestamp::from_micros),
            picture: json.picture,
            size: json.size,
            address: json.address.parse().ok()?,
            format: json
                .content_type
                .as_deref()
                .and_then(Format::of_content_type),
            thumbnail: match (json.pixels, json.unreadable) {
                (Some((width, height)), _) => Thumbnail::Made { width, height },
                (None, Some(why)) => Thumbnail::Unreadable(why),
                (None, None) if json.missing => Thumbnail::Missing,
                (None, None) => Thumbnail::Pending,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_entries_read_back() {
        for (micros, serial) in [(1_763_787_683_000_000, "0012345"), (-5, "a-b-c"), (0, "-")] {
            let place = Place {
                serial: Serial::new(serial).unwrap(),
                received: Timestamp::from_micros(micros),
                epoch: Epoch(3),
                seq: Seq(42),
            };
            assert_eq!(place.to_string().parse(), Ok(place));
            assert_eq!(place.position().to_string(), "3/normal/42");
            let hash = "ab".repeat(32);
            for thumbnail in [
                Thumbnail::Pending,
                Thumbnail::Made {
                    width: 3,
                    height: 4,
                },
                Thumbnail::Unreadable("it is torn".to_owned()),
                Thumbnail::Missing,
            ] {
                let entry = Entry {
                    place,
                    source_time: Some(Timestamp::from_secs(7)),
                    picture: 9,
                    size: 10,
                    address: format!("pictures/ab/{hash}").parse().unwrap(),
                    format: Some(Format::Png),
                    thumbnail,
                };
                assert_eq!(Entry::decode(place, &entry.encode()), Some(entry));
            }
        }
        for bad in ["", "1-2-3", "1-2-3-", "x-2-3-s", "--1-2-3-s"] {
            assert_eq!(bad.parse::<Place>(), Err(PlaceError), "{bad:?}");
        }
    }
}
