//! What an operator may set about a server of objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::{FilePath, Secret, Span};

/// The S3 server of a location like `s3://bucket/prefix`. What is not set here is taken from the
/// environment, under the names that all S3 programs know: `AWS_ENDPOINT`, `AWS_REGION`,
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and those for roles of machines
/// and containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct S3Settings {
    /// Where the server is: `https://host:port` or, in a network of one's own, `http://host:port`.
    /// Without one, Amazon's server of the region.
    pub endpoint: Option<String>,
    /// The region; `us-east-1` if neither this nor the environment says one.
    pub region: Option<String>,
    /// The name of the access key. Needs `secret_access_key`.
    pub access_key_id: Option<String>,
    /// The secret of the access key. Needs `access_key_id`.
    pub secret_access_key: Option<Secret>,
    /// A PEM file with the certificates of the authorities that the server's certificate may come
    /// from, besides those that this machine trusts.
    pub ca: Option<FilePath>,
    /// A request that has no whole answer within this time has failed; one that failed sooner is
    /// repeated until then.
    #[schemars(extend("x-least" = "1s", "x-most" = "5min"))]
    pub timeout: Span,
}

impl Default for S3Settings {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            access_key_id: None,
            secret_access_key: None,
            ca: None,
            timeout: Span::from_secs(30),
        }
    }
}
