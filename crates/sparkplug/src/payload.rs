//! Payloads: what a message says, borrowed from its bytes.

use crate::wire::{Field, Fields, put_bytes, put_number, text};

/// Why bytes are no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are no protobuf message.
    #[error("it is no protobuf message")]
    Malformed,
    /// A field has another type than Sparkplug gives it.
    #[error("field {0} has a type that Sparkplug does not give it")]
    Type(u32),
    /// A text that is none.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// More metrics than allowed.
    #[error("it has more than {0} metrics")]
    TooMany(usize),
    /// The real payload is within, compressed.
    #[error("it is compressed, which Spica does not read")]
    Compressed,
}

/// Most metrics of a payload that is read at all. A record has room for hardly more that have names.
pub const METRICS_MAX: usize = 100_000;

/// What an edge node says: metrics, and where in the sequence of its messages they stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Payload<'a> {
    /// When it was sent: milliseconds since 1970.
    pub timestamp: Option<u64>,
    /// Its number, 0 to 255.
    pub seq: Option<u64>,
    /// The metrics.
    pub metrics: Vec<Metric<'a>>,
}

/// A metric, or a new value of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metric<'a> {
    /// Its name; may be left out where there is an alias that a birth has given it.
    pub name: Option<&'a str>,
    /// A number for it, within its edge node.
    pub alias: Option<u64>,
    /// When it was measured: milliseconds since 1970.
    pub timestamp: Option<u64>,
    /// See [`DataType`](crate::DataType); may be left out in data.
    pub datatype: Option<u32>,
    /// A value of the past, that is not to be taken for the present one.
    pub is_historical: bool,
    /// A value that is not to be stored.
    pub is_transient: bool,
    /// It has no value now.
    pub is_null: bool,
    /// The property `Quality`: 192 is good, 0 bad, 500 stale.
    pub quality: Option<u64>,
    /// The value.
    pub value: Option<Value<'a>>,
}

/// A value as it is on the wire. What an integer means depends on its [`DataType`](crate::DataType).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Up to 32 bits.
    Int(u32),
    /// Up to 64 bits, and times.
    Long(u64),
    /// Single precision.
    Float(f32),
    /// Double precision.
    Double(f64),
    /// True or false.
    Boolean(bool),
    /// Text, a UUID.
    Text(&'a str),
    /// Bytes, a file, an array.
    Bytes(&'a [u8]),
    /// A table: a message of its own.
    DataSet(&'a [u8]),
    /// A structure: a message of its own.
    Template(&'a [u8]),
}

/// How the identifier of a compressed payload begins.
const COMPRESSED: &str = "SPBV1.0_COMPRESSED";

impl<'a> Payload<'a> {
    /// Reads a payload of at most `metrics_max` metrics. What is within tables and structures is
    /// looked at when it is [written as JSON](Metric::write_json).
    ///
    /// # Errors
    /// If it is none.
    pub fn decode(bytes: &'a [u8], metrics_max: usize) -> Result<Self, DecodeError> {
        let mut payload = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Field::Varint(value)) => payload.timestamp = Some(value),
                (2, Field::Bytes(metric)) => {
                    if payload.metrics.len() >= metrics_max {
                        return Err(DecodeError::TooMany(metrics_max));
                    }
                    payload.metrics.push(Metric::decode(metric)?);
                }
                (3, Field::Varint(value)) => payload.seq = Some(value),
                (4, Field::Bytes(uuid)) => {
                    if text(uuid)?.starts_with(COMPRESSED) {
                        return Err(DecodeError::Compressed);
                    }
                }
                (5, Field::Bytes(_)) | (6.., _) => {}
                (number, _) => return Err(DecodeError::Type(number)),
            }
        }
        Ok(payload)
    }

    /// The number of a session, as births and deaths of edge nodes carry it.
    #[must_use]
    pub fn bd_seq(&self) -> Option<u64> {
        let metric = self.metrics.iter().find(|it| it.name == Some(BD_SEQ))?;
        match metric.value? {
            Value::Int(number) => Some(number.into()),
            Value::Long(number) => Some(number),
            _ => None,
        }
    }
}

/// The metric that numbers sessions.
pub(crate) const BD_SEQ: &str = "bdSeq";

impl<'a> Metric<'a> {
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut metric = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Field::Bytes(name)) => metric.name = Some(text(name)?),
                (2, Field::Varint(alias)) => metric.alias = Some(alias),
                (3, Field::Varint(time)) => metric.timestamp = Some(time),
                (4, Field::Varint(number)) => metric.datatype = Some(number as u32),
                (5, Field::Varint(flag)) => metric.is_historical = flag != 0,
                (6, Field::Varint(flag)) => metric.is_transient = flag != 0,
                (7, Field::Varint(flag)) => metric.is_null = flag != 0,
                (9, Field::Bytes(properties)) => metric.quality = quality(properties)?,
                (10, Field::Varint(value)) => metric.value = Some(Value::Int(value as u32)),
                (number @ 11..=18, field) => {
                    metric.value = Some(value(number, number - 10, field)?);
                }
                (8, Field::Bytes(_)) | (19.., _) => {}
                (number, _) => return Err(DecodeError::Type(number)),
            }
        }
        Ok(metric)
    }
}

