//! Opening an authority: the lock, the key, and what a crash left.

use std::fmt::Display;
use std::fs::{File, TryLockError};
use std::path::Path;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, Issuer, KeyPair, PublicKeyData,
};
use spica_model::Timestamp;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::Authority;
use super::error::OpenError;
use super::index::Index;
use super::sign::{self, Made};
use crate::files::{self, CA_CERTIFICATE, CA_KEY, CRL, FileError};
use crate::inspect;

/// What signs with an authority's key, under the name that its certificate has.
pub(super) fn issuer(made: &Made) -> Result<(Issuer<'static, KeyPair>, Timestamp), String> {
    let text = |error: &dyn Display| error.to_string();
    let key = KeyPair::from_pem(&made.key_pem).map_err(|error| text(&error))?;
    let (_, pem) = parse_x509_pem(made.certificate_pem.as_bytes()).map_err(|error| text(&error))?;
    let certificate = pem.parse_x509().map_err(|error| text(&error))?;
    if certificate.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
        return Err(format!("it does not belong to {CA_CERTIFICATE}"));
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // As the authority wrote it: all its texts are UTF-8.
    for attribute in certificate.subject().iter_attributes() {
        let kind: Option<Vec<u64>> = attribute.attr_type().iter().map(Iterator::collect);
        let value = attribute.as_str().map_err(|error| text(&error))?;
        let value = DnValue::Utf8String(value.to_owned());
        let kind = DnType::from_oid(&kind.unwrap_or_default());
        params.distinguished_name.push(kind, value);
    }
    params.key_usages = sign::authority_usages();
    let ends = inspect::timestamp(&certificate.validity().not_after);
    Ok((Issuer::new(params, key), ends))
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
    let (issuer, ends) = issuer(&made).map_err(|detail| OpenError::Key {
        key: dir.join(CA_KEY),
        certificate: dir.join(CA_CERTIFICATE),
        detail,
    })?;
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

/// The number of the list of the revoked that is there, if it can be read.
fn list_number(dir: &Path) -> Option<u64> {
    let bytes = files::read(&dir.join(CRL), inspect::LIMIT).ok()?;
    let (_, pem) = parse_x509_pem(&bytes).ok()?;
    let (_, list) = CertificateRevocationList::from_der(&pem.contents).ok()?;
    list.crl_number()?.try_into().ok()
}
