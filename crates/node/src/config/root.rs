//! The whole configuration, and what its rules ask of the parts.

use std::net::SocketAddr;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::annotations;
use super::reference;
use super::sections::{Log, Node, Objects};
use super::shape::Shape;

/// Everything an operator may set. `Config::default()` is a node on loopback.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The node as a whole.
    pub node: Node,
    /// The journal: two lanes of files.
    pub journal: spica_journal_file::Settings,
    /// What is folded from the journal.
    pub views: spica_views::Settings,
    /// The pair that this node is one of; without it, it is on its own.
    pub pair: Option<spica_link_pair::Settings>,
    /// Pictures.
    pub objects: Objects,
    /// The station for Identicom devices.
    pub identicom: spica_station_identicom::Settings,
    /// The MQTT station; without this section there is none.
    pub mqtt: Option<spica_station_mqtt::Settings>,
    /// Cases and alerts: what becomes a case, who is told.
    pub alarms: spica_desk::Settings,
    /// Consumers of the journal: history, media.
    pub handlers: spica_handlers::Settings,
    /// History: the index of the journal, and series of numbers for plots.
    pub history: spica_history::Settings,
    /// Thumbnails of pictures, and how long pictures are kept.
    pub media: spica_media::Settings,
    /// Rules: what becomes of records by itself.
    pub rules: spica_rule_engine::Settings,
    /// Bridges to other MQTT brokers.
    #[serde(rename = "bridge")]
    pub bridges: Vec<spica_bridge::Settings>,
    /// The Sparkplug B host application; without this section there is none.
    pub sparkplug: Option<spica_sparkplug_host::Settings>,
    /// Live sessions: what clients see as it happens.
    pub live: spica_live_hub::Settings,
    /// The HTTP interface.
    pub http: spica_http::Settings,
    /// What the node says.
    pub log: Log,
}

impl Config {
    /// The JSON schema of the configuration.
    #[must_use]
    pub fn schema() -> Json {
        let mut schema = schemars::schema_for!(Self).to_value();
        annotations::annotate(&mut schema);
        schema
    }

    /// The reference of all keys, as Markdown: `docs/configuration.md`.
    #[must_use]
    pub fn reference() -> String {
        reference::markdown(Shape::new(&Self::schema(), &Self::default().to_json()))
    }

    /// A file with every key, commented out: `spica.example.toml`.
    #[must_use]
    pub fn example() -> String {
        reference::example(Shape::new(&Self::schema(), &Self::default().to_json()))
    }

    /// All values as JSON. Secrets are in it.
    pub(crate) fn to_json(&self) -> Json {
        // Settings are plain data with text keys: nothing in them fails to be JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The addresses that parts listen on, with their keys.
    pub(super) fn listens(&self) -> Vec<(&'static str, SocketAddr)> {
        let mut listens = vec![
            ("http.listen", self.http.listen),
            ("identicom.listen", self.identicom.listen),
        ];
        listens.extend(
            self.identicom
                .tls
                .iter()
                .map(|tls| ("identicom.tls.listen", tls.listen)),
        );
        if let Some(mqtt) = &self.mqtt {
            listens.extend(mqtt.listen.map(|address| ("mqtt.listen", address)));
            listens.extend(mqtt.websocket.map(|address| ("mqtt.websocket", address)));
            let tls = mqtt.tls.as_ref();
            listens.extend(tls.map(|tls| ("mqtt.tls.listen", tls.listen)));
        }
        listens
    }

    /// The limits on connections, with their keys.
    pub(super) fn connection_limits(&self) -> Vec<(&'static str, u64)> {
        let mut limits = vec![
            (
                "identicom.admission.connections",
                self.identicom.admission.connections as u64,
            ),
            ("http.max_connections", self.http.max_connections as u64),
        ];
        if let Some(mqtt) = &self.mqtt {
            let connections = mqtt.admission.connections as u64;
            limits.push(("mqtt.admission.connections", connections));
        }
        limits
    }

    /// The files that must be there, with their keys.
    pub(super) fn files(&self) -> Vec<(&'static str, &Path)> {
        let mut files = Vec::new();
        if let Some(tls) = &self.identicom.tls {
            files.push(("identicom.tls.certificate", tls.certificate.as_path()));
            files.push(("identicom.tls.key", tls.key.as_path()));
        }
        let Some(mqtt) = &self.mqtt else {
            return files;
        };
        if let Some(tls) = &mqtt.tls {
            files.push(("mqtt.tls.certificate", tls.certificate.as_path()));
            files.push(("mqtt.tls.key", tls.key.as_path()));
            let roots = tls.client_roots.as_ref();
            files.extend(roots.map(|roots| ("mqtt.tls.client_roots", roots.as_path())));
        }
        let access = mqtt.access.file.as_ref();
        files.extend(access.map(|file| ("mqtt.access.file", file.as_path())));
        files
    }

    /// The files that are nobody else's business, with their keys.
    pub(super) fn private_files(&self) -> Vec<(&'static str, &Path)> {
        let identicom = self.identicom.tls.iter();
        let identicom = identicom.map(|tls| ("identicom.tls.key", tls.key.as_path()));
        let mqtt = self.mqtt.iter();
        let keys = mqtt.clone().filter_map(|mqtt| mqtt.tls.as_ref());
        let keys = keys.map(|tls| ("mqtt.tls.key", tls.key.as_path()));
        // Hashes of passwords are in it.
        let access = mqtt.filter_map(|mqtt| mqtt.access.file.as_ref());
        let access = access.map(|file| ("mqtt.access.file", file.as_path()));
        identicom.chain(keys).chain(access).collect()
    }
}
