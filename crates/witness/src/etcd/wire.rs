//! The few messages of etcd's JSON gateway that a register needs. Bytes are base64, 64-bit numbers
//! are texts, and what is zero is left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use spica_settings::Secret;

#[derive(Serialize)]
pub(super) struct Range {
    key: String,
}

impl Range {
    pub(super) fn of(key: &str) -> Self {
        let key = STANDARD.encode(key);
        Self { key }
    }
}

#[derive(Deserialize)]
pub(super) struct Found {
    #[serde(default)]
    pub(super) kvs: Vec<Stored>,
}

#[derive(Deserialize)]
pub(super) struct Stored {
    #[serde(default, deserialize_with = "base64")]
    pub(super) value: Vec<u8>,
    #[serde(deserialize_with = "number")]
    pub(super) mod_revision: i64,
}

#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    pub(super) succeeded: bool,
}

#[derive(Serialize)]
pub(super) struct Login<'a> {
    name: &'a str,
    password: &'a str,
}

impl<'a> Login<'a> {
    pub(super) fn new(name: &'a str, password: &'a Secret) -> Self {
        let password = password.expose();
        Self { name, password }
    }
}

#[derive(Deserialize)]
pub(super) struct Pass {
    pub(super) token: String,
}

/// A transaction that writes `value` if the key is still at `revision`.
pub(super) fn put_if(key: &str, value: &[u8], revision: i64) -> Value {
    let key = STANDARD.encode(key);
    json!({
        "compare": [{
            "key": key,
            "target": "MOD",
            "result": "EQUAL",
            "mod_revision": revision.to_string(),
        }],
        "success": [{ "requestPut": { "key": key, "value": STANDARD.encode(value) } }],
    })
}

/// What an answer that is an error says.
pub(super) fn trouble(bytes: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(bytes).ok()?;
    let said = answer.get("message").or_else(|| answer.get("error"))?;
    said.as_str().map(str::to_owned)
}

fn base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_a_real_server_are_read() {
        // As etcd 3.4 gave them.
        let found = r#"{"header":{"cluster_id":"14841639068965178418","revision":"3"},
            "kvs":[{"key":"cC9h","create_revision":"2","mod_revision":"3","version":"2",
            "value":"eA=="}],"count":"1"}"#;
        let found: Found = serde_json::from_str(found).unwrap();
        assert_eq!(found.kvs[0].value, b"x");
        assert_eq!(found.kvs[0].mod_revision, 3);
        let nothing: Found = serde_json::from_str(r#"{"header":{}}"#).unwrap();
        assert!(nothing.kvs.is_empty());
        let failed: Done = serde_json::from_str(r#"{"header":{},"responses":[]}"#).unwrap();
        assert!(!failed.succeeded);
        let error = br#"{"error":"etcdserver: user name is empty","code":3}"#;
        assert_eq!(trouble(error).unwrap(), "etcdserver: user name is empty");
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_no_empty_register() {
        let no_base64 = r#"{"kvs":[{"mod_revision":"3","value":"%"}]}"#;
        assert!(serde_json::from_str::<Found>(no_base64).is_err());
        let no_number = r#"{"kvs":[{"mod_revision":"x","value":"eA=="}]}"#;
        assert!(serde_json::from_str::<Found>(no_number).is_err());
    }
}
