//! What a client says, as scenarios write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spica_client::{Content, Item, State};
use spica_live_proto::{ClientFrame, Encoding, Subscribe, decode_client};

pub(crate) fn state_text(state: &State) -> String {
    match state {
        State::Connecting => "connecting".to_owned(),
        State::Open(_) => "open".to_owned(),
        State::Lost(reason) => format!("lost:{reason}"),
        State::Closed(reason) => format!("closed:{reason}"),
    }
}

pub(crate) fn told(item: &Item) -> Value {
    match item {
        Item::Value(value) if value.content == Content::Deleted => {
            json!({"deleted": value.topic.as_str()})
        }
        Item::Value(value) => {
            json!({"update": value.topic.as_str(), "value": shown(value)["value"]})
        }
        Item::Ready(_) => json!({"ready": true}),
        Item::Gap {
            lane,
            from,
            to,
            reason,
        } => json!({"gap": {
            "lane": lane.to_string(), "from": from.0, "to": to.0, "reason": reason.as_str()
        }}),
        Item::Reset => json!({"reset": true}),
        Item::Refused { code, .. } => json!({"refused": code.as_str()}),
        Item::Ended { code, .. } => json!({"ended": code.as_str()}),
    }
}

pub(crate) fn shown(value: &spica_client::Value) -> Value {
    let (mut from, mut to, mut content_type) = (Value::Null, Value::Null, Value::Null);
    let shown = match &value.content {
        Content::Payload {
            content_type: kind,
            bytes,
        } => {
            content_type = json!(kind.as_str());
            match value.json() {
                Some(json) => serde_json::from_str(json.get()).unwrap(),
                None if kind.as_str().starts_with("text/") => json!(String::from_utf8_lossy(bytes)),
                None => json!({"base64": STANDARD.encode(bytes)}),
            }
        }
        Content::Window {
            results,
            from: first,
            to: last,
        } => {
            (from, to) = (json!(first.as_micros()), json!(last.as_micros()));
            let results = results
                .iter()
                .map(|(op, it)| (op.as_str().to_owned(), json!(it)));
            Value::Object(results.collect())
        }
        Content::Deleted => Value::Null,
    };
    let at = value.position;
    json!({
        "value": shown,
        "quality": value.quality.as_str(),
        "received": value.received.as_micros(),
        "source": value.source.map(|it| it.as_micros()),
        "position": [at.lane.to_string(), at.epoch.0, at.seq.0],
        "content_type": content_type,
        "from": from,
        "to": to,
    })
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    digits
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// A `subscribe` frame as an application would say it.
pub(crate) fn wanted(frame: &Value) -> Result<Subscribe, String> {
    let bytes = serde_json::to_vec(frame).unwrap();
    match decode_client(Encoding::Json, &bytes) {
        Ok(ClientFrame::Subscribe(frame)) => Ok(*frame),
        Ok(_) => Err("no subscribe".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
