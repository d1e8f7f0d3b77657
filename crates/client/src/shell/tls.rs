//! Connections, with TLS where the address says so.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Both directions of a connection.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Connects to `http(s)://host:port`.
pub(crate) async fn dial(base: &str) -> io::Result<Box<dyn Duplex>> {
    let (scheme, host) = base
        .split_once("://")
        .ok_or_else(|| io::Error::other("an address without a scheme"))?;
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    if scheme == "http" {
        return Ok(Box::new(stream));
    }
    // A provider that is installed already is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = ClientConfig::with_platform_verifier().map_err(io::Error::other)?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(config));
    Ok(Box::new(connector.connect(name, stream).await?))
}
