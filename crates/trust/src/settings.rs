//! What an operator may set about a node's certificate.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::FilePath;

use crate::credentials::Credentials;
use crate::files::{CA_CERTIFICATE, CRL, NODE_CERTIFICATE, NODE_KEY};

/// Who this node is to other nodes: the files that `spica ca issue` writes. They are read again when
/// they change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "TrustSettings")]
pub struct Settings {
    /// The directory with `ca.crt`, `ca.crl`, `node.crt` and `node.key`; without it `tls`.
    pub directory: Option<FilePath>,
    /// A PEM file with the certificates of the authorities that are trusted, instead of `ca.crt` in
    /// the directory. While one authority takes over from another it has both.
    pub ca: Option<FilePath>,
    /// A PEM file with the lists of revoked certificates, one of each authority, instead of `ca.crl`
    /// in the directory.
    pub crl: Option<FilePath>,
    /// A PEM file with this node's certificate, instead of `node.crt` in the directory.
    pub certificate: Option<FilePath>,
    /// A PEM file with the certificate's private key, instead of `node.key` in the directory.
    pub key: Option<FilePath>,
}

impl Settings {
    /// The files that are meant. Relative paths count from `base`. Revocation is always checked: an
    /// authority that revokes nothing has an empty list.
    #[must_use]
    pub fn credentials(&self, base: &Path) -> Credentials {
        let directory = match &self.directory {
            None => base.join("tls"),
            Some(directory) => directory.resolve(base),
        };
        let file = |set: &Option<FilePath>, name: &str| match set {
            None => directory.join(name),
            Some(file) => file.resolve(base),
        };
        Credentials {
            ca: file(&self.ca, CA_CERTIFICATE),
            certificate: file(&self.certificate, NODE_CERTIFICATE),
            key: file(&self.key, NODE_KEY),
            crl: Some(file(&self.crl, CRL)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_directory_is_enough_and_each_file_may_be_elsewhere() {
        let base = Path::new("/etc/spica");
        let read = |text: &str| toml::from_str::<Settings>(text).unwrap().credentials(base);
        assert_eq!(read("").key, PathBuf::from("/etc/spica/tls/node.key"));
        let set = read("directory = \"link\"\nkey = \"/run/key\"\ncrl = \"all.crl\"");
        assert_eq!(set.ca, PathBuf::from("/etc/spica/link/ca.crt"));
        assert_eq!(set.certificate, PathBuf::from("/etc/spica/link/node.crt"));
        assert_eq!(set.key, PathBuf::from("/run/key"));
        assert_eq!(set.crl, Some(PathBuf::from("/etc/spica/all.crl")));
        assert!(toml::from_str::<Settings>("cert = \"x\"").is_err());
    }
}
