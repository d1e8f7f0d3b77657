//! The access file, and those with keys that it names: read again when one of them changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use spica_mqtt_access::{Access as AccessFile, FILE_BYTES, ReloadInfo};

use super::{Gate, GateError};

/// How a file looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

/// Files, and how each looked when it was read last.
pub(super) type Stamps = Vec<(PathBuf, Option<Stamp>)>;

/// Longest file with keys, in bytes.
const KEYS_BYTES: u64 = 1 << 20;

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
        })
    }
}

impl Gate {
    /// Reads the access file. Until all of it is right, what was before holds on.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn read_file(&self) -> Result<(), GateError> {
        let mut stamps = Stamps::new();
        let access = load(self.file.as_deref(), self.anonymous.as_deref(), &mut stamps);
        // Also of what is wrong: it is read again when it has changed, and no sooner.
        *self.stamps.lock() = stamps;
        *self.access.write() = Arc::new(access?);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Whether the access file, or one that it names, is another one than was read last.
    pub(super) fn has_file_changed(&self) -> bool {
        let stamps = self.stamps.lock().clone();
        stamps.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }

    /// Reads the access file again, and says so.
    pub(super) fn read_again(&self) -> Result<ReloadInfo, Vec<String>> {
        match self.read_file() {
            Ok(()) => {
                let access = self.access();
                let info = ReloadInfo {
                    roles: access.roles().count(),
                    users: access.users(),
                };
                self.deps.metrics.reloaded(true);
                tracing::info!(info.roles, info.users, "the MQTT access file is read again");
                Ok(info)
            }
            Err(error) => {
                self.deps.metrics.reloaded(false);
                tracing::error!(
                    %error,
                    "the MQTT access file cannot be used: what was before holds on"
                );
                Err(match error {
                    GateError::Content { problems, .. } => problems,
                    other => vec![other.to_string()],
                })
            }
        }
    }
}

/// What the file says, or what counts without one. Notes how the files looked that were read.
pub(super) fn load(
    file: Option<&Path>,
    anonymous: Option<&str>,
    stamps: &mut Stamps,
) -> Result<AccessFile, GateError> {
    let access = match file {
        None => AccessFile::default(),
        Some(path) => parse(path, stamps)?,
    };
    match anonymous {
        Some(role) if access.role(role).is_none() => {
            let known: Vec<&str> = access.roles().collect();
            Err(GateError::Anonymous(role.to_owned(), known.join(", ")))
        }
        _ => Ok(access),
    }
}

fn parse(path: &Path, stamps: &mut Stamps) -> Result<AccessFile, GateError> {
    let wrong = |problems| GateError::Content {
        path: path.to_owned(),
        problems,
    };
    // Before it is read: what is written meanwhile is read again.
    stamps.push((path.to_owned(), Stamp::of(path)));
    let read = bounded(path, FILE_BYTES as u64).map_err(|source| GateError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = read.map_err(|problem| wrong(vec![problem]))?;
    let text = String::from_utf8(text).map_err(|_| wrong(vec!["it is not UTF-8".to_owned()]))?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let mut files = |name: &str| {
        let path = beside.join(name);
        stamps.push((path.clone(), Stamp::of(&path)));
        bounded(&path, KEYS_BYTES).map_err(|error| error.to_string())?
    };
    AccessFile::parse_with(&text, &mut files)
        .map_err(|problems| wrong(problems.iter().map(ToString::to_string).collect()))
}

/// The bytes of a file, or that there are too many.
fn bounded(path: &Path, most: u64) -> std::io::Result<Result<Vec<u8>, String>> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > most {
        let problem = format!("it has {bytes} bytes; at most {most} are allowed");
        return Ok(Err(problem));
    }
    std::fs::read(path).map(Ok)
}
