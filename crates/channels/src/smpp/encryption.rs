//! TLS for the session, where the centre has it.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use spica_settings::FilePath;

use crate::error::SettingError;
use crate::tls::{ca_pem, certificates};

/// TLS for a client without a certificate of its own.
pub(super) fn client(
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
