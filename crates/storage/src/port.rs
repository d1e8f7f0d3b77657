//! The two traits: a flat directory, and a file in it.

use std::io;

/// A file of a directory, as listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileInfo {
    /// Its name, without any directory.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// What an opened file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reading only: every change is refused.
    Read,
    /// Reading and writing.
    Write,
}

/// One flat directory of files.
///
/// Names are single path components: not empty, no `/`, not `.` or `..`; any other name is refused
/// with [`io::ErrorKind::InvalidInput`]. After a crash, names are as they were at the last
/// [`sync_directory`](Self::sync_directory), or as later operations left them, or anything in between.
pub trait Storage: Send + Sync + 'static {
    /// The files that are there, in the order of their names. Directories are not listed.
    ///
    /// # Errors
    /// If the directory cannot be read.
    fn list(&self) -> io::Result<Vec<FileInfo>>;

    /// Creates an empty file, open for reading and writing. Its name is durable only after
    /// [`sync_directory`](Self::sync_directory).
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken; or the medium's error.
    fn create(&self, name: &str) -> io::Result<Box<dyn File>>;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is no such file; or the medium's error.
    fn open(&self, name: &str, mode: Mode) -> io::Result<Box<dyn File>>;

    /// Gives a file another name; replaces a file that has it. Files that are open stay open.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is no file `from`; or the medium's error.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name. Its bytes live on for as long as the file is open somewhere.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is no such file; or the medium's error.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all creations, renames and removals so far durable.
    ///
    /// # Errors
    /// The medium's error: which of them are durable is unknown then.
    fn sync_directory(&self) -> io::Result<()>;

    /// Bytes that can still be written to this directory's medium.
    ///
    /// # Errors
    /// If the medium does not say.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Where `name` is, for messages to the operator.
    fn describe(&self, name: &str) -> String;
}

/// An open file. Reads and writes name their offset; nothing is buffered in the process.
///
/// A write is durable only once a later sync has returned without an error. After a failed sync
/// nothing is known about any write since the last good one: see invariant 2 of the design.
#[expect(
    clippy::len_without_is_empty,
    reason = "the length of a file is asked of the medium and can fail; nobody asks whether it is 0"
)]
pub trait File: Send + Sync {
    /// Reads from `offset` until `buf` is full or the file ends; returns the number of bytes read,
    /// less than `buf.len()` only at the end of the file.
    ///
    /// # Errors
    /// The medium's error; what `buf` holds is undefined then.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`; the file grows as needed, a hole reads as zeros.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when the medium is full, or the medium's error; a part of the
    /// bytes may have been written then.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the content and the length durable (`fdatasync`).
    ///
    /// # Errors
    /// The medium's error: see the trait's remark.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes the content and all metadata durable (`fsync`).
    ///
    /// # Errors
    /// The medium's error: see the trait's remark.
    fn sync_all(&self) -> io::Result<()>;

    /// Asks the medium to begin writing `len` bytes from `offset` on, without waiting for it: less is
    /// left to do for a later sync, which alone makes them durable. An adapter may ignore it.
    fn begin_writing(&self, offset: u64, len: u64);

    /// The length in bytes.
    ///
    /// # Errors
    /// If the medium does not say.
    fn len(&self) -> io::Result<u64>;

    /// Cuts the file, or grows it with a hole that reads as zeros.
    ///
    /// # Errors
    /// The medium's error.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Reserves blocks for the first `len` bytes, so that writing them cannot fail for lack of
    /// space; the file is at least `len` bytes long afterwards and its new part reads as zeros.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when the medium has no room for it, or the medium's error.
    fn allocate(&self, len: u64) -> io::Result<()>;
}
