//! Arrays: little-endian numbers one after another, bits after their count, texts that end with a
//! zero.

use crate::datatype::DataType;
use crate::value::{Unsupported, json, time};

pub(crate) const fn is_array(datatype: DataType) -> bool {
    datatype as u32 >= DataType::Int8Array as u32
}

/// Appends an array as JSON.
pub(crate) fn write(
    bytes: &[u8],
    datatype: DataType,
    out: &mut Vec<u8>,
) -> Result<(), Unsupported> {
    use DataType as D;
    match datatype {
        D::Int8Array => each(bytes, out, |out, it| json(out, &i8::from_le_bytes(it))),
        D::Int16Array => each(bytes, out, |out, it| json(out, &i16::from_le_bytes(it))),
        D::Int32Array => each(bytes, out, |out, it| json(out, &i32::from_le_bytes(it))),
        D::Int64Array => each(bytes, out, |out, it| json(out, &i64::from_le_bytes(it))),
        D::UInt8Array => each(bytes, out, |out, it| json(out, &u8::from_le_bytes(it))),
        D::UInt16Array => each(bytes, out, |out, it| json(out, &u16::from_le_bytes(it))),
        D::UInt32Array => each(bytes, out, |out, it| json(out, &u32::from_le_bytes(it))),
        D::UInt64Array => each(bytes, out, |out, it| json(out, &u64::from_le_bytes(it))),
        // serde_json writes what is no number as `null`, which is what an array can say of it.
        D::FloatArray => each(bytes, out, |out, it| json(out, &f32::from_le_bytes(it))),
        D::DoubleArray => each(bytes, out, |out, it| json(out, &f64::from_le_bytes(it))),
        D::DateTimeArray => each(bytes, out, |out, it| time(out, u64::from_le_bytes(it))),
        D::BooleanArray => bits(bytes, out),
        D::StringArray => texts(bytes, out),
        _ => Err(Unsupported),
    }
}

fn each<const N: usize>(
    bytes: &[u8],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&mut Vec<u8>, [u8; N]) -> Result<(), Unsupported>,
) -> Result<(), Unsupported> {
    let (items, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(Unsupported);
    }
    list(out, items.iter(), |out, item| write(out, *item))
}

/// A count of four bytes, and that many bits, the highest of each byte first.
fn bits(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unsupported> {
    let (count, bits) = bytes.split_first_chunk().ok_or(Unsupported)?;
    let count = u32::from_le_bytes(*count) as usize;
    if bits.len() != count.div_ceil(8) {
        return Err(Unsupported);
    }
    list(out, 0..count, |out, at| {
        json(out, &(bits[at / 8] & (0x80 >> (at % 8)) != 0))
    })
}

fn texts(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unsupported> {
    let Some((last, bytes)) = bytes.split_last() else {
        return list(out, std::iter::empty::<()>(), |_, ()| Ok(()));
    };
    if *last != 0 {
        return Err(Unsupported);
    }
    list(out, bytes.split(|byte| *byte == 0), |out, text| {
        json(out, std::str::from_utf8(text).map_err(|_| Unsupported)?)
    })
}

/// Appends a list.
pub(crate) fn list<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T) -> Result<(), Unsupported>,
) -> Result<(), Unsupported> {
    out.push(b'[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item)?;
    }
    out.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], datatype: DataType) -> Result<String, Unsupported> {
        let mut out = Vec::new();
        write(bytes, datatype, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// The examples of the specification, where it has some.
    #[test]
    fn arrays_are_lists() {
        use DataType as D;
        for (bytes, datatype, expected) in [
            (&[0xef, 0x7b][..], D::Int8Array, "[-17,123]"),
            (&[0xd0, 0x8a, 0xd0, 0x8a], D::Int16Array, "[-30000,-30000]"),
            (&[0x17, 0xfa], D::UInt8Array, "[23,250]"),
            (&[0xff; 8], D::UInt64Array, "[18446744073709551615]"),
            (&[0, 0, 0xc0, 0x3f], D::FloatArray, "[1.5]"),
            (&[0, 0, 0, 0, 0, 0, 0xf8, 0x3f], D::DoubleArray, "[1.5]"),
            (
                &[0; 8],
                D::DateTimeArray,
                "[\"1970-01-01T00:00:00.000000Z\"]",
            ),
            (
                &[12, 0, 0, 0, 0x34, 0xd0],
                D::BooleanArray,
                "[false,false,true,true,false,true,false,false,true,true,false,true]",
            ),
            (b"ABC\0hello\0", D::StringArray, r#"["ABC","hello"]"#),
            (b"", D::StringArray, "[]"),
            (b"", D::Int32Array, "[]"),
        ] {
            assert_eq!(
                shown(bytes, datatype).as_deref(),
                Ok(expected),
                "{datatype:?}"
            );
        }
    }

    #[test]
    fn arrays_that_do_not_come_out_even_are_refused() {
        use DataType as D;
        for (bytes, datatype) in [
            (&[1][..], D::Int16Array),
            (&[1, 0, 0], D::BooleanArray),
            (&[255, 255, 255, 255, 1], D::BooleanArray),
            (b"ABC", D::StringArray),
            (b"\xff\0", D::StringArray),
        ] {
            assert_eq!(shown(bytes, datatype), Err(Unsupported), "{datatype:?}");
        }
    }
}
