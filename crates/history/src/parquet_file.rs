//! Records as a Parquet file.
//!
//! | column | type |
//! |---|---|
//! | `epoch`, `seq` | int32, int64 |
//! | `class`, `topic`, `kind`, `op`, `quality`, `content_type` | text |
//! | `received` | time in microseconds, UTC |
//! | `source_time` | the same, may be null |
//! | `payload` | bytes |
//! | `value` | double, may be null: the number, if the whole payload is one |
//! | `key` | bytes, may be null |
//! | `cause` | text, may be null |
//!
//! Compressed with Snappy.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use spica_model::Record;

use crate::number::number_of;

/// Most records of a row group.
const GROUP_RECORDS: usize = 65_536;
/// Bytes of payloads after which a row group ends: so much is kept in memory.
const GROUP_BYTES: usize = 16 << 20;

const SCHEMA: &str = "message record {
    required int32 epoch;
    required binary class (string);
    required int64 seq;
    required int64 received (timestamp(micros, true));
    optional int64 source_time (timestamp(micros, true));
    required binary topic (string);
    required binary kind (string);
    required binary op (string);
    required binary quality (string);
    required binary content_type (string);
    required binary payload;
    optional double value;
    optional binary key;
    optional binary cause (string);
}";

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("a Parquet file cannot be written: {0}")]
pub struct ParquetError(#[from] parquet::errors::ParquetError);

/// Writes records to a Parquet file. What was written is a file only after
/// [`finish`](ParquetWriter::finish).
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    group: Vec<Record>,
    bytes: usize,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If `out` does not take it.
    pub fn new(out: W) -> Result<Self, ParquetError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("spica ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Self {
            file: SerializedFileWriter::new(out, schema, Arc::new(properties))?,
            group: Vec::new(),
            bytes: 0,
        })
    }

    /// Adds a record. At most 65,536 records, or some over 16 MiB of payloads, are kept in memory.
    ///
    /// # Errors
    /// If `out` does not take it.
    pub fn write(&mut self, record: Record) -> Result<(), ParquetError> {
        self.bytes += record.payload.len();
        self.group.push(record);
        if self.group.len() >= GROUP_RECORDS || self.bytes >= GROUP_BYTES {
            self.end_group()?;
        }
        Ok(())
    }

    /// Ends the file, and gives back what it was written to.
    ///
    /// # Errors
    /// If `out` does not take it.
    pub fn finish(mut self) -> Result<W, ParquetError> {
        if !self.group.is_empty() {
            self.end_group()?;
        }
        Ok(self.file.into_inner()?)
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let records = std::mem::take(&mut self.group);
        self.bytes = 0;
        let mut group = self.file.next_row_group()?;
        let mut columns = Columns {
            group: &mut group,
            records: &records,
        };
        columns.write()?;
        group.close()?;
        Ok(())
    }
}

impl<W: Write + Send> std::fmt::Debug for ParquetWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetWriter")
            .field("waiting", &self.group.len())
            .finish_non_exhaustive()
    }
}

/// The columns of a row group, one after the other.
struct Columns<'g, 'f, W: Write> {
    group: &'g mut SerializedRowGroupWriter<'f, W>,
    records: &'g [Record],
}

impl<W: Write + Send> Columns<'_, '_, W> {
    /// In the order of the schema.
    fn write(&mut self) -> Result<(), ParquetError> {
        self.put::<Int32Type>(|record| record.position.epoch.0.cast_signed())?;
        self.text(|record| record.position.lane.as_str())?;
        self.put::<Int64Type>(|record| record.position.seq.0.cast_signed())?;
        self.put::<Int64Type>(|record| record.received.as_micros())?;
        self.put_some::<Int64Type>(|record| record.source_time.map(|time| time.as_micros()))?;
        self.text(|record| record.topic.as_str())?;
        self.text(|record| record.kind.as_str())?;
        self.text(|record| record.op.as_str())?;
        self.text(|record| record.quality.as_str())?;
        self.text(|record| record.content_type.as_str())?;
        self.put::<ByteArrayType>(|record| ByteArray::from(record.payload.clone()))?;
        self.put_some::<DoubleType>(|record| number_of(record, ""))?;
        let bytes = |record: &Record| record.key.as_ref().map(|key| key.as_bytes().clone().into());
        self.put_some::<ByteArrayType>(bytes)?;
        let cause = |record: &Record| record.cause.as_ref().map(|cause| cause.as_str().into());
        self.put_some::<ByteArrayType>(cause)
    }

