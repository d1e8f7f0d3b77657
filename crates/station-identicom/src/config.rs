//! What an operator may set about the station.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_admission::{BanRule, Limits, Rate};
use spica_front::TlsFiles;
use spica_identicom_proto::profile::{Profile, ProfileError};
use spica_settings::{FilePath, Span};

/// The port that devices dial unless another one is set.
const PORT: u16 = 5050;

/// The Identicom station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "IdenticomSettings")]
pub struct Settings {
    /// Where devices dial in. The default is this machine only: open it on purpose, as in
    /// `0.0.0.0:5050`.
    pub listen: SocketAddr,
    /// Where devices dial in with TLS; without it nobody can.
    pub tls: Option<TlsSettings>,
    /// The profile of the devices' codes; without it the built-in one.
    pub profile: Option<FilePath>,
    /// Networks of balancers, such as `10.0.0.0/8`. Connections from there must begin with a PROXY
    /// protocol header (version 1 or 2), all others must not.
    #[schemars(with = "Vec<String>")]
    pub proxy_protocol_from: Vec<IpNet>,
    /// How long a device may take.
    pub timeouts: TimeoutSettings,
    /// Who may connect.
    pub admission: AdmissionSettings,
}

/// The TLS listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdenticomTlsSettings")]
pub struct TlsSettings {
    /// Where devices dial in with TLS.
    pub listen: SocketAddr,
    /// A PEM file with the certificate and those that signed it. A new one is taken up by a restart.
    pub certificate: FilePath,
    /// A PEM file with the certificate's private key.
    pub key: FilePath,
}

/// How long a device may take. What is not set is as the profile has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "IdenticomTimeoutSettings")]
pub struct TimeoutSettings {
    /// A device that has not said who it is by then is asked.
    pub identity_request: Option<Span>,
    /// Longest wait for an answer, and for a device to say who it is.
    pub idle: Option<Span>,
    /// Longest connection.
    pub session: Option<Span>,
}

/// Who may connect. A source is an IPv4 address or an IPv6 /64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "IdenticomAdmissionSettings")]
pub struct AdmissionSettings {
    /// Connections open at once, in all. The process needs a file descriptor for each.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: usize,
    /// Connections open at once from one source.
    #[schemars(range(min = 1))]
    pub connections_per_source: u32,
    /// Connections accepted per second, in all.
    #[schemars(range(min = 1))]
    pub accepts_per_second: u32,
    /// Connections accepted at once after a rest, in all.
    #[schemars(range(min = 1))]
    pub accepts_burst: u32,
    /// Connections accepted per second from one source.
    #[schemars(range(min = 1))]
    pub source_accepts_per_second: u32,
    /// Connections accepted at once after a rest from one source.
    #[schemars(range(min = 1))]
    pub source_accepts_burst: u32,
    /// Networks without a cap and a rate per source, and never banned automatically: mobile
    /// operators whose devices share addresses, say.
    #[schemars(with = "Vec<String>")]
    pub trusted: Vec<IpNet>,
    /// Sources remembered at once.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub sources: usize,
    /// Bans at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub bans: usize,
    /// So many offences (bad frames, unknown serials, silence, other protocols) ban a source, unless
    /// it brought at least as many good dialogues.
    #[schemars(range(min = 1))]
    pub ban_offences: u32,
    /// They count when they lie within this time.
    pub ban_window: Span,
    /// How long an automatic ban lasts.
    pub ban_time: Span,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileLoadError {
    /// The file cannot be read.
    #[error("the Identicom profile {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Its content is not a profile.
    #[error("the Identicom profile {}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: ProfileError,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
            tls: None,
            profile: None,
            proxy_protocol_from: Vec::new(),
            timeouts: TimeoutSettings::default(),
            admission: AdmissionSettings::default(),
        }
    }
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            connections: limits.connections,
            connections_per_source: limits.connections_per_source,
            accepts_per_second: limits.accepts.per_second,
            accepts_burst: limits.accepts.burst,
            source_accepts_per_second: limits.accepts_per_source.per_second,
            source_accepts_burst: limits.accepts_per_source.burst,
            trusted: limits.trusted,
            sources: limits.sources,
            bans: limits.bans,
            ban_offences: limits.ban.offences,
            ban_window: Span::from_secs(limits.ban.within.as_secs()),
            ban_time: Span::from_secs(limits.ban.lasts.as_secs()),
        }
    }
}

