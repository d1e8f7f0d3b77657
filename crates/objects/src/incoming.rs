//! The parts: files of unfinished pictures, and the books of their number and bytes.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use parking_lot::Mutex;
use spica_model::Timestamp;

use crate::{Limits, ResumeError};

/// How many pictures are unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IncomingStatus {
    /// Number of parts.
    pub pictures: usize,
    /// Their bytes, counted as if they were whole.
    pub bytes: u64,
}

/// The directory of parts. A part's name ends in the size of its picture, which is what counts.
#[derive(Debug)]
pub(crate) struct Incoming {
    directory: PathBuf,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    /// Part by name, with the bytes of its picture.
    parts: HashMap<String, u32>,
    bytes: u64,
}

impl Incoming {
    /// Opens the directory and counts what an earlier run has left there.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut books = Books::default();
        for entry in fs::read_dir(directory)? {
            if let Ok(name) = entry?.file_name().into_string()
                && let Some(size) = size_of(&name)
            {
                books.insert(name, size);
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            books: Mutex::new(books),
        })
    }

    pub(crate) fn status(&self) -> IncomingStatus {
        self.books.lock().status()
    }

    /// Makes room in the books for a part, unless it is there already.
    pub(crate) fn reserve(&self, name: &str, limits: &Limits) -> Result<(), ResumeError> {
        let mut books = self.books.lock();
        if books.parts.contains_key(name) {
            return Ok(());
        }
        let IncomingStatus { pictures, bytes } = books.status();
        let size = size_of(name).unwrap_or(0);
        if pictures >= limits.incoming_pictures || bytes + u64::from(size) > limits.incoming_bytes {
            return Err(ResumeError::Full { pictures, bytes });
        }
        books.insert(name.to_owned(), size);
        Ok(())
    }

    /// Opens the file of a part, and says how many bytes it has. A file that cannot be made gives
    /// its room back.
    pub(crate) fn open_part(&self, name: &str) -> io::Result<(File, u64)> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.directory.join(name))
            .and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((len, file)) => Ok((file, len)),
            Err(error) => {
                self.remove_part(name)?;
                Err(error)
            }
        }
    }

    /// Removes a part, the file first: the room it takes is free only when it is gone.
    pub(crate) fn remove_part(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.books.lock().remove(name);
        Ok(())
    }

    /// Removes a part into which nobody has written anything.
    pub(crate) fn remove_if_empty(&self, name: &str) -> io::Result<()> {
        let is_empty = match fs::metadata(self.directory.join(name)) {
            Ok(metadata) => metadata.len() == 0,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if is_empty {
            self.remove_part(name)
        } else {
            Ok(())
        }
    }

    /// Removes the parts whose files were not written for `age`; how many.
    pub(crate) fn remove_older(&self, now: Timestamp, age: Duration) -> io::Result<usize> {
        let names: Vec<_> = self.books.lock().parts.keys().cloned().collect();
        let mut removed = 0;
        for name in names {
            if now.since(self.written(&name)?) >= age {
                self.remove_part(&name)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// When a part was written last. A part without a file is one that is just being made.
    fn written(&self, name: &str) -> io::Result<Timestamp> {
        let modified = match fs::metadata(self.directory.join(name)) {
            Ok(metadata) => metadata.modified()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Timestamp::from_micros(i64::MAX));
            }
            Err(error) => return Err(error),
        };
        let since_epoch = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Timestamp::EPOCH.saturating_add(since_epoch))
    }
}

impl Books {
    fn status(&self) -> IncomingStatus {
        IncomingStatus {
            pictures: self.parts.len(),
            bytes: self.bytes,
        }
    }

    fn insert(&mut self, name: String, size: u32) {
        self.bytes += u64::from(size);
        self.parts.insert(name, size);
    }

    fn remove(&mut self, name: &str) {
        if let Some(size) = self.parts.remove(name) {
            self.bytes -= u64::from(size);
        }
    }
}

/// The name of a part: `<serial>-<picture>-<CRC-32>-<size>`.
pub(crate) fn name_of(serial: &str, picture: u32, crc32: u32, size: u32) -> String {
    format!("{serial}-{picture}-{crc32:08x}-{size}")
}

/// The size in a part's name; none if the name is not one of ours.
fn size_of(name: &str) -> Option<u32> {
    let mut parts = name.rsplitn(4, '-');
    let (size, crc32, picture) = (parts.next()?, parts.next()?, parts.next()?);
    let serial = parts.next()?;
    u32::from_str_radix(crc32, 16).ok()?;
    picture.parse::<u32>().ok()?;
    if serial.is_empty() {
        return None;
    }
    size.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_are_told_from_other_files() {
        assert_eq!(size_of(&name_of("A-1", 7, 0xab, 4_096)), Some(4_096));
        for other in ["", "README", "a-b-c-d", "-1-ab-5", "x-1-ab-5.tmp"] {
            assert_eq!(size_of(other), None, "{other}");
        }
    }
}
