//! The storage port below the file journal: files as the journal needs them, the real ones and fault-injecting ones.

mod port;

pub use port::{File, FileInfo, Mode, Storage};
