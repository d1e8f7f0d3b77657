//! TLS to the other side.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::BuilderVerifierExt as _;
use spica_settings::FilePath;

use crate::TlsSettings;

/// Which setting is wrong, and why.
type Wrong = (&'static str, String);

/// TLS as it is set; relative paths count from `base`.
pub(crate) fn client(settings: &TlsSettings, base: &Path) -> Result<Arc<ClientConfig>, Wrong> {
    let bad = |error: rustls::Error| ("tls", error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(bad)?;
    let builder = match &settings.ca {
        None => builder.with_platform_verifier().map_err(bad)?,
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("tls.ca", ca, base)? {
                roots
                    .add(certificate)
                    .map_err(|error| ("tls.ca", error.to_string()))?;
            }
            builder.with_root_certificates(roots)
        }
    };
    let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let chain = certificates("tls.certificate", certificate, base)?;
    let path = key.resolve(base);
    let key = PrivateKeyDer::from_pem_file(&path)
        .map_err(|error| ("tls.key", format!("{}: {error}", path.display())))?;
    let config = builder.with_client_auth_cert(chain, key).map_err(bad)?;
    Ok(Arc::new(config))
}

fn certificates(
    key: &'static str,
    file: &FilePath,
    base: &Path,
) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let path = file.resolve(base);
    let wrong = |error: &dyn std::fmt::Display| (key, format!("{}: {error}", path.display()));
    let read = CertificateDer::pem_file_iter(&path).map_err(|error| wrong(&error))?;
    let all: Vec<_> = read
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(&error))?;
    if all.is_empty() {
        return Err(wrong(&"the file holds no certificate in PEM"));
    }
    Ok(all)
}
