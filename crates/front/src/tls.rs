//! The TLS side of a listener: certificate, key, whom to trust, acceptor.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use spica_clock::SharedClock;
use tokio_rustls::TlsAcceptor;

/// Bytes that rustls may hold back per connection on their way out; what is more stays with the
/// connection's own leftovers.
const BUFFER_BYTES: usize = 16 << 10;

/// The files of a TLS listener, all PEM. They are read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that signed it.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Whose clients show certificates; without it none is asked for one.
    pub clients: Option<ClientRoots>,
}

/// Which client certificates are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRoots {
    /// The certificates of the authorities that sign clients'.
    pub roots: PathBuf,
    /// The lists of what they revoked, one of each authority; without it nothing is revoked.
    pub revoked: Option<PathBuf>,
    /// Whether a client without a certificate is turned away. One with a wrong certificate always is.
    pub are_required: bool,
}

/// Why a TLS listener cannot start.
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
    /// The file of the authorities, or of what they revoked, cannot be used.
    #[error("{} cannot tell whose client certificates are good: {detail}; a PEM file is needed", path.display())]
    Clients {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The two do not fit each other, or the library refuses them.
    #[error("certificate and private key cannot be used: {0}")]
    Refused(#[from] rustls::Error),
}

/// An acceptor from the files of a listener.
///
/// # Errors
/// If a file cannot be read, or certificate and key do not fit each other.
pub(crate) fn acceptor(files: &TlsFiles, clock: &SharedClock) -> Result<TlsAcceptor, TlsError> {
    let chain = read_all(&files.certificate).map_err(|detail| TlsError::Certificate {
        path: files.certificate.clone(),
        detail,
    })?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| TlsError::Key {
        path: files.key.clone(),
        detail: error.to_string(),
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let time = Arc::new(ClockTime(Arc::clone(clock)));
    let builder = ServerConfig::builder_with_details(Arc::clone(&provider), time)
        .with_safe_default_protocol_versions()?;
    let mut config = match &files.clients {
        None => builder.with_no_client_auth().with_single_cert(chain, key)?,
        Some(clients) => {
            let verifier = verifier(clients, &provider)?;
            let builder = builder.with_client_cert_verifier(verifier);
            let mut config = builder.with_single_cert(chain, key)?;
            // A resumed session would not be checked for what has expired or been revoked since.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
            config
        }
    };
    config.max_early_data_size = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn verifier(
    clients: &ClientRoots,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let wrong = |path: &Path, detail: String| TlsError::Clients {
        path: path.to_owned(),
        detail,
    };
    let mut roots = RootCertStore::empty();
    let found = read_all::<CertificateDer<'static>>(&clients.roots);
    for root in found.map_err(|detail| wrong(&clients.roots, detail))? {
        let added = roots.add(root);
        added.map_err(|error| wrong(&clients.roots, error.to_string()))?;
    }
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let lists = clients.revoked.as_deref().unwrap_or(&clients.roots);
    if let Some(revoked) = &clients.revoked {
        let found = read_all::<CertificateRevocationListDer<'static>>(revoked);
        let found = found.map_err(|detail| wrong(revoked, detail))?;
        // An old list is used past its date: what it says stays true, and refusing all clients over
        // it would be an outage.
        builder = builder.with_crls(found).only_check_end_entity_revocation();
    }
    if !clients.are_required {
        builder = builder.allow_unauthenticated();
    }
    builder
        .build()
        .map_err(|error| wrong(lists, error.to_string()))
}

/// All parts of one kind of a PEM file; at least one.
fn read_all<T: PemObject>(path: &Path) -> Result<Vec<T>, String> {
    let parts: Result<Vec<T>, _> = T::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| error.to_string());
    match parts? {
        parts if parts.is_empty() => Err("there is no certificate in it".into()),
        parts => Ok(parts),
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

/// The node's clock, as rustls asks for it.
struct ClockTime(SharedClock);

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let micros = u64::try_from(self.0.wall().as_micros()).unwrap_or(0);
        Some(UnixTime::since_unix_epoch(Duration::from_micros(micros)))
    }
}
