//! Which names a storage accepts.

use std::io;

/// Name of the lock file of a directory on disk: it is the storage's own, never listed or opened.
pub(crate) const LOCK_FILE: &str = "lock";

/// Longest name in bytes, as on the usual file systems.
const NAME_BYTES: usize = 255;

/// Refuses everything that is no single, plain path component.
pub(crate) fn check(name: &str) -> io::Result<&str> {
    let plain = !name.is_empty()
        && name.len() <= NAME_BYTES
        && !name.contains(['/', '\0'])
        && !matches!(name, "." | ".." | LOCK_FILE);
    if plain {
        return Ok(name);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "{name:?} is no file name here: 1 to {NAME_BYTES} bytes without /, and not {LOCK_FILE:?}"
        ),
    ))
}
