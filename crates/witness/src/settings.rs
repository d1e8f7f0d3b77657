//! What an operator may set about the witness.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::{FilePath, Secret, Span};

use crate::Address;
use crate::address::Target;

/// Shortest time-out.
pub const MIN_TIMEOUT: Span = Span::from_millis(50);
/// Longest time-out.
pub const MAX_TIMEOUT: Span = Span::from_secs(30);

/// The witness of a pair: a third party that permits one of two nodes that lost each other to go on
/// alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WitnessSettings")]
pub struct Settings {
    /// Where it is: `file:///mnt/shared/witness`, `http://host/v1/witness`, `https://…`,
    /// `nats://host:4222/bucket`, `nats+tls://…`, `etcd://host:2379,host2:2379/prefix` or
    /// `etcd+tls://…`.
    #[schemars(with = "String")]
    pub url: Address,
    /// The user, for NATS and etcd that know users; `token` is the password then.
    #[serde(default)]
    pub user: Option<String>,
    /// What opens the door: a bearer token for HTTP, a token or password for NATS and etcd.
    #[serde(default)]
    pub token: Option<Secret>,
    /// A PEM file with the certificates of the authorities that the witness's certificate may come
    /// from, instead of those that this machine trusts.
    #[serde(default)]
    pub ca: Option<FilePath>,
    /// A witness that has not answered within this time is unreachable: 50ms to 30s.
    #[serde(default = "usual_timeout")]
    pub timeout: Span,
}

/// Why settings are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Too short or too long.
    #[error("the witness's timeout is {0}; allowed is {MIN_TIMEOUT} to {MAX_TIMEOUT}")]
    Timeout(Span),
    /// Something to log in with, and nobody who asks for it.
    #[error(
        "a witness in a directory takes neither `user` nor `token`: who may write there is the file \
         system's business"
    )]
    NoLogin,
    /// A user without a password.
    #[error("the witness's `user` needs a `token`, its password")]
    UserAlone,
    /// A user for HTTP.
    #[error("an HTTP witness takes a bearer `token` and no `user`; only NATS and etcd take one")]
    HttpUser,
    /// An authority, and no TLS.
    #[error("`ca` is of use with https://, nats+tls:// and etcd+tls:// only")]
    CaWithoutTls,
}

const fn usual_timeout() -> Span {
    Span::from_millis(500)
}

impl Settings {
    /// The witness at this address, with nothing to log in with and the usual time-out of 500 ms.
    #[must_use]
    pub const fn new(url: Address) -> Self {
        Self {
            url,
            user: None,
            token: None,
            ca: None,
            timeout: usual_timeout(),
        }
    }

    /// The same with relative paths counted from `base`.
    #[must_use]
    pub fn based_on(mut self, base: &Path) -> Self {
        if let Some(ca) = &mut self.ca
            && let Some(path) = ca.resolve(base).to_str()
            && let Ok(resolved) = path.parse()
        {
            *ca = resolved;
        }
        self
    }

    /// Says whether the settings fit together.
    ///
    /// # Errors
    /// With what is wrong and what is allowed.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.timeout < MIN_TIMEOUT || self.timeout > MAX_TIMEOUT {
            return Err(SettingsError::Timeout(self.timeout));
        }
        match self.url.target() {
            Target::File(_) if self.user.is_some() || self.token.is_some() => {
                return Err(SettingsError::NoLogin);
            }
            Target::Http(_) if self.user.is_some() => return Err(SettingsError::HttpUser),
            _ => {}
        }
        if self.user.is_some() && self.token.is_none() {
            return Err(SettingsError::UserAlone);
        }
        if self.ca.is_some() && !self.url.is_encrypted() {
            return Err(SettingsError::CaWithoutTls);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_enough_and_mistakes_are_found() {
        let read = |text: &str| toml::from_str::<Settings>(text);
        let least = read("url = \"etcd://a/p\"").unwrap();
        assert_eq!(least, Settings::new("etcd://a/p".parse().unwrap()));
        assert_eq!(least.timeout.to_string(), "500ms");
        assert_eq!(least.validate(), Ok(()));
        assert!(read("").unwrap_err().to_string().contains("url"));
        let error = read("url = \"ftp://x\"").unwrap_err().to_string();
        assert!(error.contains("file:///directory"), "{error}");
        assert!(read("url = \"file:///x\"\ntimout = \"1s\"").is_err());
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let error = |text: &str| {
            let settings: Settings = toml::from_str(text).unwrap();
            settings.validate().unwrap_err()
        };
        let file = "url = \"file:///x\"\n";
        let timeout = |span: &str| error(&format!("{file}timeout = \"{span}\""));
        assert_eq!(
            timeout("49ms"),
            SettingsError::Timeout(Span::from_millis(49))
        );
        assert!(
            timeout("31s")
                .to_string()
                .ends_with("allowed is 50ms to 30s")
        );
        assert_eq!(
            error(&format!("{file}token = \"x\"")),
            SettingsError::NoLogin
        );
        assert_eq!(
            error("url = \"http://h/w\"\nuser = \"u\"\ntoken = \"x\""),
            SettingsError::HttpUser
        );
        assert_eq!(
            error("url = \"nats://h/w\"\nuser = \"u\""),
            SettingsError::UserAlone
        );
        assert_eq!(
            error("url = \"nats://h/w\"\nca = \"ca.crt\""),
            SettingsError::CaWithoutTls
        );
    }

    #[test]
    fn relative_paths_count_from_the_base() {
        let text = "url = \"https://h/w\"\nca = \"tls/ca.crt\"";
        let settings: Settings = toml::from_str(text).unwrap();
        let ca = settings.based_on(Path::new("/etc/spica")).ca.unwrap();
        assert_eq!(ca.to_string(), "/etc/spica/tls/ca.crt");
    }
}
