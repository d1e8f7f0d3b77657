//! Where a witness is: one URL that also says which kind it is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Most hosts in one address.
const HOSTS: usize = 16;

/// What an address looks like.
const ALLOWED: &str = "file:///directory, http://host/path, https://host/path, \
     nats://host:4222/bucket, nats+tls://host:4222/bucket, etcd://host:2379/prefix or \
     etcd+tls://host:2379/prefix";

/// Where a witness is.
///
/// | URL | witness |
/// |---|---|
/// | `file:///mnt/shared/witness` | a directory that both nodes reach |
/// | `http://host/v1/witness`, `https://…` | a server with conditional writes |
/// | `nats://host:4222[,host2…]/bucket`, `nats+tls://…` | a NATS key/value bucket |
/// | `etcd://host:2379[,host2…]/prefix`, `etcd+tls://…` | an etcd cluster |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    text: String,
    target: Target,
}

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    File(PathBuf),
    Http(Url),
    Nats(Cluster),
    Etcd(Cluster),
}

/// Servers that are one store, and a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) tls: bool,
    /// Each with its port.
    pub(crate) hosts: Vec<String>,
    /// The bucket, or the prefix of the keys.
    pub(crate) place: String,
}

/// A text that is no address of a witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    /// An unknown kind.
    #[error("{0:?} is no address of a witness; allowed are {ALLOWED}")]
    Scheme(String),
    /// Known, but not complete.
    #[error("{text:?} is no address of a witness: {reason}; write it as {example}")]
    Form {
        /// What was written.
        text: String,
        /// What is wrong.
        reason: &'static str,
        /// How it looks.
        example: &'static str,
    },
    /// With a password, which would be logged.
    #[error("the address of a witness holds no user and password: use `user` and `token`")]
    Password,
}

impl Address {
    pub(crate) const fn target(&self) -> &Target {
        &self.target
    }

    /// Whether what is sent there is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        match &self.target {
            Target::File(_) => false,
            Target::Http(url) => url.scheme() == "https",
            Target::Nats(cluster) | Target::Etcd(cluster) => cluster.tls,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.text
    }
}

impl TryFrom<String> for Address {
    type Error = ParseAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(ParseAddressError::Scheme(text.to_owned()));
        };
        let hosts = rest.split('/').next().unwrap_or_default();
        if hosts.contains('@') {
            return Err(ParseAddressError::Password);
        }
        let target = match scheme {
            "file" => file(text),
            "http" | "https" => http(text),
            "nats" | "nats+tls" => nats(rest, scheme != "nats"),
            "etcd" | "etcd+tls" => etcd(rest, scheme != "etcd"),
            _ => return Err(ParseAddressError::Scheme(text.to_owned())),
        };
        let target = target.map_err(|(reason, example)| ParseAddressError::Form {
            text: text.to_owned(),
            reason,
            example,
        })?;
        let text = text.to_owned();
        Ok(Self { text, target })
    }
}

/// What is wrong, and how it would be right.
type Wrong = (&'static str, &'static str);

fn file(text: &str) -> Result<Target, Wrong> {
    let wrong = (
        "it needs an absolute path behind three slashes, and nothing else",
        "file:///mnt/shared/witness",
    );
    let url = Url::parse(text).map_err(|_| wrong)?;
    if url.query().is_some() || url.fragment().is_some() || url.host().is_some() {
        return Err(wrong);
    }
    url.to_file_path().map(Target::File).map_err(|()| wrong)
}

fn http(text: &str) -> Result<Target, Wrong> {
    let example = "https://witness.example/v1/witness";
    let mut url = Url::parse(text).map_err(|_| ("it has no host that can be read", example))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(("it has a query or a fragment", example));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(Target::Http(url))
}

