//! What changes one value into another.

use bytes::Bytes;

/// What changes a base into a new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch {
    /// A JSON merge patch (RFC 7386), as text.
    Merge(String),
    /// A binary delta.
    Binary(Bytes),
}
