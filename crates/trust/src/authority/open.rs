//! Opening an authority: the lock, the key, and what a crash left.

use std::fs::{File, TryLockError};
use std::path::Path;

use rcgen::{Issuer, KeyPair, PublicKeyData};
use spica_model::Timestamp;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use super::Authority;
use super::error::{OpenError, SaveError};
use super::index::Index;
use super::sign::Made;
use crate::files::{self, CA_CERTIFICATE, CA_KEY, CRL, FileError};
use crate::inspect;

/// The signer of a key and its certificate.
pub(super) fn issuer(made: &Made) -> Result<Issuer<'static, KeyPair>, SaveError> {
    let failed = |error: rcgen::Error| SaveError::Made(error.to_string());
    let key = KeyPair::from_pem(&made.key_pem).map_err(failed)?;
    Issuer::from_ca_cert_pem(&made.certificate_pem, key).map_err(failed)
}

pub(super) fn open(dir: &Path, now: Timestamp) -> Result<Authority, OpenError> {
    // The index first: where there is none, there is no authority.
    Index::read(dir)?;
    let lock = lock(dir)?;
    let index = Index::read(dir)?;
    let made = Made {
        certificate_pem: text(dir, CA_CERTIFICATE, files::read)?,
        key_pem: text(dir, CA_KEY, files::read_private)?,
    };
    let wrong = |name: &str, detail: String| OpenError::Content {
        path: dir.join(name),
        detail,
    };
    let issuer = issuer(&made).map_err(|error| wrong(CA_KEY, error.to_string()))?;
    let ends = check_key(dir, &made.certificate_pem, issuer.key())?;
    let authority = Authority {
        dir: dir.to_owned(),
        _lock: lock,
        certificate_pem: made.certificate_pem,
        ends,
        issuer,
        index,
    };
    if list_number(dir) != Some(authority.index.crl_number) {
        authority.sign_list(now).map_err(OpenError::Save)?;
    }
    Ok(authority)
}

/// A lock on the directory itself, which no file outlives.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let failed = |source| FileError::Read {
        path: dir.to_owned(),
        source,
    };
    let lock = File::open(dir).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Busy(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source).into()),
    }
}

type Read = fn(&Path, u64) -> Result<Vec<u8>, FileError>;

fn text(dir: &Path, name: &str, read: Read) -> Result<String, OpenError> {
    let path = dir.join(name);
    let bytes = read(&path, inspect::LIMIT)?;
    String::from_utf8(bytes).map_err(|error| OpenError::Content {
        path,
        detail: error.to_string(),
    })
}

/// Checks that the key is the certificate's, and says when the authority ends.
fn check_key(dir: &Path, certificate: &str, key: &KeyPair) -> Result<Timestamp, OpenError> {
    let path = dir.join(CA_CERTIFICATE);
    let wrong = |detail: String| OpenError::Content {
        path: path.clone(),
        detail,
    };
    let (_, pem) =
        parse_x509_pem(certificate.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let (_, parsed) =
        X509Certificate::from_der(&pem.contents).map_err(|error| wrong(error.to_string()))?;
    if parsed.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
        return Err(OpenError::KeyMismatch {
            key: dir.join(CA_KEY),
            certificate: path,
        });
    }
    Ok(inspect::timestamp(&parsed.validity().not_after))
}

/// The number of the list of the revoked that is there, if it can be read.
fn list_number(dir: &Path) -> Option<u64> {
    let bytes = files::read(&dir.join(CRL), inspect::LIMIT).ok()?;
    let (_, pem) = parse_x509_pem(&bytes).ok()?;
    let (_, list) = CertificateRevocationList::from_der(&pem.contents).ok()?;
    list.crl_number()?.try_into().ok()
}