fn nats(rest: &str, tls: bool) -> Result<Target, Wrong> {
    let example = "nats://host:4222/bucket";
    let cluster = cluster(rest, tls, 4222).map_err(|reason| (reason, example))?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if cluster.place.is_empty() || !cluster.place.chars().all(fits) {
        return Err(("a bucket has letters, digits, - and _", example));
    }
    Ok(Target::Nats(cluster))
}

fn etcd(rest: &str, tls: bool) -> Result<Target, Wrong> {
    let example = "etcd://host:2379/spica/witness";
    let cluster = cluster(rest, tls, 2379).map_err(|reason| (reason, example))?;
    if cluster.place.is_empty() || cluster.place.contains(['?', '#']) {
        return Err(("it needs a prefix for its keys", example));
    }
    Ok(Target::Etcd(cluster))
}

fn cluster(rest: &str, tls: bool, port: u16) -> Result<Cluster, &'static str> {
    let (hosts, place) = rest.split_once('/').unwrap_or((rest, ""));
    let hosts: Option<Vec<String>> = hosts.split(',').map(|host| with_port(host, port)).collect();
    let hosts =
        hosts.ok_or("its hosts cannot be read: host, host:port or [ipv6]:port, with commas")?;
    if hosts.len() > HOSTS {
        return Err("it has more than 16 hosts");
    }
    let place = place.trim_end_matches('/').to_owned();
    Ok(Cluster { tls, hosts, place })
}

fn with_port(host: &str, port: u16) -> Option<String> {
    // A scheme without a default port, so that a port that is written is always seen.
    let url = Url::parse(&format!("host://{host}")).ok()?;
    let name = url.host_str().filter(|name| !name.is_empty())?;
    let bare = url.path().is_empty() && url.query().is_none() && url.fragment().is_none();
    bare.then(|| format!("{name}:{}", url.port().unwrap_or(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn target(text: &str) -> Target {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), text);
        address.target
    }

    #[test]
    fn one_url_says_which_kind_and_where() {
        assert_eq!(
            target("file:///mnt/shared%20one/witness"),
            Target::File("/mnt/shared one/witness".into())
        );
        let Target::Http(url) = target("https://w.example:8443/v1/witness/") else {
            panic!("not HTTP");
        };
        assert_eq!(url.as_str(), "https://w.example:8443/v1/witness");
        let cluster = |tls, hosts: &[&str], place: &str| Cluster {
            tls,
            hosts: hosts.iter().map(ToString::to_string).collect(),
            place: place.to_owned(),
        };
        assert_eq!(
            target("nats://a,b:4223,[::1]:4224/spica-witness"),
            Target::Nats(cluster(
                false,
                &["a:4222", "b:4223", "[::1]:4224"],
                "spica-witness"
            ))
        );
        assert_eq!(
            target("etcd+tls://10.0.0.1:2379,10.0.0.2/spica/witness"),
            Target::Etcd(cluster(
                true,
                &["10.0.0.1:2379", "10.0.0.2:2379"],
                "spica/witness"
            ))
        );
    }

    #[test]
    fn what_is_no_address_is_told_what_is_allowed() {
        for (text, said) in [
            ("/mnt/shared", "file:///directory"),
            ("redis://host/x", "nats://host:4222/bucket"),
            ("file://mnt/shared", "three slashes"),
            ("file:///x?y", "three slashes"),
            ("http://", "no host"),
            ("https://h/x?y=z", "query"),
            ("nats://host:4222", "letters, digits"),
            ("nats://host/a.b", "letters, digits"),
            ("nats://,host/a", "its hosts"),
            ("nats://host:x/a", "its hosts"),
            ("etcd://host:2379/", "a prefix"),
            ("etcd:///prefix", "its hosts"),
            ("nats://me:pw@host/a", "`user` and `token`"),
            ("https://me:pw@host/a", "`user` and `token`"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
        let hosts = |count| format!("etcd://{}/p", vec!["h"; count].join(","));
        assert!(hosts(HOSTS).parse::<Address>().is_ok());
        assert!(hosts(HOSTS + 1).parse::<Address>().is_err());
    }
}
