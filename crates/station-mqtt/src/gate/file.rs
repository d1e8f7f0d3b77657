//! The access file, read again when it changes.

use std::path::Path;
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
        if let Some(path) = &self.file {
            // Before it is read: what is written meanwhile is read again.
            *self.stamp.lock() = Stamp::of(path);
        }
        let access = load(self.file.as_deref(), self.anonymous.as_deref())?;
        *self.access.write() = Arc::new(access);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Whether the access file is another one than was read last.
    pub(super) fn has_file_changed(&self) -> bool {
        let now = self.file.as_deref().map(Stamp::of);
        now.is_some_and(|now| now != *self.stamp.lock())
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

/// What the file says, or what counts without one.
pub(super) fn load(file: Option<&Path>, anonymous: Option<&str>) -> Result<AccessFile, GateError> {
    let access = match file {
        None => AccessFile::default(),
        Some(path) => parse(path)?,
    };
    match anonymous {
        Some(role) if access.role(role).is_none() => {
            let known: Vec<&str> = access.roles().collect();
            Err(GateError::Anonymous(role.to_owned(), known.join(", ")))
        }
        _ => Ok(access),
    }
}

fn parse(path: &Path) -> Result<AccessFile, GateError> {
    let failed = |source| GateError::Read {
        path: path.to_owned(),
        source,
    };
    let wrong = |problems| GateError::Content {
        path: path.to_owned(),
        problems,
    };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > FILE_BYTES as u64 {
        let problem = format!("it has {bytes} bytes; at most {FILE_BYTES} are allowed");
        return Err(wrong(vec![problem]));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    AccessFile::parse(&text)
        .map_err(|problems| wrong(problems.iter().map(ToString::to_string).collect()))
}
