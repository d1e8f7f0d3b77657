//! What an operator may set about access, in the node's configuration.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::Kind;
use spica_settings::{ByteSize, FilePath, Span};

use crate::flapping::{FlapRule, FlappingRules};
use crate::meter::Rate;
use crate::quotas::{QuotaRules, ScopeRules};
use crate::topic_rules::{TopicRules, TopicRulesError, Treatment};

/// Who may do what over MQTT, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttAccessSettings")]
pub struct AccessSettings {
    /// The access file: users, roles and their rules. Without it, only tokens and device
    /// certificates open the door.
    pub file: Option<FilePath>,
    /// What becomes of a publish, by its topic. The first rule that matches counts.
    #[schemars(length(max = 10000))]
    pub topics: Vec<TopicSettings>,
    /// How much each client, user and source may do.
    pub quotas: QuotaSettings,
    /// Who connects too often is kept out for a while.
    pub flapping: FlappingSettings,
}

/// What becomes of a publish to some topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MqttTopicSettings")]
pub struct TopicSettings {
    /// Which topics: a filter such as `plant/+/alarm`.
    #[schemars(length(min = 1, max = 1024))]
    pub filter: String,
    /// What their records are. Without it, state if a publish is retained, or else event.
    pub kind: Option<TopicKind>,
    /// The lane of their records.
    #[serde(default)]
    pub lane: Lane,
    /// Whether a publisher may choose the critical lane with the user property
    /// `spica-class: critical`.
    #[serde(default)]
    pub user_class: bool,
    /// Whether a publish of QoS 0 becomes a record, too.
    #[serde(default = "yes")]
    pub keep_qos0: bool,
    /// The longest payload. Without it, as long as a packet may be.
    pub payload: Option<ByteSize>,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MqttTopicKind")]
pub enum TopicKind {
    /// The last one counts, as a retained message.
    State,
    /// Each one counts.
    Event,
}

/// A lane of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MqttLane")]
pub enum Lane {
    /// What must not wait for the rest.
    Critical,
    /// Everything else.
    #[default]
    Normal,
}

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

const fn yes() -> bool {
    true
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

impl From<Lane> for spica_model::Lane {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Critical => Self::Critical,
            Lane::Normal => Self::Normal,
        }
    }
}

impl TopicSettings {
    pub(crate) fn treatment(&self) -> Treatment {
        let kind = self.kind.map(|kind| match kind {
            TopicKind::State => Kind::State,
            TopicKind::Event => Kind::Event,
        });
        Treatment {
            kind,
            lane: self.lane.into(),
            user_class: self.user_class,
            keep_qos0: self.keep_qos0,
            payload_bytes: self.payload.map(ByteSize::as_usize),
        }
    }
}

impl AllowanceSettings {
    fn rate(&self) -> Rate {
        Rate {
            amount: self.amount,
            per: self.per.into(),
            burst: self.burst.unwrap_or(self.amount),
        }
    }

    fn check(&self, place: &str) -> Result<(), SettingsError> {
        positive(place, "amount", self.amount)?;
        positive(place, "burst", self.burst.unwrap_or(1))?;
        lasting(place, "per", self.per)
    }
}

impl ScopeSettings {
    fn rules(&self) -> ScopeRules {
        let rate = |allowance: Option<AllowanceSettings>| allowance.map(|it| it.rate());
        ScopeRules {
            connections: self.connections,
            connects: rate(self.connects),
            messages: rate(self.messages),
            bytes: rate(self.bytes),
        }
    }

    fn check(&self, place: &str) -> Result<(), SettingsError> {
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

impl FlapSettings {
    fn rule(&self) -> FlapRule {
        FlapRule {
            connects: self.connects,
            within: self.within.into(),
            ban: self.ban.into(),
        }
    }

    fn check(&self, place: &str) -> Result<(), SettingsError> {
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
mod tests {
    use super::*;

    fn read(text: &str) -> AccessSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_the_parts() {
        let settings = AccessSettings::default();
        assert_eq!(settings.quotas.rules(), QuotaRules::default());
        assert_eq!(settings.flapping.rules(), FlappingRules::default());
        assert_eq!(settings.check().unwrap().of("a"), Treatment::default());
        assert_eq!(settings, read(""));
    }

    #[test]
    fn settings_read_from_a_file_and_unknown_ones_do_not() {
        let settings = read(
            r#"
            file = "access.toml"
            [[topics]]
            filter = "plant/#"
            lane = "critical"
            [quotas.user]
            connections = 5
            messages = { amount = 100 }
            bytes = { amount = 1000000, per = "1d", burst = 50000 }
            [flapping.source]
            connects = 500
            "#,
        );
        let rules = settings.quotas.rules();
        assert_eq!(rules.user.connections, Some(5));
        let second = Rate {
            amount: 100,
            per: Duration::from_secs(1),
            burst: 100,
        };
        assert_eq!(rules.user.messages, Some(second));
        let day = rules.user.bytes.unwrap();
        assert_eq!((day.per.as_secs(), day.burst), (86_400, 50_000));
        let flapping = settings.flapping.rules();
        assert_eq!(flapping.source.unwrap().connects, 500);
        assert_eq!(flapping.source.unwrap().within.as_secs(), 60);
        assert_eq!(
            settings.check().unwrap().of("plant/x").lane,
            spica_model::Lane::Critical
        );
        for unknown in [
            "files = 1",
            "quotas.user.message = 1",
            "[[topics]]\nfilter = \"a\"\nclass = 1",
            "[[topics]]\nlane = \"critical\"",
        ] {
            assert!(
                toml::from_str::<AccessSettings>(unknown).is_err(),
                "{unknown}"
            );
        }
    }

    #[test]
    fn what_is_not_allowed_is_said_with_its_place() {
        for (text, place) in [
            ("quotas.user.connections = 0", "quotas.user.connections: 0"),
            (
                "quotas.source.connects = { amount = 0 }",
                "quotas.source.connects.amount: 0",
            ),
            (
                "quotas.client.bytes = { amount = 1, burst = 0 }",
                "quotas.client.bytes.burst: 0",
            ),
            (
                "quotas.client.messages = { amount = 1, per = \"5ms\" }",
                "quotas.client.messages.per: 5ms",
            ),
            (
                "flapping.client.connects = 0",
                "flapping.client.connects: 0",
            ),
            ("flapping.user.ban = \"0s\"", "flapping.user.ban: 0"),
            ("topics = [{ filter = \"a#\" }]", "topics[1].filter: \"a#\""),
        ] {
            let error = read(text).check().unwrap_err().to_string();
            assert!(error.starts_with(place), "{error}");
        }
    }
}