impl AdmissionSettings {
    /// The same for [`spica_admission::Admission`].
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.connections,
            connections_per_source: self.connections_per_source,
            accepts: Rate {
                per_second: self.accepts_per_second,
                burst: self.accepts_burst,
            },
            accepts_per_source: Rate {
                per_second: self.source_accepts_per_second,
                burst: self.source_accepts_burst,
            },
            trusted: self.trusted.clone(),
            sources: self.sources,
            bans: self.bans,
            ban: BanRule {
                offences: self.ban_offences,
                within: self.ban_window.into(),
                lasts: self.ban_time.into(),
            },
        }
    }
}

impl TlsSettings {
    /// The files; relative paths count from `base`.
    pub(crate) fn files(&self, base: &Path) -> TlsFiles {
        TlsFiles {
            certificate: self.certificate.resolve(base),
            key: self.key.resolve(base),
            clients: None,
        }
    }
}

impl Settings {
    /// The profile that is set, with the timeouts that are set. Relative paths count from `base`.
    ///
    /// # Errors
    /// If the file cannot be read or is no profile.
    pub fn load_profile(&self, base: &Path) -> Result<Arc<Profile>, ProfileLoadError> {
        let mut profile = match &self.profile {
            None => Profile::built_in(),
            Some(file) => Arc::new(read_profile(file.resolve(base))?),
        };
        let timeouts = &self.timeouts;
        if *timeouts != TimeoutSettings::default() {
            let of_profile = &mut Arc::make_mut(&mut profile).timeouts;
            for (ours, theirs) in [
                (timeouts.identity_request, &mut of_profile.identity_request),
                (timeouts.idle, &mut of_profile.idle),
                (timeouts.session, &mut of_profile.session),
            ] {
                *theirs = ours.map_or(*theirs, Span::as_duration);
            }
        }
        Ok(profile)
    }
}

fn read_profile(path: PathBuf) -> Result<Profile, ProfileLoadError> {
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(ProfileLoadError::Read { path, source }),
    };
    Profile::parse(&text).map_err(|source| ProfileLoadError::Content { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn settings_read_from_a_file_and_unknown_ones_do_not() {
        let text = r#"
            listen = "0.0.0.0:6000"
            proxy_protocol_from = ["10.0.0.0/8"]
            [timeouts]
            idle = "5s"
            [admission]
            trusted = ["192.0.2.0/24"]
            ban_time = "1h"
        "#;
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!(settings.listen.port(), 6_000);
        let limits = settings.admission.limits();
        assert_eq!(limits.ban.lasts, Duration::from_secs(3_600));
        assert_eq!(limits.connections, Limits::default().connections);
        let profile = settings.load_profile(Path::new(".")).unwrap();
        assert_eq!(profile.timeouts.idle, Duration::from_secs(5));
        assert_eq!(profile.timeouts.session, Duration::from_secs(60));
        assert!(toml::from_str::<Settings>("port = 1").is_err());
    }

    #[test]
    fn the_defaults_are_those_of_admission() {
        assert_eq!(AdmissionSettings::default().limits(), Limits::default());
    }

    #[test]
    fn a_profile_that_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            profile: Some("mine.toml".parse().unwrap()),
            ..Settings::default()
        };
        let load = || settings.load_profile(directory.path());
        let error = load().unwrap_err().to_string();
        assert!(error.contains("mine.toml cannot be read"), "{error}");
        std::fs::write(directory.path().join("mine.toml"), "nonsense").unwrap();
        let error = load().unwrap_err().to_string();
        assert!(error.contains("mine.toml: "), "{error}");
    }
}
