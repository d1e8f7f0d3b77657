//! The access file, and those with keys that it names: read again when one of them changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use spica_mqtt_access::{Access as AccessFile, AccessSettings, FILE_BYTES, ReloadInfo};

use super::{Gate, GateError, Held, Reread, SettingsSource};

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
    /// Whether the access file, or one that it names, is another one than was read last.
    pub(super) fn has_file_changed(&self) -> bool {
        let stamps = self.stamps.lock().clone();
        stamps.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }

    /// Reads the access file again, and the settings before if there is a source of them; says so.
    pub(super) fn read_again(
        &self,
        source: Option<&SettingsSource>,
    ) -> Result<ReloadInfo, Vec<String>> {
        let _one = self.reloading.lock();
        let taken = self.take_up(source);
        self.deps.metrics.reloaded(taken.is_ok());
        match &taken {
            Ok(info) => {
                let (roles, users) = (info.roles, info.users);
                tracing::info!(roles, users, "access to MQTT is read again");
                if !info.needs_restart.is_empty() {
                    let keys = info.needs_restart.join(", ");
                    tracing::warn!(
                        keys,
                        "the configuration has changed where it needs a restart"
                    );
                }
            }
            Err(problems) => tracing::error!(
                problems = problems.join("; "),
                "what was read again cannot be used: what was before holds on"
            ),
        }
        taken
    }

    /// Until all of it is right, nothing changes.
    fn take_up(&self, source: Option<&SettingsSource>) -> Result<ReloadInfo, Vec<String>> {
        let read = match source {
            Some(source) => source()?,
            None => Reread {
                settings: self.held.read().settings.clone(),
                needs_restart: Vec::new(),
            },
        };
        let mut stamps = Stamps::new();
        let held = hold(&read.settings, &self.deps.base, &mut stamps);
        if source.is_none() || held.is_ok() {
            // Also of what is wrong: it is read again when it has changed, and no sooner.
            *self.stamps.lock() = stamps;
        }
        let held = held.map_err(|error| match error {
            GateError::Content { path, problems } => problems
                .iter()
                .map(|problem| format!("{}: {problem}", path.display()))
                .collect(),
            other => vec![other.to_string()],
        })?;
        let info = ReloadInfo {
            roles: held.access.roles().count(),
            users: held.access.users(),
            needs_restart: read.needs_restart,
        };
        self.quotas.lock().set_rules(read.settings.quotas.rules());
        let flapping = read.settings.flapping.rules();
        self.flapping.lock().set_rules(flapping);
        *self.held.write() = held;
        self.generation.fetch_add(1, Ordering::Release);
        Ok(info)
    }
}

/// What holds by these settings. Notes how the files looked that were read.
pub(super) fn hold(
    settings: &AccessSettings,
    base: &Path,
    stamps: &mut Stamps,
) -> Result<Held, GateError> {
    let topics = settings.check()?;
    let file = settings.file.as_ref().map(|file| file.resolve(base));
    let access = match file {
        None => AccessFile::default(),
        Some(path) => parse(&path, stamps)?,
    };
    match settings.anonymous.as_deref() {
        Some(role) if access.role(role).is_none() => {
            let known: Vec<&str> = access.roles().collect();
            Err(GateError::Anonymous(role.to_owned(), known.join(", ")))
        }
        _ => Ok(Held {
            settings: settings.clone(),
            topics,
            access: Arc::new(access),
        }),
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
