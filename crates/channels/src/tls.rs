//! Whose certificates are believed: those of this machine, or of an authority's file alone.

use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
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

/// The certificates of such a text.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, SettingError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    read.map_err(|error| SettingError::new("ca", format!("is no PEM: {error}")))
}
