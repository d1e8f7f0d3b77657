//! Sealing a full segment: its footer, then the seal that says where the footer is.

use std::sync::Arc;

use spica_journal::CommitError;
use spica_journal_format::{Footer, Seal};

use crate::lane::roll::Full;
use crate::lane::{Failing, LaneLog};

/// Writes footer and seal, each flushed before what relies on it. The footer ends where the file
/// ends, for room was left there; damaged bytes after the last batch stay as they are.
pub(super) fn seal(lane: &Arc<LaneLog>, full: Full) -> Result<(), CommitError> {
    let Full {
        segment,
        file,
        keys,
    } = full;
    let index = segment.known_index().unwrap_or_default();
    let extent = segment.extent();
    let footer = Footer { index, keys }.encode(segment.keys.salt, segment.first);
    let footer_bytes = footer.len() as u64;
    let footer_offset = segment
        .file_bytes
        .saturating_sub(footer_bytes)
        .max(extent.data_end);
    let seal = Seal {
        data_end: extent.data_end,
        last: extent.last,
        records: extent.records,
        footer_offset,
        footer_bytes,
        received: extent.received,
    };
    let name = &segment.name;
    let write_error = |error| lane.commit_error(Failing::Write, name, &error);
    let sync_error = |error| lane.commit_error(Failing::Sync, name, &error);
    file.write_at(&footer, footer_offset).map_err(write_error)?;
    file.sync_data().map_err(sync_error)?;
    file.write_at(&seal.encode(segment.keys.salt), Seal::OFFSET)
        .map_err(write_error)?;
    file.sync_data().map_err(sync_error)?;
    segment.set_seal(seal);
    lane.segments.note_loaded(&segment);
    Ok(())
}
