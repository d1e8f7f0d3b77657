//! History: finds records of the journal by topic, device, event name, class and time, and keeps
//! downsampled series of numbers for plots.
//!
//! [`History`] is an index in files of its own, one for each lane, so that a flood on the normal lane
//! delays nothing on the critical one. A handler ([`History::factory`]) follows the journal and fills
//! it. It can be thrown away: when it is missing, damaged, of another version or of another journal,
//! it is built again from what the journal has. Then the series begin with the oldest record kept.
//!
//! - The records stay in the journal. The index holds, for each topic and each event name, where in
//!   its lane the records stand and when they were received: *postings*, in blocks.
//! - What has come since the last flush is in memory. A flush is one durable transaction; the
//!   handler's cursor goes no further.
//! - A [query](History::query) merges the postings of the topics that it is about, reads those
//!   records and no others, and then what the index has not seen yet. If it is about very many
//!   topics, it reads the journal in order instead.
//! - A [series](History::series) has for each interval of a minute, a quarter of an hour, an hour and
//!   a day the number of values, their least, greatest, sum and last.
//!
//! What is not here: who may see what, HTTP, and records themselves.

mod bucket;
mod error;
mod handler;
mod history;
mod index;
mod number;
#[cfg(feature = "parquet")]
mod parquet_file;
mod posting;
mod query;
mod rules;
mod series;
mod settings;

pub use bucket::{Bucket, Resolution};
pub use error::{HistoryError, OpenError};
pub use history::History;
pub use number::number_of;
#[cfg(feature = "parquet")]
pub use parquet_file::{ParquetError, ParquetWriter};
pub use query::{DamagedRange, GapRange, Order, Page, Place, Query, Wanted};
pub use series::{Point, Series, SeriesQuery};
pub use settings::{RetentionRule, SeriesAges, SeriesRule, SeriesTime, Settings};
