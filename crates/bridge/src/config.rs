//! What an operator may set about bridges.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_mqtt_client::{QoS, Version};
use spica_settings::{FilePath, Secret};

use crate::map::Mapping;

/// Longest name: with `bridge-` before it, it is one of a handler.
const NAME_BYTES: usize = 40;
/// Most bridges; each has threads and connections of its own.
const BRIDGES: usize = 16;
/// Most mappings of a bridge in one direction.
const MAPPINGS: usize = 100;
/// Most servers of one other side.
const SERVERS: usize = 8;

/// A bridge to another MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BridgeSettings")]
pub struct Settings {
    /// What it is called: 1 to 40 of a-z, 0-9 and -.
    pub name: String,
    /// The other side, as host:port: the servers of a pair, in the order in which they are tried.
    pub servers: Vec<String>,
    /// The version of MQTT.
    #[serde(default)]
    pub version: Protocol,
    /// User name.
    #[serde(default)]
    pub user: Option<String>,
    /// Password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// A file with the password.
    #[serde(default)]
    pub password_file: Option<FilePath>,
    /// TLS; without it the connection is plain.
    #[serde(default)]
    pub tls: Option<TlsSettings>,
    /// What goes out.
    #[serde(default)]
    pub out: Vec<OutSettings>,
    /// What comes in.
    #[serde(default, rename = "in")]
    pub inward: Vec<InSettings>,
}

/// TLS to the other side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "BridgeTlsSettings")]
pub struct TlsSettings {
    /// Certificates in PEM that are believed; without it those that this machine believes.
    pub ca: Option<FilePath>,
    /// Our own certificate in PEM, with those that lead to its authority.
    pub certificate: Option<FilePath>,
    /// Its key in PEM.
    pub key: Option<FilePath>,
}

/// Topics that go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BridgeOutSettings")]
pub struct OutSettings {
    /// Which: filters for topics below the node.
    pub topics: Vec<String>,
    /// Levels at their beginning that are left out.
    #[serde(default)]
    pub strip: Option<String>,
    /// Levels that are put before them.
    #[serde(default)]
    pub add: Option<String>,
    /// Quality of service.
    #[serde(default)]
    pub qos: Service,
}

/// Topics that come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BridgeInSettings")]
pub struct InSettings {
    /// Which: filters for topics of the other side.
    pub topics: Vec<String>,
    /// Levels at their beginning that are left out.
    #[serde(default)]
    pub strip: Option<String>,
    /// Levels that are put before them, below the node.
    #[serde(default)]
    pub add: Option<String>,
    /// Quality of service.
    #[serde(default)]
    pub qos: Service,
    /// The lane that they go to.
    #[serde(default)]
    pub lane: Lane,
}

/// A version of MQTT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BridgeProtocol")]
pub enum Protocol {
    /// MQTT 3.1.1.
    #[serde(rename = "3.1.1")]
    V311,
    /// MQTT 5.
    #[default]
    #[serde(rename = "5")]
    V5,
}

/// A quality of service that loses nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BridgeService")]
pub enum Service {
    /// QoS 1.
    #[default]
    #[serde(rename = "at-least-once")]
    AtLeastOnce,
    /// QoS 2.
    #[serde(rename = "exactly-once")]
    ExactlyOnce,
}

/// A lane of the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "BridgeLane")]
pub enum Lane {
    /// What a life may depend on.
    Critical,
    /// Everything else.
    #[default]
    Normal,
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bridge[{index}].{key}: {reason}")]
pub struct SettingsError {
    /// Which bridge, from 0.
    pub index: usize,
    /// Which of its settings.
    pub key: String,
    /// What is wrong with it, and what is allowed.
    pub reason: String,
}

/// Checks all bridges, for when the configuration is read.
///
/// # Errors
/// What is wrong first, with its place.
pub fn check(bridges: &[Settings]) -> Result<(), SettingsError> {
    let mut names = BTreeSet::new();
    for (index, bridge) in bridges.iter().enumerate() {
        let wrong = |key: String, reason: String| SettingsError { index, key, reason };
        if index >= BRIDGES {
            return Err(wrong(
                "name".to_owned(),
                format!("at most {BRIDGES} are allowed"),
            ));
        }
        if !names.insert(&bridge.name) {
            let reason = format!("there is another bridge {:?}", bridge.name);
            return Err(wrong("name".to_owned(), reason));
        }
        bridge.check().map_err(|(key, reason)| wrong(key, reason))?;
    }
    Ok(())
}

type Wrong = (String, String);

impl Settings {
    fn check(&self) -> Result<(), Wrong> {
        let wrong = |key: &str, reason: &str| Err((key.to_owned(), reason.to_owned()));
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=NAME_BYTES).contains(&self.name.len()) || !self.name.bytes().all(fits) {
            return wrong("name", "1 to 40 of a-z, 0-9 and - are allowed");
        }
        if !(1..=SERVERS).contains(&self.servers.len()) {
            return wrong("servers", "1 to 8 are allowed");
        }
        let is_address = |server: &String| {
            let port = server.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            matches!(port, Some(Ok(1..)))
        };
        if !self.servers.iter().all(is_address) {
            return wrong(
                "servers",
                "each is host:port, such as mqtt.example.org:1883",
            );
        }
        if self.password.is_some() && self.password_file.is_some() {
            return wrong(
                "password",
                "only one of password and password_file is allowed",
            );
        }
        if let Some(tls) = &self.tls
            && tls.certificate.is_some() != tls.key.is_some()
        {
            return wrong("tls.key", "certificate and key belong together");
        }
        self.mappings()?;
        if self.version == Protocol::V311 {
            self.check_circle()?;
        }
        Ok(())
    }