/// A value, by its place among the kinds of values: 0 for an integer, in the order of [`Value`].
pub(crate) fn value(number: u32, kind: u32, field: Field<'_>) -> Result<Value<'_>, DecodeError> {
    Ok(match (kind, field) {
        (0, Field::Varint(value)) => Value::Int(value as u32),
        (1, Field::Varint(value)) => Value::Long(value),
        (2, Field::Fixed32(bits)) => Value::Float(f32::from_bits(bits)),
        (3, Field::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
        (4, Field::Varint(flag)) => Value::Boolean(flag != 0),
        (5, Field::Bytes(bytes)) => Value::Text(text(bytes)?),
        (6, Field::Bytes(bytes)) => Value::Bytes(bytes),
        (7, Field::Bytes(bytes)) => Value::DataSet(bytes),
        (8, Field::Bytes(bytes)) => Value::Template(bytes),
        _ => return Err(DecodeError::Type(number)),
    })
}

/// The property `Quality` of a set of properties: names and values, in the same order.
fn quality(properties: &[u8]) -> Result<Option<u64>, DecodeError> {
    let mut at = None;
    let mut keys = 0_usize;
    for field in Fields::new(properties) {
        if let (1, Field::Bytes(key)) = field? {
            if key.eq_ignore_ascii_case(b"quality") {
                at = Some(keys);
            }
            keys += 1;
        }
    }
    let Some(at) = at else {
        return Ok(None);
    };
    let mut values = Fields::new(properties).filter_map(|field| match field {
        Ok((2, Field::Bytes(value))) => Some(value),
        _ => None,
    });
    let Some(value) = values.nth(at) else {
        return Ok(None);
    };
    let mut quality = None;
    for field in Fields::new(value) {
        if let (3 | 4, Field::Varint(number)) = field? {
            quality = Some(number);
        }
    }
    Ok(quality)
}

/// The payload of a command to an edge node: publish your births again. `millis` since 1970.
#[must_use]
pub fn rebirth_command(millis: u64) -> Vec<u8> {
    let mut metric = Vec::new();
    put_bytes(&mut metric, 1, b"Node Control/Rebirth");
    put_number(&mut metric, 3, millis);
    put_number(&mut metric, 4, 11);
    put_number(&mut metric, 14, 1);
    let mut payload = Vec::new();
    put_number(&mut payload, 1, millis);
    put_bytes(&mut payload, 2, &metric);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebirth_command_is_a_payload() {
        let bytes = rebirth_command(1_700_000_000_123);
        let payload = Payload::decode(&bytes, 1).unwrap();
        let expected = Metric {
            name: Some("Node Control/Rebirth"),
            timestamp: Some(1_700_000_000_123),
            datatype: Some(11),
            value: Some(Value::Boolean(true)),
            ..Metric::default()
        };
        assert_eq!(payload.metrics, [expected]);
        assert_eq!(
            (payload.timestamp, payload.seq),
            (Some(1_700_000_000_123), None)
        );
    }

    #[test]
    fn metrics_are_bounded() {
        let mut bytes = Vec::new();
        (0..3).for_each(|_| put_bytes(&mut bytes, 2, &[]));
        assert!(Payload::decode(&bytes, 3).is_ok());
        assert_eq!(Payload::decode(&bytes, 2), Err(DecodeError::TooMany(2)));
    }

    #[test]
    fn unknown_fields_are_stepped_over_and_wrong_types_refused() {
        let mut bytes = Vec::new();
        put_number(&mut bytes, 3, 7);
        put_bytes(&mut bytes, 900, b"extension");
        assert_eq!(Payload::decode(&bytes, 0).unwrap().seq, Some(7));
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, 3, b"7");
        assert_eq!(Payload::decode(&bytes, 0), Err(DecodeError::Type(3)));
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, 4, b"SPBV1.0_COMPRESSED");
        assert_eq!(Payload::decode(&bytes, 0), Err(DecodeError::Compressed));
    }

    #[test]
    fn the_quality_is_found_among_the_properties() {
        let mut set = Vec::new();
        for key in ["engUnit", "Quality"] {
            put_bytes(&mut set, 1, key.as_bytes());
        }
        let mut unit = Vec::new();
        put_number(&mut unit, 1, 12);
        put_bytes(&mut unit, 8, b"bar");
        let mut number = Vec::new();
        put_number(&mut number, 1, 3);
        put_number(&mut number, 3, 500);
        put_bytes(&mut set, 2, &unit);
        put_bytes(&mut set, 2, &number);
        assert_eq!(quality(&set), Ok(Some(500)));
        assert_eq!(quality(&set[..set.len() - number.len() - 2]), Ok(None));
        assert_eq!(quality(&[]), Ok(None));
    }
}
