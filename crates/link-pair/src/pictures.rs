//! Pictures on the link: a record names a picture by its address, and both nodes must be able to show
//! it.
//!
//! The active gives a picture to its partner before the record that names it is written:
//! [`PairShare`] waits until the partner has it, as long as the partner must have the record, too.
//! What a node lacks all the same (it was away, or its partner wrote alone) it asks for: see
//! [`Fetch`]. In each direction one picture is on the way at a time, [`give()`] sends its
//! parts when nothing else is to be sent, and [`keep()`] takes them. Two nodes that share a store have
//! every picture of the other one: none is sent.

mod fetch;
mod give;
mod keep;
mod share;

use spica_objects::Address;
use tokio::sync::{mpsc, oneshot, watch};

pub use self::fetch::{Fetch, FetchError};
pub(crate) use self::give::{GiverDesk, give};
pub(crate) use self::keep::{Keep, keep};
pub use self::share::{Fetched, PairShare};

/// Bytes of a part.
const PART_BYTES: usize = 64 << 10;
/// Parts on the way: a heartbeat may have to wait for them.
const WINDOW: usize = 4;
/// What may wait at each end of a link: the parts on the way and what is said between them.
pub(crate) const PIECES: usize = 4 * WINDOW;

/// A picture that the partner must have. Who waits hears when it does; nothing if it never may.
#[derive(Debug)]
pub(crate) struct Gift {
    pub(crate) address: Address,
    pub(crate) done: oneshot::Sender<()>,
}

/// What a link does for pictures.
#[derive(Debug, Clone)]
pub(crate) struct Counterpart {
    pub(crate) gifts: mpsc::Sender<Gift>,
    pub(crate) keep: mpsc::Sender<Keep>,
}

/// The present link's; none while it is down, or the partner knows no pictures.
pub(crate) type Present = watch::Sender<Option<Counterpart>>;

#[cfg(test)]
mod tests;