    /// What goes out, and what comes in.
    pub(crate) fn mappings(&self) -> Result<(Vec<Mapping>, Vec<Mapping>), Wrong> {
        if self.out.is_empty() && self.inward.is_empty() {
            let reason = "a bridge has at least one of out and in".to_owned();
            return Err(("out".to_owned(), reason));
        }
        for (key, count) in [("out", self.out.len()), ("in", self.inward.len())] {
            if count > MAPPINGS {
                return Err((key.to_owned(), format!("at most {MAPPINGS} are allowed")));
            }
        }
        let out = self.out.iter().enumerate().map(|(index, it)| {
            let mapping = Mapping::new(&it.topics, it.strip.as_deref(), it.add.as_deref());
            mapping.map_err(|(key, reason)| (format!("out[{index}].{key}"), reason))
        });
        let inward = self.inward.iter().enumerate().map(|(index, it)| {
            let mapping = Mapping::new(&it.topics, it.strip.as_deref(), it.add.as_deref());
            mapping.map_err(|(key, reason)| (format!("in[{index}].{key}"), reason))
        });
        Ok((
            out.collect::<Result<_, _>>()?,
            inward.collect::<Result<_, _>>()?,
        ))
    }

    /// MQTT 3.1.1 has no properties that could say where a message came from: what goes out must not
    /// be what comes in.
    fn check_circle(&self) -> Result<(), Wrong> {
        let (out, inward) = self.mappings()?;
        for (index, mapping) in inward.iter().enumerate() {
            let back = mapping
                .filters()
                .find(|filter| out.iter().any(|out| out.may_give(filter)));
            if let Some(filter) = back {
                let reason = format!(
                    "{filter} may bring back what goes out, and MQTT 3.1.1 cannot tell: put it \
                     below another prefix, or use MQTT 5"
                );
                return Err((format!("in[{index}].topics"), reason));
            }
        }
        Ok(())
    }
}

impl From<Protocol> for Version {
    fn from(version: Protocol) -> Self {
        match version {
            Protocol::V311 => Self::V311,
            Protocol::V5 => Self::V5,
        }
    }
}

impl From<Service> for QoS {
    fn from(service: Service) -> Self {
        match service {
            Service::AtLeastOnce => Self::AtLeastOnce,
            Service::ExactlyOnce => Self::ExactlyOnce,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bridge(version: Protocol, out_add: &str, in_topic: &str) -> Settings {
        Settings {
            name: "cloud".to_owned(),
            servers: vec!["localhost:1883".to_owned()],
            version,
            user: None,
            password: None,
            password_file: None,
            tls: None,
            out: vec![OutSettings {
                topics: vec!["plant/#".to_owned()],
                strip: Some("plant".to_owned()),
                add: Some(out_add.to_owned()),
                qos: Service::AtLeastOnce,
            }],
            inward: vec![InSettings {
                topics: vec![in_topic.to_owned()],
                strip: None,
                add: None,
                qos: Service::ExactlyOnce,
                lane: Lane::Normal,
            }],
        }
    }

    #[test]
    fn what_may_go_in_a_circle_needs_mqtt_5() {
        for (add, topic, fine) in [
            ("site1", "site1/#", false),
            ("site1", "#", false),
            ("site1", "+/x", false),
            ("site1", "site2/#", true),
            ("site1", "cmd/+", true),
        ] {
            let checked = check(&[bridge(Protocol::V311, add, topic)]);
            assert_eq!(checked.is_ok(), fine, "{add} {topic} {checked:?}");
            assert_eq!(check(&[bridge(Protocol::V5, add, topic)]), Ok(()));
        }
    }

    #[test]
    fn mistakes_are_named() {
        let base = bridge(Protocol::V5, "site1", "cmd/#");
        let refused = |change: &dyn Fn(&mut Settings)| {
            let mut changed = base.clone();
            change(&mut changed);
            check(&[changed]).unwrap_err().to_string()
        };
        assert!(refused(&|it| it.name = "A".into()).starts_with("bridge[0].name: "));
        assert!(refused(&|it| it.servers.clear()).starts_with("bridge[0].servers: "));
        assert!(refused(&|it| it.servers = vec!["host".into()]).contains("host:port"));
        assert!(refused(&|it| it.out[0].topics = vec!["a/#/b".into()]).contains("out[0].topics"));
        assert!(refused(&|it| it.out[0].topics.clear()).contains("out[0].topics"));
        assert!(refused(&|it| it.inward[0].add = Some("a/+".into())).contains("in[0].add"));
        assert!(refused(&|it| it.inward[0].add = Some("system".into())).contains("in[0].add"));
        assert!(refused(&|it| it.out[0].strip = Some("other".into())).contains("out[0].strip"));
        let none = refused(&|it| {
            it.out.clear();
            it.inward.clear();
        });
        assert!(none.contains("at least one"));
        let twice = check(&[base.clone(), base.clone()]).unwrap_err();
        assert_eq!((twice.index, twice.key.as_str()), (1, "name"));
    }
}
