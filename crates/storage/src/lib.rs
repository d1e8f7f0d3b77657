//! The storage port below the file journal: files as the journal needs them.
//!
//! [`Storage`] is one flat directory, [`File`] a file in it with positional reads and writes.
//! [`OsStorage`] is the real thing. [`FaultyStorage`] is a disk in memory that loses unsynced writes
//! in a crash and misbehaves on request, from a seed, so that what a journal promises can be tested
//! against what disks do.
//!
//! What is not here: any knowledge of what the files hold, any retry, any cache.

mod faulty;
mod names;
mod os;
mod port;

pub use faulty::{Counters, Fault, FaultyStorage, Flipped};
pub use os::{OpenError, OsStorage};
pub use port::{File, FileInfo, Mode, Storage};
