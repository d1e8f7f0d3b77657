//! What can go wrong in an authority's directory.

use std::path::PathBuf;

use spica_model::Timestamp;

use super::index::MAX_ISSUED;
use super::serial::Serial;
use super::{MAX_ADDRESSES, MAX_LIFE};
use crate::files::{FileError, INDEX};

const DAY_SECS: u64 = 24 * 60 * 60;

/// Why something new cannot be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The cryptography, or an encoding.
    #[error("a key, certificate or list cannot be made: {0}")]
    Made(String),
}

/// Why no authority can be made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is one, or a part of one.
    #[error(
        "{} is there already: another authority would replace it, and no node would trust the nodes of \
         this one any more. Name another directory; if an `init` was cut short here (there is no \
         {INDEX}), remove what it left",
        .0.display()
    )]
    Exists(PathBuf),
    /// A name that cannot stand in a certificate.
    #[error("the name of an authority has 1 to 64 characters and no control characters, not {0:?}")]
    Name(String),
    /// Nothing can be kept.
    #[error(transparent)]
    Save(#[from] SaveError),
}

/// Why an authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file.
    #[error("{0}; is there an authority? `spica ca init` makes one")]
    File(#[from] FileError),
    /// A file is not what it should be.
    #[error("{} is not what an authority wrote: {detail}; restore it from a copy", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Key and certificate are not one authority's.
    #[error(
        "{} and {} are not the key and the certificate of an authority: {detail}; restore both from the \
         same copy",
        key.display(), certificate.display()
    )]
    Key {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Another process works on it.
    #[error("another process works on the authority in {}; wait until it is done", .0.display())]
    Busy(PathBuf),
    /// An interrupted revocation cannot be completed.
    #[error(
        "the list of revoked certificates is older than the index and cannot be signed again: {0}"
    )]
    Save(SaveError),
}

/// Why a certificate is not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// It would be valid for no time, or for too long.
    #[error("a certificate is valid for 1 second to {} days, not {days} days", MAX_LIFE.as_secs() / DAY_SECS)]
    Life {
        /// What was asked for, in whole days.
        days: u64,
    },
    /// It would outlive the authority.
    #[error(
        "the authority ends at {ends}, before the certificate would: ask for fewer days, or make a new \
         authority"
    )]
    Outlives {
        /// The end of the authority.
        ends: Timestamp,
    },
    /// Too many addresses.
    #[error("a certificate has at most {MAX_ADDRESSES} addresses, not {0}")]
    Addresses(usize),
    /// An address that cannot stand in a certificate.
    #[error("{0:?} cannot stand in a certificate: it is neither a host name nor an IP address")]
    Address(String),
    /// The authority has issued all it can.
    #[error(
        "this authority has issued {MAX_ISSUED} certificates, which is all it can: make a new one"
    )]
    Full,
    /// The directory holds the certificate of another node.
    #[error(
        "{} is the certificate of {other}, not of {asked}: give each node a directory of its own",
        path.display()
    )]
    Other {
        /// The certificate that is there.
        path: PathBuf,
        /// Whom it names, or why nobody can tell.
        other: String,
        /// Who was to get one.
        asked: String,
    },
    /// Nothing can be kept.
    #[error(transparent)]
    Save(#[from] SaveError),
}

/// Why a certificate is not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// There is none with this serial number.
    #[error("this authority issued no certificate {0}; `spica ca list` shows them all")]
    Unknown(Serial),
    /// There is none of this node that is not revoked yet.
    #[error("{0} has no certificate that is not revoked; `spica ca list` shows them all")]
    Nothing(String),
    /// Nothing can be kept.
    #[error(transparent)]
    Save(#[from] SaveError),
}
