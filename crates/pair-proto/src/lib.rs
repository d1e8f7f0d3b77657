//! The bytes of the link between the two nodes of a pair: see `docs/pair-protocol.md`.
//!
//! A frame is its length (4 bytes, little-endian, of what follows), a kind (1 byte) and a body. What
//! is rare is JSON, so that a node of the next version can add to it; what is frequent has a fixed
//! form: batches of records, and places.
//!
//! What is not here: sockets, TLS, and what is done with a frame.

mod control;
mod error;
mod frame;
mod places;
mod sent;

pub use control::{
    AsideEnds, Control, Hello, LaneHello, LaneWord, Reentered, Said, SideWord, Start, StateWord,
};
pub use error::ProtoError;
pub use frame::{Frame, FrameReader, MAX_FRAME_BYTES, put_control, put_part};
pub use places::put_places;
pub use sent::{Compress, SentBatch, put_aside, put_batch};

/// The version that this program speaks best.
pub const VERSION: u16 = 2;
/// The oldest version that it still speaks.
pub const OLDEST: u16 = 1;

/// From this version on, records that were put aside can be sent, and pictures.
pub const ASIDE_FROM: u16 = 2;

/// The version that two nodes speak: the newest that both know; none if there is none.
#[must_use]
pub fn agree(mine: (u16, u16), theirs: (u16, u16)) -> Option<u16> {
    let version = mine.1.min(theirs.1);
    (version >= mine.0.max(theirs.0)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_agree_on_the_older_version_and_strangers_on_none() {
        assert_eq!(agree((1, 1), (1, 2)), Some(1));
        assert_eq!(agree((2, 3), (1, 2)), Some(2));
        assert_eq!(agree((3, 4), (1, 2)), None);
    }
}