    fn text(&mut self, value: impl Fn(&Record) -> &str) -> Result<(), ParquetError> {
        self.put::<ByteArrayType>(|record| ByteArray::from(value(record)))
    }

    fn put<T: DataType>(&mut self, value: impl Fn(&Record) -> T::T) -> Result<(), ParquetError> {
        let values: Vec<T::T> = self.records.iter().map(value).collect();
        self.column::<T>(&values, None)
    }

    fn put_some<T: DataType>(
        &mut self,
        value: impl Fn(&Record) -> Option<T::T>,
    ) -> Result<(), ParquetError> {
        let values: Vec<Option<T::T>> = self.records.iter().map(value).collect();
        let defined: Vec<i16> = values
            .iter()
            .map(|value| i16::from(value.is_some()))
            .collect();
        let values: Vec<T::T> = values.into_iter().flatten().collect();
        self.column::<T>(&values, Some(&defined))
    }

    fn column<T: DataType>(
        &mut self,
        values: &[T::T],
        defined: Option<&[i16]>,
    ) -> Result<(), ParquetError> {
        // There are as many columns as the schema has.
        if let Some(mut column) = self.group.next_column()? {
            column.typed::<T>().write_batch(values, defined, None)?;
            column.close()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use spica_handler::contract::record;
    use spica_model::{Cause, Key, Lane, Seq, Timestamp};

    #[test]
    fn a_file_reads_back_with_all_that_records_say() {
        let plain = record(Lane::Normal, Seq(1));
        let full = Record {
            source_time: Some(Timestamp::from_secs(5)),
            payload: Bytes::from_static(b"\xff\0"),
            key: Some(Key::new(&b"k"[..]).unwrap()),
            cause: Some(Cause::new("operator:alice").unwrap()),
            ..record(Lane::Critical, Seq(2))
        };
        let mut writer = ParquetWriter::new(Vec::new()).unwrap();
        writer.write(plain.clone()).unwrap();
        writer.write(full).unwrap();
        let file = Bytes::from(writer.finish().unwrap());
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<Vec<(String, Field)>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| {
                row.unwrap()
                    .get_column_iter()
                    .map(|(n, f)| (n.clone(), f.clone()))
                    .collect()
            })
            .collect();
        let field = |row: usize, name: &str| {
            let found = rows[row].iter().find(|(column, _)| column == name);
            found.unwrap().1.clone()
        };
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].len(), 14);
        assert_eq!(field(0, "topic"), Field::Str(plain.topic.to_string()));
        assert_eq!(field(0, "value"), Field::Double(1.5));
        assert_eq!(
            field(0, "received"),
            Field::TimestampMicros(plain.received.as_micros())
        );
        for column in ["source_time", "key", "cause"] {
            assert_eq!(field(0, column), Field::Null, "{column}");
        }
        assert_eq!(field(1, "class"), Field::Str("critical".into()));
        assert_eq!(field(1, "seq"), Field::Long(2));
        assert_eq!(field(1, "source_time"), Field::TimestampMicros(5_000_000));
        assert_eq!(
            field(1, "payload"),
            Field::Bytes(ByteArray::from(&b"\xff\0"[..]))
        );
        assert_eq!(field(1, "value"), Field::Null);
        assert_eq!(field(1, "cause"), Field::Str("operator:alice".into()));
    }

    #[test]
    fn long_files_have_groups_that_fit_in_memory() {
        let mut writer = ParquetWriter::new(Vec::new()).unwrap();
        let big = Record {
            payload: Bytes::from(vec![7; 1 << 20]),
            ..record(Lane::Normal, Seq(1))
        };
        for _ in 0..GROUP_BYTES / (1 << 20) + 1 {
            writer.write(big.clone()).unwrap();
        }
        assert_eq!(writer.group.len(), 1, "the first group was written");
        let reader = SerializedFileReader::new(Bytes::from(writer.finish().unwrap())).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        assert_eq!(reader.metadata().file_metadata().num_rows(), 17);
    }
}
