//! Pictures by device and time.
//!
//! A station stores a picture as an object and then writes a record that names it. [`Media`] is the
//! handler behind those records: it looks at the bytes to learn what they are (a device's word for
//! it is not trusted), makes a thumbnail, which is stored beside the picture, and keeps an index by
//! device and time. The index is a file that can be thrown away: it is built again from the journal.
//! By settings, pictures are removed when they are old; see [`Media::sweep`].
//!
//! Pictures come from anywhere, so nothing in them does harm: their size in memory is limited before
//! they are decoded, a decoder that fails or panics costs one thumbnail, and two pictures are decoded
//! at a time.
//!
//! What is not here: the pictures' way in (`crates/objects`), and who may see them.

mod counts;
mod entry;
mod error;
mod handler;
mod index;
mod media;
mod query;
mod retention;
mod settings;
mod sniff;
mod thumbnail;

pub use counts::Counts;
pub use entry::{Entry, Place, PlaceError, Thumbnail};
pub use error::{IndexError, OpenError, ThumbnailError};
pub use handler::NAME;
pub use media::Media;
pub use query::{PAGE_MAX, Page, Query};
pub use retention::Swept;
pub use settings::{RetentionRule, Settings, SettingsError};
pub use sniff::Format;
