//! A command as its device sees it.
//!
//! ```json
//! {"id":7,"command":"take-picture","code":2,"arguments":"","parameters":null,
//!  "queued_at":"2026-11-22T05:01:23.000250Z","expires_at":"2026-11-23T05:01:23.000250Z","attempt":1}
//! ```

use bytes::Bytes;
use serde::Serialize;
use spica_devices::Command;
use spica_model::{ContentType, Properties, Property, Record, Timestamp};

/// What a device is told.
#[derive(Serialize)]
struct Body<'a> {
    id: u16,
    command: &'a str,
    code: u8,
    /// As they are queued, in hexadecimal.
    arguments: String,
    /// The same, if they are JSON: an object or a list.
    parameters: Option<serde_json::Value>,
    queued_at: String,
    expires_at: String,
    attempt: u32,
}

/// The message about `command` that goes out at `now`, made of the record that says so.
pub(super) fn message(command: &Command, topic: &str, record: Record, now: Timestamp) -> Record {
    let response = format!("{topic}/response");
    let correlation = command.id.to_string();
    let left = command
        .expires_at
        .as_micros()
        .saturating_sub(now.as_micros());
    // What expires within the second has that second.
    let seconds = u32::try_from(left / 1_000_000).unwrap_or(0).max(1);
    let properties = Properties::new([
        Property::Service {
            qos: 2,
            retain: false,
        },
        Property::ResponseTopic(&response),
        Property::Correlation(correlation.as_bytes()),
        Property::Expiry(seconds),
        Property::Text,
        Property::ContentType(ContentType::Json.as_str()),
    ]);
    Record {
        received: now,
        payload: payload(command),
        content_type: ContentType::Json,
        // So short that they always fit.
        properties: properties.ok().flatten(),
        ..record
    }
}

fn payload(command: &Command) -> Bytes {
    let parameters = serde_json::from_slice(&command.arguments).ok();
    let body = Body {
        id: command.id,
        command: &command.name,
        code: command.code,
        arguments: command
            .arguments
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        parameters: parameters.filter(|it: &serde_json::Value| it.is_object() || it.is_array()),
        queued_at: command.queued_at.to_string(),
        expires_at: command.expires_at.to_string(),
        attempt: command.attempts.saturating_add(1),
    };
    // Text and numbers always have a JSON form.
    serde_json::to_vec(&body).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_devices::{CommandState, Serial};

    fn command(arguments: &[u8]) -> Command {
        Command {
            serial: Serial::new("1").unwrap(),
            id: 7,
            code: 200,
            name: "calibrate".into(),
            arguments: arguments.to_vec(),
            state: CommandState::Queued,
            queued_at: Timestamp::from_secs(10),
            expires_at: Timestamp::from_secs(70),
            sent_at: None,
            settled_at: None,
            attempts: 0,
            result: None,
            by: "alice".into(),
        }
    }

    fn shown(arguments: &[u8]) -> serde_json::Value {
        serde_json::from_slice(&payload(&command(arguments))).unwrap()
    }

    #[test]
    fn a_device_sees_what_it_needs_and_not_who_asked() {
        assert_eq!(
            shown(br#"{"to":5}"#),
            serde_json::json!({
                "id": 7,
                "command": "calibrate",
                "code": 200,
                "arguments": "7b22746f223a357d",
                "parameters": { "to": 5 },
                "queued_at": "1970-01-01T00:00:10.000000Z",
                "expires_at": "1970-01-01T00:01:10.000000Z",
                "attempt": 1,
            })
        );
        // Bytes that happen to be digits are no JSON.
        assert_eq!(shown(b"15")["parameters"], serde_json::Value::Null);
        assert_eq!(shown(b"15")["arguments"], "3135");
    }
}
