//! The JSON payloads of device records.
//!
//! | topic | payload |
//! |---|---|
//! | `devices/<serial>/registration` | `{"name":str\|null,"enabled":bool,"check_in_minutes":u16,"grace_minutes":u16,"customer":str\|null,"note":str\|null,"allowed_versions":[str],"registered_at":time\|null}` |
//! | `devices/<serial>/check-in` | `{"software_version":str,"remote":"ip:port","station":str}` |
//! | `devices/<serial>/commands/<id>` | `{"id":u16,"code":u8,"name":str,"arguments":hex,"state":str,"queued_at":time,"expires_at":time,"sent_at":time\|null,"settled_at":time\|null,"attempts":u32,"result":u8\|null,"by":str}` |
//!
//! Times are RFC 3339 in UTC. Fields that a reader does not know are ignored, and fields that may be
//! missing have a default, so that a version reads what its successor and its predecessor wrote.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use spica_model::Timestamp;

use crate::{Command, Registration, Serial, hex};

/// A payload that is not what its topic says it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the payload of a {what}: {detail}")]
pub struct PayloadError {
    what: &'static str,
    detail: String,
}

/// One accepted dialogue of a device with a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIn {
    /// The software that the device says it runs; empty if it says nothing.
    pub software_version: String,
    /// Where the connection came from: `ip:port`.
    #[serde(default)]
    pub remote: String,
    /// The station that took it, such as `identicom`.
    #[serde(default)]
    pub station: String,
}

impl CheckIn {
    /// The check-in as JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Reads a check-in.
    ///
    /// # Errors
    /// If the bytes are no such JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        from_json("check-in", payload)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(default)]
struct RegistrationJson {
    name: Option<String>,
    enabled: bool,
    check_in_minutes: u16,
    grace_minutes: u16,
    customer: Option<String>,
    note: Option<String>,
    allowed_versions: Vec<String>,
    registered_at: Option<Time>,
}

impl Default for RegistrationJson {
    fn default() -> Self {
        Self::from((Registration::default(), None))
    }
}

impl From<(Registration, Option<Time>)> for RegistrationJson {
    fn from((registration, registered_at): (Registration, Option<Time>)) -> Self {
        Self {
            name: registration.name,
            enabled: registration.enabled,
            check_in_minutes: registration.check_in_minutes,
            grace_minutes: registration.grace_minutes,
            customer: registration.customer,
            note: registration.note,
            allowed_versions: registration.allowed_versions,
            registered_at,
        }
    }
}

impl Registration {
    /// The registration as JSON, with the time since which the device is registered.
    #[must_use]
    pub fn encode(&self, registered_at: Timestamp) -> Vec<u8> {
        to_json(&RegistrationJson::from((
            self.clone(),
            Some(Time(registered_at)),
        )))
    }

    /// Reads a registration, and since when the device is registered if that is said.
    ///
    /// # Errors
    /// If the bytes are no such JSON. Values are not checked against today's limits: a record that
    /// was accepted once stays readable.
    pub fn decode(payload: &[u8]) -> Result<(Self, Option<Timestamp>), PayloadError> {
        let json: RegistrationJson = from_json("registration", payload)?;
        let registration = Self {
            name: json.name,
            enabled: json.enabled,
            check_in_minutes: json.check_in_minutes,
            grace_minutes: json.grace_minutes,
            customer: json.customer,
            note: json.note,
            allowed_versions: json.allowed_versions,
        };
        Ok((registration, json.registered_at.map(|time| time.0)))
    }
}

#[derive(Serialize, Deserialize)]
struct CommandJson {
    id: u16,
    code: u8,
    name: String,
    #[serde(default)]
    arguments: String,
    state: String,
    queued_at: Time,
    expires_at: Time,
    #[serde(default)]
    sent_at: Option<Time>,
    #[serde(default)]
    settled_at: Option<Time>,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    result: Option<u8>,
    #[serde(default)]
    by: String,
}

impl Command {
    /// The command as JSON. Its serial is not in it: the topic says it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        to_json(&CommandJson {
            id: self.id,
            code: self.code,
            name: self.name.clone(),
            arguments: hex::encode(&self.arguments),
            state: self.state.as_str().to_owned(),
            queued_at: Time(self.queued_at),
            expires_at: Time(self.expires_at),
            sent_at: self.sent_at.map(Time),
            settled_at: self.settled_at.map(Time),
            attempts: self.attempts,
            result: self.result,
            by: self.by.clone(),
        })
    }

    /// Reads a command of `serial` from the topic of command `id`.
    ///
    /// # Errors
    /// If the bytes are no such JSON, or are about another id.
    pub fn decode(serial: Serial, id: u16, payload: &[u8]) -> Result<Self, PayloadError> {
        let error = |detail: String| PayloadError {
            what: "command",
            detail,
        };
        let json: CommandJson = from_json("command", payload)?;
        if json.id != id {
            return Err(error(format!("it has id {}, its topic {id}", json.id)));
        }
        Ok(Self {
            serial,
            id,
            code: json.code,
            name: json.name,
            arguments: hex::decode(&json.arguments)
                .ok_or_else(|| error(format!("arguments {:?} are not hex", json.arguments)))?,
            state: json.state.parse().map_err(error)?,
            queued_at: json.queued_at.0,
            expires_at: json.expires_at.0,
            sent_at: json.sent_at.map(|time| time.0),
            settled_at: json.settled_at.map(|time| time.0),
            attempts: json.attempts,
            result: json.result,
            by: json.by,
        })
    }
}

/// A time as text.
#[derive(Clone, Copy)]
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[expect(
    clippy::expect_used,
    reason = "plain structs of text and numbers always have a JSON form"
)]
fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON form")
}

fn from_json<'de, T: Deserialize<'de>>(
    what: &'static str,
    payload: &'de [u8],
) -> Result<T, PayloadError> {
    serde_json::from_slice(payload).map_err(|error| PayloadError {
        what,
        detail: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
