//! Whose certificates are believed: those of this machine, or of an authority's file alone.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::BuilderVerifierExt as _;
use spica_settings::FilePath;

use crate::error::SettingError;
use crate::settings::file_text;

/// The longest file of certificates; those of a whole system have a quarter of that.
const CA_FILE_BYTES: u64 = 1 << 20;

/// The text of the file that `ca` names, in PEM, if it names one.
pub(crate) fn ca_pem(ca: Option<&FilePath>, base: &Path) -> Result<Option<String>, SettingError> {
    let read = |ca: &FilePath| file_text(&ca.resolve(base), CA_FILE_BYTES);
    let pem = ca
        .map(read)
        .transpose()
        .map_err(|reason| SettingError::new("ca", reason))?;
    if let Some(pem) = &pem
        && certificates(pem)?.is_empty()
    {
        return Err(SettingError::new(
            "ca",
            "the file holds no certificate in PEM",
        ));
    }
    Ok(pem)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, SettingError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    read.map_err(|error| SettingError::new("ca", format!("is no PEM: {error}")))
}

/// TLS for a client without a certificate of its own.
#[cfg(feature = "sms")]
pub(crate) fn client(
    ca: Option<&FilePath>,
    base: &Path,
) -> Result<Arc<ClientConfig>, SettingError> {
    let bad = |error: rustls::Error| SettingError::new("ca", error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(bad)?;
    let builder = match ca_pem(ca, base)? {
        None => builder.with_platform_verifier().map_err(bad)?,
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(&pem)? {
                roots.add(certificate).map_err(bad)?;
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}
