//! Reading the configuration of a running node again: what is taken up, and what needs a restart.

use std::sync::Arc;

use serde_json::Value as Json;
use spica_http::MqttParts;
use spica_station_mqtt::{Reread, SettingsSource};

use crate::config::Config;

/// Reads the configuration again: what it says, or everything that is wrong with it, a line each.
pub type ReadConfig = Arc<dyn Fn() -> Result<Config, Vec<String>> + Send + Sync>;

/// Reads the configuration again, and takes up what a running node can; logs what became of it.
pub type Reload = Arc<dyn Fn() + Send + Sync>;

/// Reloads a node with this MQTT station, for as long as that is there.
pub(crate) fn reloading(mqtt: Option<&MqttParts>) -> Reload {
    // Whoever holds the station holds the journal, which is to close when the node stops.
    let control = mqtt.map(|mqtt| Arc::downgrade(&mqtt.control));
    Arc::new(move || match &control {
        None => tracing::info!("this node has no MQTT station, and so nothing to read again"),
        Some(control) => {
            if let Some(control) = control.upgrade() {
                // What is wrong, and what needs a restart, is logged there.
                drop(control.reload());
            }
        }
    })
}

/// What a running node takes up.
const TAKEN_UP: &str = "mqtt.access";
/// Most keys that are listed.
const KEYS: usize = 50;

/// The settings of access to MQTT as they stand in the configuration now, and which keys of others
/// have changed since the node was started with `started`.
pub(crate) fn settings(started: &Config, read: ReadConfig) -> SettingsSource {
    let started = started.clone();
    Box::new(move || {
        let now = read()?;
        let needs_restart = changes(&started.to_json(), &now.to_json());
        // Without a station there is nothing to take up; that it is gone is said by the keys.
        let mqtt = now.mqtt.or_else(|| started.mqtt.clone());
        Ok(Reread {
            settings: mqtt.map(|mqtt| mqtt.access).unwrap_or_default(),
            needs_restart,
        })
    })
}

/// The keys that have other values, but for what is taken up.
fn changes(before: &Json, now: &Json) -> Vec<String> {
    let mut keys = Vec::new();
    walk(String::new(), before, now, &mut keys);
    let left_off = keys.len().saturating_sub(KEYS);
    if left_off > 0 {
        keys.truncate(KEYS);
        keys.push(format!("and {left_off} more"));
    }
    keys
}

fn walk(key: String, before: &Json, now: &Json, keys: &mut Vec<String>) {
    if before == now || key == TAKEN_UP {
        return;
    }
    let (Json::Object(old), Json::Object(new)) = (before, now) else {
        keys.push(key);
        return;
    };
    let added = new.keys().filter(|name| !old.contains_key(*name));
    for name in old.keys().chain(added) {
        let below = if key.is_empty() {
            name.clone()
        } else {
            format!("{key}.{name}")
        };
        let of = |table: &serde_json::Map<String, Json>| table.get(name).cloned();
        let (old, new) = (of(old).unwrap_or_default(), of(new).unwrap_or_default());
        walk(below, &old, &new, keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_needs_a_restart_is_named_by_its_key() {
        let before = json!({
            "node": { "path": "a", "tags": [1, 2] },
            "mqtt": { "listen": "x", "access": { "file": "f" } },
            "pair": null,
        });
        assert_eq!(changes(&before, &before), [""; 0]);
        let now = json!({
            "node": { "path": "a", "tags": [1, 3], "new": 1 },
            "mqtt": { "listen": "y", "access": { "file": "g" } },
            "pair": { "name": "b" },
        });
        let mut keys = changes(&before, &now);
        keys.sort();
        assert_eq!(keys, ["mqtt.listen", "node.new", "node.tags", "pair"]);
        let gone = json!({ "node": before["node"], "mqtt": null, "pair": null });
        assert_eq!(changes(&before, &gone), ["mqtt"]);
    }

    #[test]
    fn the_list_has_an_end() {
        let numbered = |value: u32| {
            let keys = (0..KEYS + 2).map(|number| (number.to_string(), json!(value)));
            Json::Object(keys.collect())
        };
        let keys = changes(&numbered(1), &numbered(2));
        assert_eq!(keys.len(), KEYS + 1);
        assert_eq!(keys[KEYS], "and 2 more");
    }

    #[test]
    fn the_settings_of_access_are_those_of_now() {
        let mqtt = |expiry: &str| spica_station_mqtt::Settings {
            access: serde_json::from_value(json!({ "anonymous": expiry })).unwrap(),
            ..Default::default()
        };
        let started = Config {
            mqtt: Some(mqtt("reader")),
            ..Config::default()
        };
        let mut now = started.clone();
        now.mqtt = Some(mqtt("operator"));
        now.node.path = spica_model::Topic::new("root/other").unwrap();
        let read = settings(&started, Arc::new(move || Ok(now.clone())))().unwrap();
        assert_eq!(read.settings.anonymous.as_deref(), Some("operator"));
        assert_eq!(read.needs_restart, ["node.path"]);
        let broken = settings(&started, Arc::new(|| Err(vec!["line 1".to_owned()])));
        assert_eq!(broken().unwrap_err(), ["line 1"]);
    }
}
