//! The HTTP client of the adapters that need one.

use std::time::Duration;

use reqwest::{Certificate, Client, Response, redirect};

use crate::{LookError, OpenError, Settings};

/// A witness is asked rarely; a connection that a firewall has forgotten would only be noticed by a
/// question that goes unanswered.
const IDLE: Duration = Duration::from_secs(5);

pub(crate) fn build(settings: &Settings) -> Result<Client, OpenError> {
    // An error says that it is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let failed = |error: reqwest::Error| OpenError::Client(crate::error::with_causes(&error));
    let mut client = Client::builder()
        // Whoever redirects or proxies a question could answer it from elsewhere.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(settings.timeout.as_duration())
        .pool_idle_timeout(IDLE);
    if let Some(ca) = &settings.ca {
        let pem = std::fs::read(ca.as_path()).map_err(|source| OpenError::Ca {
            path: ca.as_path().to_owned(),
            source,
        })?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(failed)?;
        client = client.tls_certs_only(certificates);
    }
    client.build().map_err(failed)
}

/// A short body, whole; none if it has more than `limit` bytes.
pub(crate) async fn body(
    mut response: Response,
    limit: usize,
) -> Result<Option<Vec<u8>>, LookError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

pub(crate) fn failed(error: &reqwest::Error) -> LookError {
    LookError::failed(error)
}
