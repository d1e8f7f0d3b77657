//! `pair.json` in the data directory: what the node must know of its part in the pair after a crash.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spica_model::Epoch;
use spica_pair::Durable;

const NAME: &str = "pair.json";

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
    /// It is not what was written.
    #[error(
        "{} is damaged: {source}; remove it only if the partner holds everything, then this node \
         follows it", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// The file.
#[derive(Debug, Clone)]
pub struct Memory {
    dir: PathBuf,
}

impl Memory {
    /// The file in this data directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// What it says; nothing was ever remembered if there is none.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn load(&self) -> Result<Remembered, MemoryError> {
        let path = self.dir.join(NAME);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| MemoryError::Damaged { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Remembered::default()),
            Err(source) => Err(MemoryError::Io {
                path,
                verb: "read",
                source,
            }),
        }
    }

    /// Stores it durably, in one step.
    ///
    /// # Errors
    /// If the disk says no: nothing may be done by it then.
    pub fn store(&self, remembered: Remembered) -> Result<(), MemoryError> {
        let (path, unfinished) = (self.dir.join(NAME), self.dir.join("pair.json.new"));
        let write = || {
            let mut file = File::create(&unfinished)?;
            serde_json::to_writer(&mut file, &remembered)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|source| MemoryError::Io {
            path: self.dir.join(NAME),
            verb: "written",
            source,
        })
    }
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
