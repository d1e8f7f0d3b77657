//! The body of a webhook.

use serde_json::{Value, json};
use spica_alerts::Message;
use spica_cases::Case;

/// The message as JSON: `key`, `notice`, `node`, `reason`, `attempt`, `at`, `person`, `address`,
/// `language`, `subject`, `body`, `link`, and the `case` with all that it has.
pub(super) fn of(message: &Message) -> Vec<u8> {
    let body = json!({
        "key": message.key,
        "notice": message.notice.to_string(),
        "node": message.node,
        "reason": message.reason.as_str(),
        "attempt": message.attempt,
        "at": message.at.to_string(),
        "person": message.person,
        "address": message.address,
        "language": message.language.as_str(),
        "subject": message.subject,
        "body": message.body,
        "link": message.link,
        "case": case(&message.case),
    });
    body.to_string().into_bytes()
}

/// The case as its own payload has it, with its id and state.
fn case(case: &Case) -> Value {
    let mut value: Value = serde_json::from_slice(&case.encode()).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("id".to_owned(), case.id.to_string().into());
        fields.insert("state".to_owned(), case.state().as_str().into());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_notify::contract::message;

    #[test]
    fn the_body_has_the_message_and_its_case() {
        let body: Value = serde_json::from_slice(&of(&message(17, 2))).unwrap();
        assert_eq!(body["key"], "root/s1:1-17/1");
        assert_eq!(body["notice"], "1-17/1");
        assert_eq!(body["reason"], "raised");
        assert_eq!(body["attempt"], 2);
        assert_eq!(body["at"], "2026-11-22T09:00:00.000000Z");
        assert_eq!(body["person"], "Anna Meier");
        assert_eq!(body["case"]["id"], "1-17");
        assert_eq!(body["case"]["state"], "unacknowledged");
        assert_eq!(body["case"]["severity"], "emergency");
        assert_eq!(body["case"]["source"], "devices/0012345");
    }
}
