//! Pictures in a bucket of an S3 server.

use std::fs;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};

use crate::{OpenError, S3Settings};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a request is repeated that failed soon.
const RETRIES: usize = 5;

/// The store in `bucket`, below `prefix`. Asks the server nothing: a node starts also while its
/// pictures are out of reach.
pub(crate) fn open(
    bucket: &str,
    prefix: Key,
    settings: &S3Settings,
) -> Result<Box<dyn ObjectStore>, OpenError> {
    let bucket = client(bucket, settings)?;
    Ok(if prefix.as_ref().is_empty() {
        Box::new(bucket)
    } else {
        Box::new(PrefixStore::new(bucket, prefix))
    })
}

fn client(bucket: &str, settings: &S3Settings) -> Result<AmazonS3, OpenError> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    match (&settings.access_key_id, &settings.secret_access_key) {
        (Some(id), Some(secret)) => {
            builder = builder
                .with_access_key_id(id)
                .with_secret_access_key(secret.expose());
        }
        (None, None) => {}
        _ => return Err(OpenError::HalfKey),
    }
    // Whoever writes http:// means it; without an endpoint it is Amazon, by https.
    let plain = builder
        .get_config_value(&AmazonS3ConfigKey::Endpoint)
        .is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = options(settings)?.with_allow_http(plain);
    let retries = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: settings.timeout.as_duration(),
    };
    let builder = builder.with_client_options(options);
    Ok(builder.with_retry(retries).build()?)
}

fn options(settings: &S3Settings) -> Result<ClientOptions, OpenError> {
    let timeout = settings.timeout.as_duration();
    let mut options = ClientOptions::new()
        .with_timeout(timeout)
        .with_connect_timeout(timeout.min(CONNECT_TIMEOUT));
    if let Some(file) = &settings.ca {
        let unreadable = |source| OpenError::Authorities {
            file: file.as_path().to_owned(),
            source,
        };
        let pem = fs::read(file.as_path()).map_err(unreadable)?;
        for certificate in Certificate::from_pem_bundle(&pem)? {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}
