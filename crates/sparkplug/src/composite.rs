//! Tables and structures as JSON.
//!
//! A table (`DataSet`) is `{"columns": [names], "rows": [[values]]}`, a structure (`Template`)
//! `{"version", "template", "is_definition", "parameters": {name: value}, "metrics": {name: value}}`
//! without what it does not say.

use crate::arrays::list;
use crate::datatype::DataType;
use crate::payload::{DecodeError, Metric, value};
use crate::value::{Unsupported, json, write, write_metric};
use crate::wire::{Field, Fields, text};

/// How deeply structures may be nested.
const DEPTH_MAX: usize = 8;

impl From<DecodeError> for Unsupported {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

/// Appends a table.
pub(crate) fn data_set(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unsupported> {
    let (mut columns, mut types, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for field in Fields::new(bytes) {
        match field? {
            (2, Field::Bytes(name)) => columns.push(text(name)?),
            (3, Field::Varint(number)) => types.push(DataType::of(number as u32)),
            (3, Field::Bytes(packed)) => types.extend(packed_types(packed)),
            (4, Field::Bytes(row)) => rows.push(row),
            _ => {}
        }
    }
    if types.len() != columns.len() {
        return Err(Unsupported);
    }
    out.extend_from_slice(b"{\"columns\":");
    json(out, &columns)?;
    out.extend_from_slice(b",\"rows\":");
    list(out, rows.into_iter(), |out, row| {
        self::row(row, &types, out)
    })?;
    out.push(b'}');
    Ok(())
}

/// Datatypes in one field, a byte each: none has a number above 127.
fn packed_types(packed: &[u8]) -> impl Iterator<Item = Option<DataType>> + '_ {
    packed.iter().map(|byte| DataType::of(u32::from(*byte)))
}

fn row(row: &[u8], types: &[Option<DataType>], out: &mut Vec<u8>) -> Result<(), Unsupported> {
    let cells = Fields::new(row).filter_map(|field| match field {
        Ok((1, Field::Bytes(cell))) => Some(Ok(cell)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let mut columns = 0;
    list(out, cells.zip(types), |out, (cell, datatype)| {
        columns += 1;
        one_of(cell?, 1, *datatype, out)
    })?;
    if columns == types.len() {
        Ok(())
    } else {
        Err(Unsupported)
    }
}

/// Appends the value of a message in which the kinds of values begin with field `first`; `null` if
/// there is none.
fn one_of(
    bytes: &[u8],
    first: u32,
    datatype: Option<DataType>,
    out: &mut Vec<u8>,
) -> Result<(), Unsupported> {
    let mut found = None;
    for field in Fields::new(bytes) {
        let (number, field) = field?;
        if (first..first + 6).contains(&number) {
            found = Some(value(number, number - first, field)?);
        }
    }
    match found {
        Some(value) => write(value, datatype, out, DEPTH_MAX),
        None => json(out, &()),
    }
}

/// Appends a structure that is nested in `depth` others.
pub(crate) fn template(bytes: &[u8], out: &mut Vec<u8>, depth: usize) -> Result<(), Unsupported> {
    if depth >= DEPTH_MAX {
        return Err(Unsupported);
    }
    let (mut metrics, mut parameters) = (Vec::new(), Vec::new());
    let mut is_definition = false;
    out.push(b'{');
    for field in Fields::new(bytes) {
        match field? {
            (1, Field::Bytes(version)) => named(out, "version", text(version)?)?,
            (2, Field::Bytes(metric)) => metrics.push(Metric::decode(metric)?),
            (3, Field::Bytes(parameter)) => parameters.push(parameter),
            (4, Field::Bytes(name)) => named(out, "template", text(name)?)?,
            (5, Field::Varint(flag)) => is_definition = flag != 0,
            _ => {}
        }
    }
    if is_definition {
        out.extend_from_slice(b"\"is_definition\":true,");
    }
    out.extend_from_slice(b"\"parameters\":");
    members(out, parameters.into_iter(), |out, bytes| {
        parameter(bytes, out)
    })?;
    out.extend_from_slice(b",\"metrics\":");
    members(out, metrics.iter(), |out, metric| {
        json(out, metric.name.ok_or(Unsupported)?)?;
        out.push(b':');
        write_metric(metric, None, out, depth + 1)
    })?;
    out.push(b'}');
    Ok(())
}

fn named(out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), Unsupported> {
    json(out, name)?;
    out.push(b':');
    json(out, value)?;
    out.push(b',');
    Ok(())
}

fn members<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    write: impl FnMut(&mut Vec<u8>, T) -> Result<(), Unsupported>,
) -> Result<(), Unsupported> {
    let at = out.len();
    list(out, items, write)?;
    let last = out.len() - 1;
    (out[at], out[last]) = (b'{', b'}');
    Ok(())
}

fn parameter(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unsupported> {
    let (mut name, mut datatype) = (None, None);
    for field in Fields::new(bytes) {
        match field? {
            (1, Field::Bytes(bytes)) => name = Some(text(bytes)?),
            (2, Field::Varint(number)) => datatype = DataType::of(number as u32),
            _ => {}
        }
    }
    json(out, name.ok_or(Unsupported)?)?;
    out.push(b':');
    one_of(bytes, 3, datatype, out)
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, Unsupported, data_set, template};
    use crate::wire::{put_bytes, put_number};

    fn message(build: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        build(&mut out);
        out
    }

    fn shown(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Unsupported>) -> serde_json::Value {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    fn json(text: &str) -> serde_json::Value {
        serde_json::from_str(text).unwrap()
    }

    fn table(types: &[u8], cells: &[Vec<u8>]) -> Vec<u8> {
        message(|out| {
            put_number(out, 1, 2);
            put_bytes(out, 2, b"a");
            put_bytes(out, 2, b"b");
            for number in types {
                put_number(out, 3, u64::from(*number));
            }
            let row = message(|row| cells.iter().for_each(|cell| put_bytes(row, 1, cell)));
            put_bytes(out, 4, &row);
        })
    }

    #[test]
    fn a_table_is_columns_and_rows() {
        let cells = [
            message(|out| put_number(out, 1, 0xff)),
            message(|out| put_bytes(out, 6, b"x")),
        ];
        let set = table(&[1, 12], &cells);
        let expected = r#"{"columns":["a","b"],"rows":[[-1,"x"]]}"#;
        assert_eq!(shown(|out| data_set(&set, out)), json(expected));
        for bad in [table(&[1], &cells), table(&[1, 12], &cells[..1])] {
            assert_eq!(data_set(&bad, &mut Vec::new()), Err(Unsupported));
        }
    }

    fn nested(levels: usize) -> Vec<u8> {
        let inner = (levels > 1).then(|| nested(levels - 1));
        message(|out| {
            let metric = message(|metric| {
                put_bytes(metric, 1, b"m");
                match &inner {
                    Some(inner) => put_bytes(metric, 18, inner),
                    None => put_number(metric, 10, 7),
                }
            });
            put_bytes(out, 2, &metric);
        })
    }

    #[test]
    fn a_structure_is_its_parameters_and_metrics() {
        let parameter = message(|out| {
            put_bytes(out, 1, b"p");
            put_number(out, 2, 3);
            put_number(out, 3, u64::from(u32::MAX));
        });
        let structure = message(|out| {
            put_bytes(out, 1, b"v1");
            out.extend(nested(1));
            put_bytes(out, 3, &parameter);
            put_bytes(out, 4, b"pump");
        });
        let expected =
            r#"{"metrics":{"m":7},"parameters":{"p":-1},"template":"pump","version":"v1"}"#;
        assert_eq!(shown(|out| template(&structure, out, 0)), json(expected));
    }

    #[test]
    fn structures_are_nested_so_deeply_and_no_deeper() {
        assert!(template(&nested(DEPTH_MAX), &mut Vec::new(), 0).is_ok());
        let refused = template(&nested(DEPTH_MAX + 1), &mut Vec::new(), 0);
        assert_eq!(refused, Err(Unsupported));
    }
}
