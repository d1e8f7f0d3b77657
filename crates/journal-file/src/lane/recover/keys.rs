//! Bringing back the window of idempotency keys: from the newest segment backwards, as far as the
//! window reaches.

use spica_journal_format::KeyEntry;
use spica_model::{Seq, Timestamp};
use spica_storage::Mode;

use super::Opening;
use super::pass::Pass;
use super::scan::Scanner;
use crate::OpenError;
use crate::lane::keys::KnownKeys;
use crate::segment::{Segment, read_all, read_footer_keys};

/// Loads the keys that count at `now`.
pub(super) fn load(
    opening: &Opening<'_>,
    pass: &Pass<'_>,
    now: Timestamp,
) -> Result<KnownKeys, OpenError> {
    let limits = opening.limits;
    let mut known = KnownKeys::new(limits.dedup_keys, limits.dedup_age);
    let mut tables: Vec<Vec<KeyEntry>> = Vec::new();
    let mut count = 0;
    for segment in pass.segments.iter().rev() {
        let extent = segment.extent();
        let old = now.since(segment.newest()) > limits.dedup_age;
        // Where all records are damaged, nothing says how old they were.
        let too_old = old && extent.records > 0;
        if count >= limits.dedup_keys || too_old {
            break;
        }
        let table = of_segment(opening, pass, segment)?;
        count += table.len();
        tables.push(table);
    }
    let mut keys: Vec<KeyEntry> = tables.into_iter().rev().flatten().collect();
    let newest = keys.split_off(keys.len().saturating_sub(limits.dedup_keys));
    for entry in newest {
        known.restore(entry);
    }
    Ok(known)
}

fn of_segment(
    opening: &Opening<'_>,
    pass: &Pass<'_>,
    segment: &Segment,
) -> Result<Vec<KeyEntry>, OpenError> {
    if let Some(active) = &pass.active
        && active.segment.number == segment.number
    {
        return Ok(active.keys.clone());
    }
    let mut full = pass.full.iter();
    if let Some(full) = full.find(|full| full.segment.number == segment.number) {
        return Ok(full.keys.clone());
    }
    sealed(opening, pass, segment)
}

/// The keys in the footer of a sealed segment; if that is damaged, those of its records.
fn sealed(
    opening: &Opening<'_>,
    pass: &Pass<'_>,
    segment: &Segment,
) -> Result<Vec<KeyEntry>, OpenError> {
    let storage = &**opening.storage;
    let path = || storage.describe(&segment.name);
    let file = storage
        .open(&segment.name, Mode::Read)
        .map_err(OpenError::io(path(), "opened"))?;
    let extent = segment.extent();
    if let Some(seal) = extent.seal {
        let keys = read_footer_keys(&*file, &seal, segment.keys.salt, segment.first)
            .map_err(OpenError::io(path(), "read"))?;
        if let Some(keys) = keys {
            return Ok(keys);
        }
    }
    tracing::warn!(
        file = path(),
        "the footer of a segment is damaged: its keys are scanned"
    );
    let bytes = read_all(&*file, extent.data_end).map_err(OpenError::io(path(), "read"))?;
    let header = super::scan::rebuild_header(&bytes, opening.lane, opening.secret, segment.number);
    let Some(header) = header else {
        return Ok(Vec::new());
    };
    let first = Seq(header.first.0);
    Ok(Scanner::new(pass.describe, &segment.name, header, first)
        .run(&bytes)
        .keys)
}
