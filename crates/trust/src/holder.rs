//! A certificate that can be exchanged while the node runs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use spica_clock::SharedClock;

use crate::credentials::{Credentials, LoadError};
use crate::tls::Identity;

/// What a look at the files found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// They are as before.
    Unchanged,
    /// They changed, and what they hold is in force for new connections.
    Changed,
}

/// The identity in force, and the files that it came from. Asking for it costs one atomic load, looking
/// at the files one `stat` each.
pub struct IdentityHolder {
    credentials: Credentials,
    clock: SharedClock,
    current: ArcSwap<Identity>,
    seen: Mutex<Stamps>,
}

impl std::fmt::Debug for IdentityHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityHolder")
            .field("credentials", &self.credentials)
            .field("current", &self.current.load())
            .finish_non_exhaustive()
    }
}

impl IdentityHolder {
    /// Reads the files.
    ///
    /// # Errors
    /// As [`Credentials::load`].
    pub fn open(credentials: Credentials, clock: SharedClock) -> Result<Self, LoadError> {
        // Before the files are read: what changes meanwhile is then found by the next look.
        let seen = stamps(&credentials);
        let identity = credentials.load(Arc::clone(&clock))?;
        Ok(Self {
            credentials,
            clock,
            current: ArcSwap::from_pointee(identity),
            seen: Mutex::new(seen),
        })
    }

    /// The identity in force.
    #[must_use]
    pub fn current(&self) -> Arc<Identity> {
        self.current.load_full()
    }

    /// Reads the files again if they changed. Open connections stay; [`Identity::verify`] says which
    /// must go.
    ///
    /// # Errors
    /// As [`Credentials::load`]; the identity before stays in force, and the next call tries again. While
    /// files are being exchanged, a key and a certificate may not fit each other for a moment.
    pub fn reload(&self) -> Result<Reload, LoadError> {
        let mut seen = self.seen.lock();
        let found = stamps(&self.credentials);
        if *seen == found {
            return Ok(Reload::Unchanged);
        }
        let identity = self.credentials.load(Arc::clone(&self.clock))?;
        self.current.store(Arc::new(identity));
        *seen = found;
        Ok(Reload::Changed)
    }
}

/// Device, inode, size, and time of change in nanoseconds: what differs when a file is another.
type Stamp = (u64, u64, u64, i128);

type Stamps = [Option<Stamp>; 4];

fn stamps(credentials: &Credentials) -> Stamps {
    let Credentials {
        ca,
        certificate,
        key,
        crl,
    } = credentials;
    [Some(ca), Some(certificate), Some(key), crl.as_ref()]
        .map(|path| path.and_then(|path| stamp(path)))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
    Some((found.dev(), found.ino(), found.size(), changed))
}
