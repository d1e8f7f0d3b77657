//! What a protocol says of a message beside its payload.

use bytes::Bytes;

use crate::limits;
use crate::record::{LimitError, bounded};

/// What a message's protocol says of it beside topic and payload: each as a tag of one byte, the length
/// of its value as two bytes (big-endian), and the value. 1 to [`limits::PROPERTIES_BYTES`] bytes in
/// all.
///
/// | tag | value |
/// |---|---|
/// | 1 | service: bits 0–1 the quality of service it was sent with (0 at most once, 1 at least once, 2 exactly once), bit 2 whether it was to be retained |
/// | 3 | response topic: UTF-8, as the sender names it |
/// | 4 | correlation data: bytes |
/// | 5 | expiry: seconds after it was received (4) |
/// | 6 | the payload is UTF-8 text: nothing |
/// | 7 | content type as the sender names it, which need not be a media type: UTF-8 |
///
/// A reader steps over tags that it does not know. Behind all of them, in their order, stand the user
/// properties, without a length of the whole: 38, length of the name (2), name, length of the value
/// (2), value; both UTF-8. That is how MQTT 5 writes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Properties(Bytes);

/// One of a message's properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property<'a> {
    /// How it was sent.
    Service {
        /// Quality of service: 0, 1 or 2.
        qos: u8,
        /// Whether it was to be retained.
        retain: bool,
    },
    /// Whatever the sender adds.
    User {
        /// Its name; names may occur more than once.
        name: &'a str,
        /// Its value.
        value: &'a str,
    },
    /// Where an answer is wanted.
    ResponseTopic(&'a str),
    /// What an answer is to carry.
    Correlation(&'a [u8]),
    /// For how many seconds after it was received it is of interest.
    Expiry(u32),
    /// The payload is UTF-8 text.
    Text,
    /// What the sender calls the payload; the record's content type is what Spica takes it for.
    ContentType(&'a str),
}

const SERVICE: u8 = 1;
const RESPONSE_TOPIC: u8 = 3;
const CORRELATION: u8 = 4;
const EXPIRY: u8 = 5;
const TEXT: u8 = 6;
const CONTENT_TYPE: u8 = 7;
const USER: u8 = 38;

impl Properties {
    /// Properties from shared bytes, as they were read from a journal.
    ///
    /// # Errors
    /// If they are empty or longer than [`limits::PROPERTIES_BYTES`].
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Result<Self, LimitError> {
        bounded("properties", bytes.into(), limits::PROPERTIES_BYTES).map(Self)
    }

    /// Properties from a list; none for an empty one. User properties are put last.
    ///
    /// # Errors
    /// If they are longer than [`limits::PROPERTIES_BYTES`].
    pub fn new<'a>(
        list: impl IntoIterator<Item = Property<'a>>,
    ) -> Result<Option<Self>, LimitError> {
        let (mut bytes, mut user) = (Vec::new(), Vec::new());
        for property in list {
            put(&mut bytes, &mut user, property);
            if bytes.len() + user.len() > limits::PROPERTIES_BYTES {
                break;
            }
        }
        bytes.append(&mut user);
        if bytes.is_empty() {
            return Ok(None);
        }
        Self::from_bytes(bytes).map(Some)
    }

    /// The bytes, as described above.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The user properties, as MQTT 5 writes them.
    #[must_use]
    pub fn user_section(&self) -> &[u8] {
        let mut rest: &[u8] = &self.0;
        while rest.first().is_some_and(|tag| *tag != USER) {
            let Some((_, behind)) = counted(&rest[1..]) else {
                return &[];
            };
            rest = behind;
        }
        rest
    }

    /// The properties, in their order, up to the first that cannot be read.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.0 }
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = Property<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// See [`Properties::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        loop {
            let (&tag, rest) = self.rest.split_first()?;
            let (value, rest) = counted(rest)?;
            if tag == USER {
                let (other, rest) = counted(rest)?;
                self.rest = rest;
                return user(value, other);
            }
            self.rest = rest;
            if let Some(known) = read(tag, value) {
                return known;
            }
        }
    }
}

