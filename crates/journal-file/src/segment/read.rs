//! Reading parts of segment files.

use std::io;

use bytes::Bytes;
use spica_journal_format::{FooterHead, IndexEntry, KeyEntry, Seal};
use spica_model::Seq;
use spica_storage::File;

/// Longest part of a footer that is believed: a damaged length must not exhaust memory.
const PART_BYTES_MAX: u64 = 256 << 20;

/// At most `len` bytes from `offset` on; less at the end of the file.
pub(crate) fn read_at(file: &dyn File, offset: u64, len: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; len];
    let read = file.read_at(&mut bytes, offset)?;
    bytes.truncate(read);
    Ok(Bytes::from(bytes))
}

/// The file up to `end`; less if it is shorter.
pub(crate) fn read_all(file: &dyn File, end: u64) -> io::Result<Bytes> {
    let len = end.min(file.len()?).min(PART_BYTES_MAX);
    read_at(file, 0, len as usize)
}

/// The sparse index of a sealed segment; `None` if its footer is damaged.
pub(crate) fn read_footer_index(
    file: &dyn File,
    seal: &Seal,
    salt: u64,
) -> io::Result<Option<Vec<IndexEntry>>> {
    let Some(head) = read_head(file, seal, salt)? else {
        return Ok(None);
    };
    let part = read_part(file, seal, head.index_span())?;
    Ok(part.and_then(|bytes| head.index(&bytes)))
}

/// The keys of a sealed segment that begins with `first`; `None` if its footer is damaged.
pub(crate) fn read_footer_keys(
    file: &dyn File,
    seal: &Seal,
    salt: u64,
    first: Seq,
) -> io::Result<Option<Vec<KeyEntry>>> {
    let Some(head) = read_head(file, seal, salt)? else {
        return Ok(None);
    };
    let part = read_part(file, seal, head.keys_span())?;
    Ok(part.and_then(|bytes| head.keys(&bytes, first)))
}

fn read_head(file: &dyn File, seal: &Seal, salt: u64) -> io::Result<Option<FooterHead>> {
    let bytes = read_at(file, seal.footer_offset, FooterHead::BYTES)?;
    Ok(FooterHead::decode(&bytes, salt))
}

fn read_part(file: &dyn File, seal: &Seal, span: Option<(u64, u64)>) -> io::Result<Option<Bytes>> {
    let Some((at, len)) = span else {
        return Ok(None);
    };
    let within = at
        .checked_add(len)
        .is_some_and(|end| end <= seal.footer_bytes);
    if !within || len > PART_BYTES_MAX {
        return Ok(None);
    }
    read_at(file, seal.footer_offset + at, len as usize).map(Some)
}
