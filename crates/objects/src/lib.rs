//! Large objects (pictures) beside the journal: stored by content address, resumable by block.
//!
//! A picture arrives in blocks, over as many connections as it takes. Until it is whole it is a
//! *part*: a file of its own in a local directory, which any later connection goes on with. A part
//! needs no care on its way to disk: whatever a crash leaves of it, the picture's CRC-32 decides at
//! the end. [`Upload::finish`] stores the picture under its [`Address`], the SHA-256 of its content,
//! and returns only when it would survive a power cut, here and with whoever else must have it (see
//! [`Share`]); the same picture stored twice is one object.
//!
//! Limits: the size of a picture, and the number and total size of parts. At a limit a new picture
//! is refused; the device keeps it and offers it again. Parts that nobody goes on with are removed
//! by [`PictureStore::sweep`].
//!
//! Whole pictures are in a local directory or in a bucket of an S3 server; what is unfinished is
//! local in any case. Beside a picture may be its thumbnail, which somebody else makes.
//!
//! What is not here: what is in a picture, records about pictures, and whose picture may be read by whom. Stored pictures
//! are never removed by themselves: [`PictureStore::remove`] is for a retention that knows the
//! records.

mod address;
mod error;
mod incoming;
mod limits;
mod location;
mod off_workers;
#[cfg(feature = "s3")]
mod s3;
mod settings;
mod share;
mod store;
mod upload;

pub use address::{Address, ParseAddressError};
pub use error::{BlockError, FinishError, KeepError, OpenError, ReadError, ResumeError};
pub use incoming::IncomingStatus;
pub use limits::Limits;
pub use settings::S3Settings;
pub use share::Share;
pub use store::PictureStore;
pub use upload::{Header, Stored, Upload};
