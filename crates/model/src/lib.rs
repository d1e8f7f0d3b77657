//! The words of Spica: topics, records, positions, quality.
//!
//! What is here has no I/O, no clock and no format: how records look on disk is the journal
//! format's business, how they look in JSON the HTTP shell's. Everything is cheap to clone: text and
//! payloads are slices of shared buffers.

mod content_type;
mod place;
mod position;
mod properties;
mod record;
mod timestamp;
mod topic;

pub use content_type::{ContentType, ContentTypeError, OtherType};
pub use place::{Place, PlaceError};
pub use position::{Epoch, Lane, ParsePositionError, Position, Seq};
pub use properties::{Iter as PropertyIter, Properties, Property};
pub use record::{Cause, Key, Kind, LimitError, NewRecord, Op, Quality, Record, Restated, limits};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use topic::{Topic, TopicError, TopicFilter};
