//! What a certificate says, for people.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use spica_model::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use crate::files::{self, FileError};
use crate::identity::{NodeIdentity, PeerIdentityError, of_certificate};

/// Most bytes of a file with certificates, keys or revoked serial numbers. The longest list of the
/// revoked has a fifth of it.
pub(crate) const LIMIT: u64 = 8 << 20;

/// What a certificate says. Nothing of it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The node that it names, or why it names none.
    pub identity: Result<NodeIdentity, PeerIdentityError>,
    /// The host names and addresses.
    pub addresses: Vec<String>,
    /// Whose it is, as X.509 has it: `CN=root/s1`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The serial number, as hexadecimal digits.
    pub serial: String,
    /// The beginning of its life.
    pub not_before: Timestamp,
    /// The end of its life.
    pub not_after: Timestamp,
    /// Whether it is the certificate of an authority.
    pub is_authority: bool,
    /// The SHA-256 of the certificate, as `AB:CD:…`.
    pub fingerprint: String,
}

/// Why a file says nothing.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds no certificate.
    #[error("{} holds no certificate: {detail}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

/// Reads the first certificate of a PEM file.
///
/// # Errors
/// If there is none.
pub fn inspect(path: &Path) -> Result<Summary, InspectError> {
    let bytes = files::read(path, LIMIT)?;
    let wrong = |detail: String| InspectError::Content {
        path: path.to_owned(),
        detail,
    };
    let der = CertificateDer::from_pem_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    of_der(&der).map_err(wrong)
}

/// Reads a certificate; the error says what is wrong with it.
pub(crate) fn of_der(der: &CertificateDer<'_>) -> Result<Summary, String> {
    let (_, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    Ok(Summary {
        identity: of_certificate(&parsed),
        addresses: addresses(&parsed),
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        serial: hex(parsed.raw_serial(), "").to_lowercase(),
        not_before: timestamp(&parsed.validity().not_before),
        not_after: timestamp(&parsed.validity().not_after),
        is_authority: parsed.is_ca(),
        fingerprint: hex(&Sha256::digest(der), ":"),
    })
}

/// A time of X.509.
pub(crate) fn timestamp(at: &ASN1Time) -> Timestamp {
    Timestamp::from_micros(at.timestamp().saturating_mul(1_000_000))
}

fn addresses(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(octets) => ip_address(octets).map(|ip| ip.to_string()),
            _ => None,
        })
        .collect()
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

fn hex(bytes: &[u8], between: &str) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}
