//! The limits, all with defaults.

use std::time::Duration;

/// What a [`crate::PictureStore`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one picture.
    pub picture_bytes: u32,
    /// Bytes of all unfinished pictures, counted as if they were whole.
    pub incoming_bytes: u64,
    /// Number of unfinished pictures.
    pub incoming_pictures: usize,
    /// How long nobody must have gone on with a part before it is removed.
    pub abandoned_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            picture_bytes: 16 << 20,
            incoming_bytes: 1 << 30,
            incoming_pictures: 10_000,
            abandoned_after: Duration::from_secs(7 * 86_400),
        }
    }
}
