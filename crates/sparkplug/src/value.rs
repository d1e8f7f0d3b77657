//! Values as JSON.
//!
//! Numbers, texts and truth are what they are in JSON; times are RFC 3339; bytes and files Base64;
//! what is no number is `"NaN"`, `"Infinity"` or `"-Infinity"`, as protobuf writes it in JSON. No value
//! is `null`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use spica_model::{Timestamp, limits};

use crate::arrays;
use crate::composite;
use crate::datatype::DataType;
use crate::payload::{Metric, Value};

/// A value without a JSON form: of a datatype that is not known, nested too deeply, or too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported;

/// Most bytes of a value: what a record can carry.
const BYTES_MAX: usize = limits::PAYLOAD_BYTES;

impl Metric<'_> {
    /// Appends the value as JSON. `known` is the datatype that a birth has given the metric.
    ///
    /// # Errors
    /// If it has no JSON form; something may have been appended.
    pub fn write_json(
        &self,
        known: Option<DataType>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unsupported> {
        write_metric(self, known, out, 0)
    }
}

pub(crate) fn write_metric(
    metric: &Metric<'_>,
    known: Option<DataType>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Unsupported> {
    let datatype = metric.datatype.and_then(DataType::of).or(known);
    match metric.value {
        Some(value) if !metric.is_null => write(value, datatype, out, depth),
        _ => {
            out.extend_from_slice(b"null");
            Ok(())
        }
    }
}

/// Appends a value. Where its datatype does not fit what is on the wire, the wire is right.
pub(crate) fn write(
    value: Value<'_>,
    datatype: Option<DataType>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Unsupported> {
    use DataType as D;
    match (value, datatype) {
        (Value::Int(bits), Some(D::Int8)) => json(out, &(bits as i8)),
        (Value::Int(bits), Some(D::Int16)) => json(out, &(bits as i16)),
        (Value::Int(bits), Some(D::Int32 | D::Int64)) => json(out, &(bits as i32)),
        (Value::Int(bits), Some(D::Boolean)) => json(out, &(bits != 0)),
        (Value::Int(bits), _) => json(out, &bits),
        (Value::Long(bits), Some(D::Int8 | D::Int16 | D::Int32 | D::Int64)) => {
            json(out, &(bits as i64))
        }
        (Value::Long(millis), Some(D::DateTime)) => time(out, millis),
        (Value::Long(bits), _) => json(out, &bits),
        (Value::Float(number), _) => float(out, f64::from(number), &number),
        (Value::Double(number), _) => float(out, number, &number),
        (Value::Boolean(truth), _) => json(out, &truth),
        (Value::Text(text), _) => json(out, text),
        (Value::Bytes(bytes), Some(datatype)) if arrays::is_array(datatype) => {
            arrays::write(bytes, datatype, out)
        }
        (Value::Bytes(bytes), _) => base64(out, bytes),
        (Value::DataSet(bytes), _) => composite::data_set(bytes, out),
        (Value::Template(bytes), _) => composite::template(bytes, out, depth),
    }?;
    if out.len() > BYTES_MAX {
        return Err(Unsupported);
    }
    Ok(())
}

/// Appends anything that has a JSON form.
pub(crate) fn json<T: serde::Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
) -> Result<(), Unsupported> {
    serde_json::to_writer(out, value).map_err(|_| Unsupported)
}

fn float<T: serde::Serialize>(out: &mut Vec<u8>, wide: f64, number: &T) -> Result<(), Unsupported> {
    if wide.is_finite() {
        return json(out, number);
    }
    let word = match wide {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    };
    json(out, word)
}

/// A time; what lies beyond the year 9999 stays a number of milliseconds.
pub(crate) fn time(out: &mut Vec<u8>, millis: u64) -> Result<(), Unsupported> {
    const LAST: u64 = 253_402_300_799_999;
    match timestamp(millis) {
        Some(time) if millis <= LAST => json(out, &time.to_string()),
        _ => json(out, &millis),
    }
}

/// A time of Sparkplug, milliseconds since 1970; none for what no clock shows.
pub(crate) fn timestamp(millis: u64) -> Option<Timestamp> {
    let micros = i64::try_from(millis).ok()?.checked_mul(1_000)?;
    Some(Timestamp::from_micros(micros))
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Unsupported> {
    if bytes.len() > BYTES_MAX {
        return Err(Unsupported);
    }
    json(out, &STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: Value<'_>, datatype: DataType) -> String {
        let mut out = Vec::new();
        write(value, Some(datatype), &mut out, 0).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn scalars_are_what_their_datatype_says() {
        use DataType as D;
        for (value, datatype, expected) in [
            (Value::Int(0xff), D::Int8, "-1"),
            (Value::Int(0xffff_fffe), D::Int8, "-2"),
            (Value::Int(0x8000), D::Int16, "-32768"),
            (Value::Int(0xffff_ffff), D::Int32, "-1"),
            (Value::Long(u64::MAX), D::Int64, "-1"),
            (Value::Int(0xff), D::UInt8, "255"),
            (Value::Int(0xffff), D::UInt16, "65535"),
            (Value::Int(u32::MAX), D::UInt32, "4294967295"),
            (Value::Long(u64::from(u32::MAX)), D::UInt32, "4294967295"),
            (Value::Long(u64::MAX), D::UInt64, "18446744073709551615"),
            (Value::Float(0.1), D::Float, "0.1"),
            (Value::Float(f32::NAN), D::Float, "\"NaN\""),
            (Value::Double(0.1), D::Double, "0.1"),
            (Value::Double(f64::NEG_INFINITY), D::Double, "\"-Infinity\""),
            (Value::Boolean(true), D::Boolean, "true"),
            (Value::Text("a\"b"), D::String, r#""a\"b""#),
            (Value::Text("x"), D::Text, "\"x\""),
            (Value::Text("6f1c"), D::Uuid, "\"6f1c\""),
            (Value::Bytes(b"\0\xff"), D::Bytes, "\"AP8=\""),
            (Value::Bytes(b"abc"), D::File, "\"YWJj\""),
            (
                Value::Long(1_700_000_000_123),
                D::DateTime,
                "\"2023-11-14T22:13:20.123000Z\"",
            ),
            (Value::Long(u64::MAX), D::DateTime, "18446744073709551615"),
            // The wire is right.
            (Value::Double(1.5), D::Int32, "1.5"),
        ] {
            assert_eq!(shown(value, datatype), expected, "{datatype:?}");
        }
    }

    #[test]
    fn no_value_is_null_and_the_datatype_of_the_birth_holds() {
        let metric = Metric {
            value: Some(Value::Int(0xff)),
            ..Metric::default()
        };
        let shown = |metric: Metric<'_>, known| {
            let mut out = Vec::new();
            metric.write_json(known, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown(metric, Some(DataType::Int8)), "-1");
        assert_eq!(shown(metric, None), "255");
        let own = Metric {
            datatype: Some(1),
            ..metric
        };
        assert_eq!(shown(own, Some(DataType::UInt8)), "-1");
        assert_eq!(
            shown(
                Metric {
                    is_null: true,
                    ..metric
                },
                None
            ),
            "null"
        );
        assert_eq!(
            shown(
                Metric {
                    value: None,
                    ..metric
                },
                None
            ),
            "null"
        );
    }

    #[test]
    fn a_value_that_no_record_can_carry_is_refused() {
        let fits = vec![0; (BYTES_MAX - 4) / 4 * 3];
        let mut out = Vec::new();
        assert!(write(Value::Bytes(&fits), None, &mut out, 0).is_ok());
        assert!(out.len() <= BYTES_MAX);
        let beyond = vec![0; fits.len() + 3];
        let refused = write(Value::Bytes(&beyond), None, &mut Vec::new(), 0);
        assert_eq!(refused, Err(Unsupported));
    }
}
