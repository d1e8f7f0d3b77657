//! What the server says: written by the server, read by clients and tests.

mod read;
mod row;
mod write;

pub use read::{Incoming, decode_server};
pub use row::{Full, Row, Stamp, Windowed};
pub use write::encode;
