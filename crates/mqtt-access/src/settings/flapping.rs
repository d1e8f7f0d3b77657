//! When who connects too often is kept out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::Span;

use super::{SettingsError, lasting, positive};
use crate::flapping::{FlapRule, FlappingRules};

/// Who connects too often is kept out for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttFlappingSettings")]
pub struct FlappingSettings {
    /// Each client identifier.
    pub client: FlapSettings,
    /// Each user name. Not watched unless it is set: whoever knows a name could have it banned.
    pub user: Option<FlapSettings>,
    /// Each source: an IPv4 address or an IPv6 /64. Not watched unless it is set: many devices may
    /// stand behind one address.
    pub source: Option<FlapSettings>,
    /// How many are watched at once.
    #[schemars(range(min = 100, max = 10_000_000))]
    pub watched: usize,
    /// How many bans there may be. The one that ends first makes room for a new one.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub bans: usize,
}

/// When one of them is kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttFlapSettings")]
pub struct FlapSettings {
    /// More connections than this ban,
    #[schemars(range(min = 1))]
    pub connects: u32,
    /// if they lie within this time,
    pub within: Span,
    /// for so long.
    pub ban: Span,
}

impl Default for FlapSettings {
    fn default() -> Self {
        Self {
            connects: 30,
            within: Span::from_secs(60),
            ban: Span::from_secs(300),
        }
    }
}

impl Default for FlappingSettings {
    fn default() -> Self {
        let rules = FlappingRules::default();
        Self {
            client: FlapSettings::default(),
            user: None,
            source: None,
            watched: rules.watched,
            bans: rules.bans,
        }
    }
}

impl FlapSettings {
    pub(super) fn rule(&self) -> FlapRule {
        FlapRule {
            connects: self.connects,
            within: self.within.into(),
            ban: self.ban.into(),
        }
    }

    pub(super) fn check(&self, place: &str) -> Result<(), SettingsError> {
        positive(place, "connects", self.connects.into())?;
        lasting(place, "within", self.within)?;
        lasting(place, "ban", self.ban)
    }
}

impl FlappingSettings {
    /// The same for [`crate::Flapping`].
    #[must_use]
    pub fn rules(&self) -> FlappingRules {
        FlappingRules {
            client: Some(self.client.rule()),
            user: self.user.map(|it| it.rule()),
            source: self.source.map(|it| it.rule()),
            watched: self.watched,
            bans: self.bans,
        }
    }
}
