//! What is signed: the authority's own certificate, those of nodes, and the list of the revoked.

use std::time::Duration;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber,
};
use rustls_pki_types::ServerName;
use spica_model::Timestamp;

use super::error::{IssueError, SaveError};
use super::index::{Entry, Index};
use super::serial::Serial;
use super::{CA_LIFE, CRL_LIFE};

/// The attribute `serialNumber` of a distinguished name (RFC 4519).
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];

/// Longest common name that X.509 allows, in characters.
pub(super) const COMMON_NAME: usize = 64;

/// The last second that X.509 can write: 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// Certificates begin this long before they are issued: a node's clock may be behind.
pub(super) const BACKDATED: Duration = Duration::from_hours(24);

/// A key, as PEM text, with the certificate that it belongs to.
pub(super) struct Made {
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
}

/// A point in time as X.509 writes it: whole seconds of the years 1970 to 9999.
pub(super) fn whole_second(at: Timestamp) -> Timestamp {
    let second = at.as_micros().div_euclid(1_000_000).clamp(0, LAST_SECOND);
    Timestamp::from_micros(second * 1_000_000)
}

macro_rules! date {
    ($at:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + whole_second($at).since(Timestamp::EPOCH)
    };
}

fn failed(error: impl std::fmt::Display) -> SaveError {
    SaveError::Made(error.to_string())
}

fn random() -> Result<[u8; 16], SaveError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A new key pair: ECDSA on P-256, which every TLS stack knows.
fn key_pair() -> Result<KeyPair, SaveError> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)
}

/// What an authority's key is for.
pub(super) fn authority_usages() -> Vec<KeyUsagePurpose> {
    vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]
}

pub(super) fn new_serial() -> Result<Serial, SaveError> {
    random().map(Serial::from_random)
}

/// Signs the certificate of a new authority. A random part makes its name unlike any other's: lists
/// of the revoked are found by this name, also while a new authority takes over from an old one.
pub(super) fn authority(name: &str, now: Timestamp) -> Result<Made, SaveError> {
    let key = key_pair()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let mut push = |kind, text: String| {
        let value = DnValue::Utf8String(text);
        params.distinguished_name.push(kind, value);
    };
    push(DnType::CommonName, name.to_owned());
    let serial = new_serial()?;
    push(DnType::from_oid(&SERIAL_NUMBER), serial.to_string());
    params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
    params.not_before = date!(now.saturating_sub(BACKDATED));
    params.not_after = date!(now.saturating_add(CA_LIFE));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = authority_usages();
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(Made {
        certificate_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
    })
}

/// Signs the certificate of a node, with a new key.
pub(super) fn node(
    issuer: &Issuer<'_, KeyPair>,
    entry: &Entry,
    addresses: &[ServerName<'static>],
) -> Result<Made, IssueError> {
    let key = key_pair()?;
    let identity = entry.identity();
    let mut params = CertificateParams::default();
    // For people only: what counts is the URI below.
    let shown: String = identity.to_string().chars().take(COMMON_NAME).collect();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, DnValue::Utf8String(shown));
    params.serial_number = Some(SerialNumber::from_slice(entry.serial.as_bytes()));
    params.not_before = date!(entry.issued.saturating_sub(BACKDATED));
    params.not_after = date!(entry.not_after);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Either end of a link may be the one that dials.
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::ServerAuth,
    ];
    let uri = Ia5String::try_from(identity.to_uri()).map_err(failed)?;
    params.subject_alt_names = vec![SanType::URI(uri)];
    for address in addresses {
        params.subject_alt_names.push(address_name(address)?);
    }
    let certificate = params.signed_by(&key, issuer).map_err(failed)?;
    Ok(Made {
        certificate_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
    })
}

fn address_name(address: &ServerName<'static>) -> Result<SanType, IssueError> {
    let refused = || IssueError::Address(address.to_str().into_owned());
    match address {
        ServerName::DnsName(name) => Ia5String::try_from(name.as_ref())
            .map(SanType::DnsName)
            .map_err(|_| refused()),
        ServerName::IpAddress(address) => Ok(SanType::IpAddress((*address).into())),
        _ => Err(refused()),
    }
}

/// Signs the list of the revoked certificates of an index.
pub(super) fn revoked(
    issuer: &Issuer<'_, KeyPair>,
    index: &Index,
    now: Timestamp,
) -> Result<String, SaveError> {
    let revoked_certs = index.issued.iter().filter_map(|entry| {
        Some(RevokedCertParams {
            serial_number: SerialNumber::from_slice(entry.serial.as_bytes()),
            revocation_time: date!(entry.revoked?),
            reason_code: None,
            invalidity_date: None,
        })
    });
    let params = CertificateRevocationListParams {
        this_update: date!(now.saturating_sub(BACKDATED)),
        next_update: date!(now.saturating_add(CRL_LIFE)),
        crl_number: SerialNumber::from(index.crl_number),
        issuing_distribution_point: None,
        revoked_certs: revoked_certs.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = params.signed_by(issuer).map_err(failed)?;
    list.pem().map_err(failed)
}