/// What a value says: nothing where the tag is unknown, `Some(None)` where the value is none of it.
fn read(tag: u8, value: &[u8]) -> Option<Option<Property<'_>>> {
    Some(match tag {
        SERVICE => value.first().map(|bits| Property::Service {
            qos: bits & 3,
            retain: bits & 4 != 0,
        }),
        RESPONSE_TOPIC => std::str::from_utf8(value).ok().map(Property::ResponseTopic),
        CORRELATION => Some(Property::Correlation(value)),
        EXPIRY => value
            .first_chunk()
            .map(|seconds| Property::Expiry(u32::from_be_bytes(*seconds))),
        TEXT => Some(Property::Text),
        CONTENT_TYPE => std::str::from_utf8(value).ok().map(Property::ContentType),
        _ => return None,
    })
}

fn user<'a>(name: &'a [u8], value: &'a [u8]) -> Option<Property<'a>> {
    Some(Property::User {
        name: std::str::from_utf8(name).ok()?,
        value: std::str::from_utf8(value).ok()?,
    })
}

/// Bytes after their length, and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn put(out: &mut Vec<u8>, user: &mut Vec<u8>, property: Property<'_>) {
    match property {
        Property::Service { qos, retain } => {
            put_value(out, SERVICE, &[&[(qos & 3) | (u8::from(retain) << 2)]]);
        }
        Property::User { name, value } => {
            put_value(user, USER, &[name.as_bytes()]);
            user.extend_from_slice(&length(value.len()).to_be_bytes());
            user.extend_from_slice(value.as_bytes());
        }
        Property::ResponseTopic(topic) => put_value(out, RESPONSE_TOPIC, &[topic.as_bytes()]),
        Property::Correlation(data) => put_value(out, CORRELATION, &[data]),
        Property::Expiry(seconds) => put_value(out, EXPIRY, &[&seconds.to_be_bytes()]),
        Property::Text => put_value(out, TEXT, &[]),
        Property::ContentType(name) => put_value(out, CONTENT_TYPE, &[name.as_bytes()]),
    }
}

fn put_value(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    out.push(tag);
    let bytes = parts.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&length(bytes).to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// A length; one that is too long for its field is beyond the limit of all of them, which is checked
/// before anybody reads it.
fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read_in_order() {
        let list = [
            Property::Service {
                qos: 2,
                retain: true,
            },
            Property::ResponseTopic("answers/here"),
            Property::Correlation(&[0, 255]),
            Property::Expiry(3_600),
            Property::Text,
            Property::ContentType("a thing"),
            Property::User {
                name: "a",
                value: "1",
            },
            Property::User {
                name: "a",
                value: "",
            },
        ];
        let properties = Properties::new(list).unwrap().unwrap();
        assert_eq!(properties.iter().collect::<Vec<_>>(), list);
        assert_eq!(
            properties.user_section(),
            b"\x26\0\x01a\0\x011\x26\0\x01a\0\0"
        );
        let again = Properties::from_bytes(properties.as_bytes().clone()).unwrap();
        assert_eq!(again, properties);
        assert_eq!(Properties::new([]), Ok(None));
    }

    #[test]
    fn a_reader_steps_over_what_it_does_not_know_and_stops_at_what_is_cut() {
        let mut bytes = vec![99, 0, 2, 7, 7];
        put(&mut bytes, &mut Vec::new(), Property::Text);
        bytes.extend([EXPIRY, 0, 4, 1]);
        let properties = Properties::from_bytes(bytes).unwrap();
        assert_eq!(properties.iter().collect::<Vec<_>>(), [Property::Text]);
    }

    #[test]
    fn they_are_bounded() {
        let value = "v".repeat(limits::PROPERTIES_BYTES - 6);
        let one = |value| Properties::new([Property::User { name: "n", value }]);
        assert!(one(&value).is_ok());
        let longer = format!("{value}v");
        let error = one(&longer).unwrap_err();
        assert_eq!(
            error.to_string(),
            "properties has 16385 bytes; 1 to 16384 are allowed"
        );
        let huge = "v".repeat(1 << 20);
        assert!(one(&huge).is_err());
    }
}
