//! The bytes of the journal on disk: records, batches, segment headers and footers. No I/O.
//!
//! `docs/journal-format.md` describes the same bytes in words; the tests of this crate hold a file of
//! each version, so that old versions stay readable. Whoever reads these bytes gets values, never a
//! panic: whatever a disk returns is either proven by a checksum or reported as damaged.
//!
//! - [`Secret`]: the random value of a journal that seeds its checksums and hashes its keys.
//! - [`BatchBuilder`] encodes records into a batch, the unit of a commit; [`Batch`] decodes one.
//! - [`Page`] is the first page of a segment file: [`SegmentHeader`] and, once sealed, a [`Seal`].
//! - [`Footer`] is what a sealed segment knows of itself: a sparse index and its keys.
//! - [`Scan`] walks a segment without a footer and tells whole batches from damage.
//! - [`Meta`], [`State`], [`Ledger`] and [`Cut`] are the small files beside the segments.

mod batch;
mod builder;
mod cut;
mod fields;
mod footer;
mod ledger;
mod meta;
mod page;
mod record;
mod records;
mod scan;
mod secret;
mod state;
mod time_range;
mod varint;

pub use batch::{Batch, BatchHeader, BatchKind};
pub use builder::{BatchBuilder, record_bytes_max};
pub use cut::{Cut, CutEnd};
pub use footer::{Footer, FooterHead, IndexEntry, KeyEntry};
pub use ledger::{Ledger, Lost};
pub use meta::Meta;
pub use page::{PAGE_BYTES, Page, Seal, SegmentHeader, Slot};
pub use records::{Item, Records};
pub use scan::{Found, Scan, next_batch};
pub use secret::{KeyHash, Secret, SegmentKeys};
pub use state::{CursorEntry, State, StateSlot};
pub use time_range::TimeRange;

/// The version of the format that this crate writes. It reads this one and all older ones.
pub const VERSION: u16 = 3;

/// Why the bytes of one of the structures cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A later program wrote it.
    #[error(
        "it has format version {found}, this program reads versions up to {VERSION}: \
         start the newer program again, or restore a copy from before the upgrade"
    )]
    Newer {
        /// The version it has.
        found: u16,
    },
    /// Its checksum or its first bytes are wrong.
    #[error("its {0} is damaged")]
    Damaged(&'static str),
}
