//! The TLS side of the station: certificate, key, acceptor.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Bytes that rustls may hold back per connection on their way out: more than a station ever says
/// at once.
const BUFFER_BYTES: usize = 16 << 10;

/// Why the TLS listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate's file cannot be read, or has none.
    #[error("the certificate {} cannot be read: {detail}; a PEM file with the chain is needed", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The key's file cannot be read, or has none.
    #[error("the private key {} cannot be read: {detail}; a PEM file is needed", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The two do not fit each other, or the library refuses them.
    #[error("certificate and private key cannot be used: {0}")]
    Refused(#[from] rustls::Error),
}

/// An acceptor with the certificate chain and the private key from two PEM files. They are read
/// once: a new certificate is taken up by a restart.
///
/// # Errors
/// If a file cannot be read, or the two do not fit each other.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let chain = read_chain(certificate).map_err(|detail| TlsError::Certificate {
        path: certificate.to_owned(),
        detail,
    })?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::Key {
        path: key.to_owned(),
        detail: error.to_string(),
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.max_early_data_size = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| error.to_string());
    match chain? {
        chain if chain.is_empty() => Err("there is no certificate in it".into()),
        chain => Ok(chain),
    }
}

/// Bounds what a connection that does not read may hold in memory.
pub(crate) fn bound(connection: &mut rustls::ServerConnection) {
    connection.set_buffer_limit(Some(BUFFER_BYTES));
}

/// A handshake that failed, as the error to close with.
pub(crate) fn is_probe(error: &io::Error) -> bool {
    // What is no TLS at all shows as invalid data; a cut connection does not.
    error.kind() == io::ErrorKind::InvalidData
}
