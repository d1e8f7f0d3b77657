//! `data` frames: rows that are shared, between a head and a tail that belong to one session.

use spica_model::Place;

use crate::write::{Writer, cbor_array};
use crate::{Encoding, SubId, place};

/// The most that [`data_head`] and [`data_tail`] add to the rows and their separators, in bytes.
pub const DATA_FRAME_BYTES: usize = 144;

impl Encoding {
    /// What stands between two rows of a frame.
    #[must_use]
    pub const fn row_separator(self) -> &'static [u8] {
        match self {
            Self::Json => b",",
            Self::Cbor => b"",
        }
    }
}

/// Appends a whole `data` frame of `count` rows, each as [`rows`](crate::rows) wrote it.
pub fn data_frame<'a>(
    encoding: Encoding,
    sub: SubId,
    at: &Place,
    rows: impl IntoIterator<Item = &'a [u8]>,
    count: usize,
    out: &mut Vec<u8>,
) {
    data_head(encoding, sub, count, out);
    for (nth, row) in rows.into_iter().enumerate() {
        debug_assert!(nth < count, "more rows than were announced");
        if nth > 0 {
            out.extend_from_slice(encoding.row_separator());
        }
        out.extend_from_slice(row);
    }
    data_tail(encoding, at, out);
}

/// Appends what stands before the rows of a frame: `count` of them follow, with
/// [`Encoding::row_separator`] between them.
pub fn data_head(encoding: Encoding, sub: SubId, count: usize, out: &mut Vec<u8>) {
    let mut to = Writer::new(encoding, out);
    to.map(4);
    to.key("t");
    to.text("data");
    to.key("sub");
    to.u64(u64::from(sub.0));
    to.key("u");
    match encoding {
        Encoding::Json => out.push(b'['),
        Encoding::Cbor => cbor_array(count, out),
    }
}

/// Appends what stands after the rows of a frame.
pub fn data_tail(encoding: Encoding, at: &Place, out: &mut Vec<u8>) {
    if encoding == Encoding::Json {
        out.extend_from_slice(b"],");
    }
    let mut to = Writer::new(encoding, out);
    to.key("at");
    place::write(at, &mut to);
    to.end_map();
}
