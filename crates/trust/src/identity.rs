//! The name of a node as its certificate has it.

use std::fmt;
use std::str::FromStr;

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use spica_model::Topic;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::uri;

/// A node's place in a pair, by configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The one that becomes active first.
    Primary,
    /// The other one.
    Backup,
}

/// Who a node is: its path, and its side if it is one of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeIdentity {
    /// The node's path in the tree, such as `root/s1`. Both nodes of a pair have the same.
    pub node: Topic,
    /// The side in the pair; none for a node alone.
    pub side: Option<Side>,
}

/// A text that is no [`Side`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no side of a pair: primary or backup")]
pub struct ParseSideError(String);

/// Why certificates do not say which node a peer is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerIdentityError {
    /// There is none.
    #[error("the peer showed no certificate; issue one with `spica ca issue`")]
    NoCertificate,
    /// The first one cannot be read.
    #[error("the peer's certificate cannot be read: {0}")]
    Unreadable(String),
    /// It has no name of a node.
    #[error("the certificate names no node: it was not made by `spica ca issue`")]
    NoIdentity,
    /// It has more than one, and nobody can say which counts.
    #[error("the certificate names several nodes: issue one for each")]
    Several,
    /// It has one that is not written as it must be.
    #[error("the certificate names a node as {uri:?}, which is not how it is written: {reason}")]
    Malformed {
        /// What the certificate has.
        uri: String,
        /// What is wrong.
        reason: String,
    },
}

impl Side {
    /// `primary` or `backup`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        }
    }

    /// The side of the partner.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Backup,
            Self::Backup => Self::Primary,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Side {
    type Err = ParseSideError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "primary" => Ok(Self::Primary),
            "backup" => Ok(Self::Backup),
            other => Err(ParseSideError(other.to_owned())),
        }
    }
}

impl NodeIdentity {
    /// The identity as certificates have it, as a URI: `spica://node/root/s1?side=primary`.
    #[must_use]
    pub fn to_uri(&self) -> String {
        uri::write(self)
    }

    /// The partner of this node, if it is one of a pair.
    #[must_use]
    pub fn partner(&self) -> Option<Self> {
        Some(Self {
            node: self.node.clone(),
            side: Some(self.side?.other()),
        })
    }
}

impl fmt::Display for NodeIdentity {
    /// `root/s1`, or `root/s1 (primary)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            None => write!(f, "{}", self.node),
            Some(side) => write!(f, "{} ({side})", self.node),
        }
    }
}

/// Which node the certificates of a peer name. They must have been verified: whoever calls this
/// outside a finished handshake believes anyone.
///
/// # Errors
/// If there is no certificate, or the first one does not name exactly one node.
pub fn peer_identity(chain: &[CertificateDer<'_>]) -> Result<NodeIdentity, PeerIdentityError> {
    let leaf = chain.first().ok_or(PeerIdentityError::NoCertificate)?;
    let (_, certificate) = X509Certificate::from_der(leaf)
        .map_err(|error| PeerIdentityError::Unreadable(error.to_string()))?;
    of_certificate(&certificate)
}

/// The node that a certificate names.
pub(crate) fn of_certificate(
    certificate: &X509Certificate<'_>,
) -> Result<NodeIdentity, PeerIdentityError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| PeerIdentityError::Unreadable(error.to_string()))?;
    let mut uris = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::URI(uri) if uri::is_ours(uri) => Some(*uri),
            _ => None,
        });
    let uri = uris.next().ok_or(PeerIdentityError::NoIdentity)?;
    if uris.next().is_some() {
        return Err(PeerIdentityError::Several);
    }
    uri::read(uri).map_err(|reason| PeerIdentityError::Malformed {
        uri: uri.to_owned(),
        reason,
    })
}
