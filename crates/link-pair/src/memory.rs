//! `pair.state` in the data directory: what the node must know of its part in the pair after a crash.
//!
//! Two slots are written in turn, in place: a flush that changes neither names nor lengths does not
//! wait for the file system's own journal, and a take-over waits for this one. A slot that a crash
//! tore leaves the other one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spica_model::Epoch;
use spica_pair::Durable;

const NAME: &str = "pair.state";
/// Bytes of a slot: a page, so that tearing one does not touch the other.
const SLOT: usize = 4_096;

/// What is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Remembered {
    /// The newest epoch in which the node was active; 0 if never.
    pub led: u32,
    /// The newest epoch in which it was complete as the passive; 0 if never.
    pub complete: u32,
    /// Whether its journal lacks records that only the partner has.
    #[serde(default)]
    pub lacks: bool,
}

/// A slot: a line of JSON, padded with spaces.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Slot {
    generation: u64,
    #[serde(flatten)]
    remembered: Remembered,
    /// Of the line without it.
    checksum: u32,
}

/// Why it cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file system says no.
    #[error("{} cannot be {verb}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// None of its slots is what was written.
    #[error(
        "{} is damaged: what this node knows of its pair is lost; if the partner holds everything, \
         remove the file together with the journal, and this node begins anew as its follower",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// The file.
#[derive(Debug, Clone)]
pub struct Memory {
    path: PathBuf,
}

impl Memory {
    /// The file in this data directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            path: dir.join(NAME),
        }
    }

    /// What it says; nothing was ever remembered if there is none.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn load(&self) -> Result<Remembered, MemoryError> {
        let newest = self.newest()?;
        Ok(newest.map_or_else(Remembered::default, |slot| slot.remembered))
    }

    /// Stores it durably, in one step.
    ///
    /// # Errors
    /// If the disk says no: nothing may be done by it then.
    pub fn store(&self, remembered: Remembered) -> Result<(), MemoryError> {
        let generation = self.newest()?.map_or(0, |slot| slot.generation) + 1;
        let file = self.open().map_err(self.error("opened"))?;
        let at = generation % 2 * SLOT as u64;
        let written = file
            .write_all_at(&encode(generation, remembered), at)
            .and_then(|()| file.sync_data());
        written.map_err(self.error("written"))
    }

    /// The file; made with its full length if there is none.
    fn open(&self) -> io::Result<File> {
        if let Ok(file) = OpenOptions::new().write(true).open(&self.path) {
            return Ok(file);
        }
        let file = File::create(&self.path)?;
        file.write_all_at(&[b' '; 2 * SLOT], 0)?;
        file.sync_all()?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(file)
    }

    fn newest(&self) -> Result<Option<Slot>, MemoryError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error("read")(error)),
        };
        // Spaces: the first write did not come to its end, and nothing was done by it.
        if bytes.iter().all(|byte| *byte == b' ') {
            return Ok(None);
        }
        let good = bytes.chunks(SLOT).filter_map(decode);
        match good.max_by_key(|slot| slot.generation) {
            Some(slot) => Ok(Some(slot)),
            None => Err(MemoryError::Damaged {
                path: self.path.clone(),
            }),
        }
    }

    fn error(&self, verb: &'static str) -> impl FnOnce(io::Error) -> MemoryError {
        let path = self.path.clone();
        move |source| MemoryError::Io { path, verb, source }
    }
}

fn checksum(generation: u64, remembered: Remembered) -> u32 {
    let Remembered {
        led,
        complete,
        lacks,
    } = remembered;
    crc32c::crc32c(format!("{generation} {led} {complete} {lacks}").as_bytes())
}

fn encode(generation: u64, remembered: Remembered) -> Vec<u8> {
    let slot = Slot {
        generation,
        remembered,
        checksum: checksum(generation, remembered),
    };
    // Plain numbers: nothing in it fails to be JSON.
    let mut line = serde_json::to_vec(&slot).unwrap_or_default();
    line.push(b'\n');
    line.resize(SLOT, b' ');
    line
}

fn decode(bytes: &[u8]) -> Option<Slot> {
    let slot: Slot = serde_json::from_slice(bytes.trim_ascii()).ok()?;
    (slot.checksum == checksum(slot.generation, slot.remembered)).then_some(slot)
}

impl Remembered {
    /// In the core's words.
    #[must_use]
    pub const fn durable(self) -> Durable {
        Durable {
            led: Epoch(self.led),
            complete: Epoch(self.complete),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(led: u32) -> Remembered {
        Remembered {
            led,
            ..Remembered::default()
        }
    }

    #[test]
    fn what_was_stored_last_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::new(dir.path());
        assert_eq!(memory.load().unwrap(), Remembered::default());
        for epoch in 1..5 {
            memory.store(led(epoch)).unwrap();
            assert_eq!(memory.load().unwrap(), led(epoch));
        }
    }

    #[test]
    fn a_torn_slot_leaves_the_other_and_two_are_damage() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::new(dir.path());
        memory.store(led(1)).unwrap();
        memory.store(led(2)).unwrap();
        let path = dir.path().join(NAME);
        let mut bytes = fs::read(&path).unwrap();
        let two = bytes
            .windows(7)
            .position(|part| part == b"\"led\":2")
            .unwrap();
        bytes[two + 6] = b'7';
        fs::write(&path, &bytes).unwrap();
        assert_eq!(memory.load().unwrap(), led(1));
        memory.store(led(3)).unwrap();
        assert_eq!(memory.load().unwrap(), led(3));
        fs::write(&path, [b'x'; 2 * SLOT]).unwrap();
        assert!(matches!(memory.load(), Err(MemoryError::Damaged { .. })));
    }

    #[test]
    fn a_first_write_that_never_came_to_its_end_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::new(dir.path());
        drop(memory.open().unwrap());
        assert_eq!(memory.load().unwrap(), Remembered::default());
    }
}
