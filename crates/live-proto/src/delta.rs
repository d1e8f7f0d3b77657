//! What changes one value into another: JSON merge patches for what is shown as JSON, binary deltas
//! for the rest.
//!
//! A client holds a JSON value, not its bytes, so a merge patch is the only delta for one, and what
//! comes out is equal as a JSON value, not byte for byte: the order of keys and the white space may
//! differ, the digits of numbers do not.

mod binary;
mod merge;

use bytes::Bytes;
use spica_model::ContentType;

use crate::payload::Shown;

pub use merge::compose;

/// What changes a base into a new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch {
    /// A JSON merge patch (RFC 7386), as text.
    Merge(String),
    /// A binary delta (`docs/live.md`).
    Binary(Bytes),
}

/// Why a patch does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The base is no JSON that every reader can read.
    #[error("a merge patch needs JSON to apply to: {0}")]
    Base(String),
    /// The patch is no JSON that every reader can read.
    #[error("the merge patch is no JSON: {0}")]
    Json(String),
    /// The operation that begins at this byte is cut short, has a number beyond 64 bits or copies
    /// what the base does not have.
    #[error("the delta is damaged at byte {0}")]
    Operation(usize),
    /// The older patch replaces what the newer one makes an object of.
    #[error("no merge patch does what both do")]
    Composition,
    /// The result is longer than it may be, in bytes.
    #[error("the result would have more than {0} bytes")]
    TooLong(usize),
}

impl Patch {
    /// How long it is, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Merge(json) => json.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether it has no bytes: a delta that makes an empty value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What changes the payload `base` into `new`, both of `content_type`. `None` if no patch is shorter
/// than three quarters of `new`, if a merge patch cannot say it (it cannot set a member to null), or
/// if only one of them is what it claims to be.
#[must_use]
pub fn diff(content_type: &ContentType, base: &[u8], new: &[u8]) -> Option<Patch> {
    let pair = (Shown::of(content_type, base), Shown::of(content_type, new));
    let patch = match pair {
        (Shown::Json(base), Shown::Json(new)) => Patch::Merge(merge::diff(base, new)?),
        (Shown::Text(_), Shown::Text(_))
        | (Shown::Bytes(_), Shown::Bytes(_))
        | (Shown::Broken(_), Shown::Broken(_)) => Patch::Binary(binary::diff(base, new).into()),
        _ => return None,
    };
    (patch.len() * 4 < new.len() * 3).then_some(patch)
}

/// The value that `patch` makes of `base`, of at most `limit` bytes.
///
/// # Errors
/// If the patch is damaged or does not fit the base, or the result is too long.
pub fn apply(base: &[u8], patch: &Patch, limit: usize) -> Result<Vec<u8>, PatchError> {
    match patch {
        Patch::Merge(json) => merge::apply(base, json, limit),
        Patch::Binary(bytes) => binary::apply(base, bytes, limit),
    }
}
