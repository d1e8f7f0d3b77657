//! The files of a node's certificate, and all that can be wrong with them.

use std::path::{Path, PathBuf};

use rustls::{CertificateError, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use spica_clock::SharedClock;
use spica_model::Timestamp;

use crate::files::{self, CA_CERTIFICATE, CRL, FileError, NODE_CERTIFICATE, NODE_KEY};
use crate::identity::PeerIdentityError;
use crate::inspect::{self, LIMIT};
use crate::tls::{Identity, Parts};

/// What a file lacks.
const NONE: &str = "there is none in it";

/// Where a node's certificate, its key and what it trusts are. All are PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The certificates of the authorities that are trusted.
    pub ca: PathBuf,
    /// This node's certificate, first, and those between it and the authority, if any.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// The lists of revoked certificates, one of each authority. Without it nothing is revoked.
    pub crl: Option<PathBuf>,
}

/// Why a node cannot use its certificate.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file does not hold what it should.
    #[error("{} holds no {what}: {detail}; `spica ca issue` writes all files that a node needs", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The key is another certificate's.
    #[error(
        "the private key {} does not belong to the certificate {}: copy both from the same `spica ca \
         issue`", key.display(), certificate.display()
    )]
    KeyMismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// The certificate is too old.
    #[error(
        "the certificate {} expired at {at}: no other node accepts it. Issue a new one with `spica ca \
         issue`, or set this machine's clock if it is wrong", certificate.display()
    )]
    Expired {
        /// The certificate's file.
        certificate: PathBuf,
        /// The end of its life.
        at: Timestamp,
    },
    /// The certificate is not valid yet.
    #[error(
        "the certificate {} is only valid from {from}: this machine's clock is behind", certificate.display()
    )]
    NotYetValid {
        /// The certificate's file.
        certificate: PathBuf,
        /// The beginning of its life.
        from: Timestamp,
    },
    /// The certificate was revoked.
    #[error(
        "the certificate {} was revoked: no other node accepts it. Issue a new one with `spica ca issue`",
        certificate.display()
    )]
    Revoked {
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// Another authority signed the certificate.
    #[error(
        "the certificate {} was not signed by the authority in {}: copy both from the same `spica ca \
         issue`", certificate.display(), ca.display()
    )]
    Foreign {
        /// The certificate's file.
        certificate: PathBuf,
        /// The authority's file.
        ca: PathBuf,
    },
    /// The list of revoked certificates is another authority's, or altered.
    #[error(
        "the list {} is not of the authority in {}, so nobody can tell which certificates were revoked: \
         copy ca.crl from the authority again ({detail})", crl.display(), ca.display()
    )]
    List {
        /// The list's file.
        crl: PathBuf,
        /// The authority's file.
        ca: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The certificate names no node.
    #[error("{}: {source}", certificate.display())]
    Identity {
        /// The certificate's file.
        certificate: PathBuf,
        /// What is wrong.
        source: PeerIdentityError,
    },
    /// The library refuses it for another reason.
    #[error("the certificate {} cannot be used: {detail}", certificate.display())]
    Refused {
        /// The certificate's file.
        certificate: PathBuf,
        /// What the library says.
        detail: rustls::Error,
    },
}

impl Credentials {
    /// The files as `spica ca issue` writes them into a directory.
    #[must_use]
    pub fn in_directory(dir: &Path) -> Self {
        Self {
            ca: dir.join(CA_CERTIFICATE),
            certificate: dir.join(NODE_CERTIFICATE),
            key: dir.join(NODE_KEY),
            crl: Some(dir.join(CRL)),
        }
    }

    /// Reads all files and checks them as another node will: that they belong together, and that the
    /// certificate is valid now.
    ///
    /// # Errors
    /// If another node would refuse us, or we could not tell whom to refuse.
    pub fn load(&self, clock: SharedClock) -> Result<Identity, LoadError> {
        let crls = self.crl.as_deref().map(read_crls).transpose()?;
        let parts = Parts {
            roots: self.read_roots()?,
            crls: crls.unwrap_or_default(),
            chain: read_chain(&self.certificate)?,
            key: self.read_key()?,
        };
        // Of what was read above, not of the file, which may be another by now.
        let summary = match parts.chain.first().map(inspect::of_der) {
            Some(Ok(summary)) => summary,
            Some(Err(error)) => return Err(content(&self.certificate, "certificate", error)),
            None => return Err(content(&self.certificate, "certificate", NONE)),
        };
        let own = summary
            .identity
            .clone()
            .map_err(|source| LoadError::Identity {
                certificate: self.certificate.clone(),
                source,
            })?;
        Identity::new(parts, own, summary.not_after, clock)
            .map_err(|error| self.explained(error, &summary))
    }

    fn read_roots(&self) -> Result<RootCertStore, LoadError> {
        let mut roots = RootCertStore::empty();
        for certificate in read_chain(&self.ca)? {
            roots
                .add(certificate)
                .map_err(|error| content(&self.ca, "certificate of an authority", error))?;
        }
        Ok(roots)
    }

    fn read_key(&self) -> Result<PrivateKeyDer<'static>, LoadError> {
        let bytes = files::read_private(&self.key, LIMIT)?;
        PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|error| content(&self.key, "private key", error))
    }

    /// What the library says, as an operator can use it.
    fn explained(&self, error: rustls::Error, summary: &inspect::Summary) -> LoadError {
        use CertificateError as C;
        let certificate = self.certificate.clone();
        let ca = self.ca.clone();
        match error {
            rustls::Error::InconsistentKeys(_) => LoadError::KeyMismatch {
                key: self.key.clone(),
                certificate,
            },
            rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
                let at = summary.not_after;
                LoadError::Expired { certificate, at }
            }
            rustls::Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
                let from = summary.not_before;
                LoadError::NotYetValid { certificate, from }
            }
            rustls::Error::InvalidCertificate(C::Revoked) => LoadError::Revoked { certificate },
            rustls::Error::InvalidCertificate(C::UnknownIssuer | C::BadSignature) => {
                LoadError::Foreign { certificate, ca }
            }
            rustls::Error::InvalidCertificate(C::UnknownRevocationStatus) => {
                self.wrong_list("it is another's".to_owned())
            }
            rustls::Error::InvalidCertRevocationList(error) => {
                self.wrong_list(format!("{error:?}"))
            }
            detail => LoadError::Refused {
                certificate,
                detail,
            },
        }
    }

    fn wrong_list(&self, detail: String) -> LoadError {
        LoadError::List {
            crl: self.crl.clone().unwrap_or_default(),
            ca: self.ca.clone(),
            detail,
        }
    }
}

fn content(path: &Path, what: &'static str, error: impl std::fmt::Display) -> LoadError {
    LoadError::Content {
        path: path.to_owned(),
        what,
        detail: error.to_string(),
    }
}

/// All parts of one kind of a PEM file; at least one.
fn read_all<T: PemObject>(path: &Path, what: &'static str) -> Result<Vec<T>, LoadError> {
    let bytes = files::read(path, LIMIT)?;
    let parts: Result<Vec<T>, _> = T::pem_slice_iter(&bytes).collect();
    match parts {
        Ok(parts) if parts.is_empty() => Err(content(path, what, NONE)),
        Ok(parts) => Ok(parts),
        Err(error) => Err(content(path, what, error)),
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    read_all(path, "certificate")
}

fn read_crls(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, LoadError> {
    read_all(path, "list of revoked certificates")
}
