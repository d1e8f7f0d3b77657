//! How much each client, user and source may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::Span;

use super::{SettingsError, lasting, positive};
use crate::meter::Rate;
use crate::quotas::{QuotaRules, ScopeRules};

/// How much each client, user and source may do. What is not set has no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttQuotaSettings")]
pub struct QuotaSettings {
    /// Each client identifier.
    pub client: ScopeSettings,
    /// Each user name.
    pub user: ScopeSettings,
    /// Each source: an IPv4 address or an IPv6 /64.
    pub source: ScopeSettings,
    /// How many of each kind without a connection are remembered, about.
    #[schemars(range(min = 100, max = 10_000_000))]
    pub remembered: usize,
}

/// How much one of them may do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttScopeSettings")]
pub struct ScopeSettings {
    /// Connections open at once.
    #[schemars(range(min = 1))]
    pub connections: Option<u32>,
    /// Connections made.
    pub connects: Option<AllowanceSettings>,
    /// Messages published. Who is over it is read no further until it is under it again.
    pub messages: Option<AllowanceSettings>,
    /// Bytes of packets received, likewise.
    pub bytes: Option<AllowanceSettings>,
}

/// So much in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MqttAllowanceSettings")]
pub struct AllowanceSettings {
    /// So much in the long run.
    #[schemars(range(min = 1))]
    pub amount: u64,
    /// In this time: a second for a rate, a day for a quota.
    #[serde(default = "second")]
    pub per: Span,
    /// So much at once after a rest. Without it, as much as `amount`.
    #[schemars(range(min = 1))]
    pub burst: Option<u64>,
}

const fn second() -> Span {
    Span::from_secs(1)
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            client: ScopeSettings::default(),
            user: ScopeSettings::default(),
            source: ScopeSettings::default(),
            remembered: QuotaRules::default().remembered,
        }
    }
}

impl AllowanceSettings {
    pub(super) fn rate(&self) -> Rate {
        Rate {
            amount: self.amount,
            per: self.per.into(),
            burst: self.burst.unwrap_or(self.amount),
        }
    }

    pub(super) fn check(&self, place: &str) -> Result<(), SettingsError> {
        positive(place, "amount", self.amount)?;
        positive(place, "burst", self.burst.unwrap_or(1))?;
        lasting(place, "per", self.per)
    }
}

impl ScopeSettings {
    pub(super) fn rules(&self) -> ScopeRules {
        let rate = |allowance: Option<AllowanceSettings>| allowance.map(|it| it.rate());
        ScopeRules {
            connections: self.connections,
            connects: rate(self.connects),
            messages: rate(self.messages),
            bytes: rate(self.bytes),
        }
    }

    pub(super) fn check(&self, place: &str) -> Result<(), SettingsError> {
        let connections = self.connections.unwrap_or(1);
        positive(place, "connections", connections.into())?;
        for (name, allowance) in [
            ("connects", self.connects),
            ("messages", self.messages),
            ("bytes", self.bytes),
        ] {
            if let Some(allowance) = allowance {
                allowance.check(&format!("{place}.{name}"))?;
            }
        }
        Ok(())
    }
}

impl QuotaSettings {
    /// The same for [`crate::Quotas`].
    #[must_use]
    pub fn rules(&self) -> QuotaRules {
        QuotaRules {
            client: self.client.rules(),
            user: self.user.rules(),
            source: self.source.rules(),
            remembered: self.remembered,
        }
    }
}
