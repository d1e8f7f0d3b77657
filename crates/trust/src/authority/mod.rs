//! The built-in certificate authority: a directory with a key, a certificate, an index of what was
//! issued, and a list of what was revoked.
//!
//! The index is written before a certificate is given away and before the list is signed, so that a
//! crash leaves an entry too many rather than a certificate that nobody can revoke.

mod error;
mod index;
mod open;
mod revoke;
mod serial;
mod sign;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{Issuer, KeyPair};
use rustls_pki_types::ServerName;
use spica_model::Timestamp;

use crate::files::{self, CA_CERTIFICATE, CA_KEY, CRL, INDEX, NODE_CERTIFICATE, NODE_KEY};
use crate::identity::NodeIdentity;
use crate::inspect::{self, inspect};
use index::Index;

pub use error::{InitError, IssueError, OpenError, RevokeError, SaveError};
pub use index::{Entry, MAX_ISSUED};
pub use revoke::Revoke;
pub use serial::{ParseSerialError, Serial};

const DAY: Duration = Duration::from_hours(24);

/// How long an authority is valid: 20 years.
pub const CA_LIFE: Duration = DAY.saturating_mul(7_305);

/// How long a node's certificate is valid unless asked otherwise: 2 years.
pub const NODE_LIFE: Duration = DAY.saturating_mul(730);

/// Longest life of a node's certificate: 10 years.
pub const MAX_LIFE: Duration = DAY.saturating_mul(3_652);

/// When the next list of the revoked is promised: in 10 years. A node may be out of reach for long,
/// and what it knows about revoked certificates stays true.
pub const CRL_LIFE: Duration = DAY.saturating_mul(3_652);

/// Most addresses in a certificate.
pub const MAX_ADDRESSES: usize = 32;

/// For whom a certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who the node is.
    pub identity: NodeIdentity,
    /// Host names and IP addresses under which it is reached, for programs that look at them (`curl`,
    /// a balancer's health check). Links do not. At most [`MAX_ADDRESSES`].
    pub addresses: Vec<ServerName<'static>>,
}

/// A new certificate and its key, both as PEM text. `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// What the index has about it.
    pub entry: Entry,
    /// The certificate.
    pub certificate_pem: String,
    /// The private key (PKCS #8). It is kept nowhere else.
    pub key_pem: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

/// A certificate authority in a directory. While it lives, no other process opens it.
pub struct Authority {
    dir: PathBuf,
    /// Holds the lock.
    _lock: File,
    certificate_pem: String,
    ends: Timestamp,
    issuer: Issuer<'static, KeyPair>,
    index: Index,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("dir", &self.dir)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes an authority in a directory, which is made too if it is not there. The name, 1 to 64
    /// characters, is shown to people.
    ///
    /// # Errors
    /// If there is one already, or it cannot be written.
    pub fn init(dir: &Path, name: &str, now: Timestamp) -> Result<(), InitError> {
        let characters = name.chars().count();
        if !(1..=sign::COMMON_NAME).contains(&characters) || name.chars().any(char::is_control) {
            return Err(InitError::Name(name.to_owned()));
        }
        let save = |error| InitError::Save(SaveError::File(error));
        files::make_directory(dir).map_err(save)?;
        for file in [CA_KEY, CA_CERTIFICATE, CRL, INDEX].map(|name| dir.join(name)) {
            // A link that leads nowhere counts too.
            if file.symlink_metadata().is_ok() {
                return Err(InitError::Exists(file));
            }
        }
        let made = sign::authority(name, now)?;
        let (issuer, _) = open::issuer(&made).map_err(SaveError::Made)?;
        let index = Index::new();
        let list = sign::revoked(&issuer, &index, now)?;
        let files = [
            (CA_KEY, made.key_pem, files::PRIVATE),
            (CA_CERTIFICATE, made.certificate_pem, files::PUBLIC),
            (CRL, list, files::PUBLIC),
        ];
        for (name, text, mode) in files {
            files::replace(dir, name, text.as_bytes(), mode).map_err(save)?;
        }
        // The last file: with it the authority is whole.
        Ok(index.save(dir)?)
    }

