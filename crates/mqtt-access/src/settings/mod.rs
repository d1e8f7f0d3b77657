//! What an operator may set about access, in the node's configuration.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::{FilePath, Span};

use crate::topic_rules::{TopicRules, TopicRulesError};

mod flapping;
mod quotas;
mod topics;

pub use flapping::{FlapSettings, FlappingSettings};
pub use quotas::{AllowanceSettings, QuotaSettings, ScopeSettings};
pub use topics::{Lane, TopicKind, TopicSettings};

/// Who may do what over MQTT, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttAccessSettings")]
pub struct AccessSettings {
    /// The access file: users, roles and their rules. Without it, only tokens and device
    /// certificates open the door.
    pub file: Option<FilePath>,
    /// The role of who shows no name, no token and no certificate, unless the access file says. Without
    /// it they are refused.
    pub anonymous: Option<String>,
    /// Which name of a client's certificate is the name of a user, or the serial number of a device.
    /// A certificate that the access file names is found there first.
    pub certificate_name: CertificateName,
    /// What becomes of a publish, by its topic. The first rule that matches counts.
    #[schemars(length(max = 10000))]
    pub topics: Vec<TopicSettings>,
    /// How much each client, user and source may do.
    pub quotas: QuotaSettings,
    /// Who connects too often is kept out for a while.
    pub flapping: FlappingSettings,
}

/// Which name of a certificate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "MqttCertificateName")]
pub enum CertificateName {
    /// The common name of its subject.
    #[default]
    CommonName,
    /// The first DNS name that it is for.
    Dns,
    /// The first mail address that it is for.
    Mail,
    /// The first URI that it is for.
    Uri,
}

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A topic rule.
    #[error(transparent)]
    Topics(#[from] TopicRulesError),
    /// A number or a time that is none.
    #[error("{place}: {found} is not allowed; allowed is {allowed}")]
    Value {
        /// Where.
        place: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
}

impl AccessSettings {
    /// Checks what types alone do not say, and builds the topic rules.
    ///
    /// # Errors
    /// The first thing that is wrong: where, and what is allowed.
    pub fn check(&self) -> Result<TopicRules, SettingsError> {
        self.quotas.client.check("quotas.client")?;
        self.quotas.user.check("quotas.user")?;
        self.quotas.source.check("quotas.source")?;
        self.flapping.client.check("flapping.client")?;
        for (place, rule) in [
            ("flapping.user", self.flapping.user),
            ("flapping.source", self.flapping.source),
        ] {
            if let Some(rule) = rule {
                rule.check(place)?;
            }
        }
        Ok(TopicRules::new(&self.topics)?)
    }
}

fn positive(place: &str, key: &str, number: u64) -> Result<(), SettingsError> {
    if number > 0 {
        return Ok(());
    }
    Err(SettingsError::Value {
        place: format!("{place}.{key}"),
        found: number.to_string(),
        allowed: "a whole number from 1; leave the key out for no limit",
    })
}

fn lasting(place: &str, key: &str, span: Span) -> Result<(), SettingsError> {
    if span.as_duration() >= Duration::from_secs(1) {
        return Ok(());
    }
    Err(SettingsError::Value {
        place: format!("{place}.{key}"),
        found: span.to_string(),
        allowed: "a duration of at least 1s",
    })
}

#[cfg(test)]
mod tests;