    /// Opens an authority. A revocation that was cut short is completed.
    ///
    /// # Errors
    /// If there is none, if another process has it, or if its files do not fit each other.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Self, OpenError> {
        open::open(dir, now)
    }

    /// What the authority in a directory has issued, oldest first. Asks for no lock and no key.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn list(dir: &Path) -> Result<Vec<Entry>, OpenError> {
        Ok(Index::read(dir)?.issued)
    }

    /// The authority's certificate, as PEM text.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Issues a certificate that is valid from now (from a day before, for clocks that are behind) for
    /// `life`.
    ///
    /// # Errors
    /// If what is asked for cannot stand in a certificate, or the index cannot be kept.
    pub fn issue(
        &mut self,
        subject: &Subject,
        life: Duration,
        now: Timestamp,
    ) -> Result<Issued, IssueError> {
        let not_after = self.allowed(subject, life, now)?;
        let entry = Entry {
            serial: sign::new_serial()?,
            node: subject.identity.node.clone(),
            side: subject.identity.side,
            issued: sign::whole_second(now),
            not_after,
            revoked: None,
        };
        let made = sign::node(&self.issuer, &entry, &subject.addresses)?;
        let mut index = self.index.clone();
        index.issued.push(entry.clone());
        self.keep(index)?;
        Ok(Issued {
            entry,
            certificate_pem: made.certificate_pem,
            key_pem: made.key_pem,
        })
    }

    /// Until when a certificate is valid that may be issued.
    fn allowed(
        &self,
        subject: &Subject,
        life: Duration,
        now: Timestamp,
    ) -> Result<Timestamp, IssueError> {
        if life < Duration::from_secs(1) || life > MAX_LIFE {
            let days = life.as_secs() / DAY.as_secs();
            return Err(IssueError::Life { days });
        }
        let addresses = subject.addresses.len();
        if addresses > MAX_ADDRESSES {
            return Err(IssueError::Addresses(addresses));
        }
        if self.index.issued.len() >= MAX_ISSUED {
            return Err(IssueError::Full);
        }
        let not_after = sign::whole_second(now.saturating_add(life));
        if not_after > self.ends {
            return Err(IssueError::Outlives { ends: self.ends });
        }
        Ok(not_after)
    }

    /// Issues a certificate and writes all that its node needs into a directory: `node.crt`, `node.key`
    /// (0600), `ca.crt` and `ca.crl`. A certificate of the same node that is there is replaced; it stays
    /// valid until it is revoked.
    ///
    /// # Errors
    /// If the directory holds another node's certificate, else as [`Self::issue`].
    pub fn issue_into(
        &mut self,
        dir: &Path,
        subject: &Subject,
        life: Duration,
        now: Timestamp,
    ) -> Result<Issued, IssueError> {
        let save = |error| IssueError::Save(SaveError::File(error));
        files::make_directory(dir).map_err(save)?;
        owner_is(dir, &subject.identity)?;
        let list = files::read(&self.dir.join(CRL), inspect::LIMIT).map_err(save)?;
        let issued = self.issue(subject, life, now)?;
        let files = [
            (
                CA_CERTIFICATE,
                self.certificate_pem.as_bytes(),
                files::PUBLIC,
            ),
            (CRL, &list, files::PUBLIC),
            (NODE_KEY, issued.key_pem.as_bytes(), files::PRIVATE),
            (
                NODE_CERTIFICATE,
                issued.certificate_pem.as_bytes(),
                files::PUBLIC,
            ),
        ];
        for (name, bytes, mode) in files {
            files::replace(dir, name, bytes, mode).map_err(save)?;
        }
        Ok(issued)
    }

    /// Revokes certificates and signs a new list. Says which were revoked by this; a serial number that
    /// was revoked before gives none.
    ///
    /// # Errors
    /// If there is no such certificate, or the new list cannot be kept.
    pub fn revoke(&mut self, which: &Revoke, now: Timestamp) -> Result<Vec<Entry>, RevokeError> {
        let mut index = self.index.clone();
        let revoked = revoke::mark(&mut index, which, now)?;
        if !revoked.is_empty() {
            index.crl_number += 1;
            self.keep(index)?;
            self.sign_list(now)?;
        }
        Ok(revoked)
    }

    fn keep(&mut self, index: Index) -> Result<(), SaveError> {
        index.save(&self.dir)?;
        self.index = index;
        Ok(())
    }

    fn sign_list(&self, now: Timestamp) -> Result<(), SaveError> {
        let list = sign::revoked(&self.issuer, &self.index, now)?;
        Ok(files::replace(
            &self.dir,
            CRL,
            list.as_bytes(),
            files::PUBLIC,
        )?)
    }
}

/// Refuses a directory that is another node's: overwriting it would take that node's name away.
fn owner_is(dir: &Path, identity: &NodeIdentity) -> Result<(), IssueError> {
    let path = dir.join(NODE_CERTIFICATE);
    if !path.exists() {
        return Ok(());
    }
    let other = match inspect(&path) {
        Ok(found) => match found.identity {
            Ok(found) if found == *identity => return Ok(()),
            Ok(found) => found.to_string(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    Err(IssueError::Other {
        path,
        other,
        asked: identity.to_string(),
    })
}
