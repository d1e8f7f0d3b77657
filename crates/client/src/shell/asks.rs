//! What an application asks and is answered.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spica_live_proto::{Call, RefusalCode};
use spica_model::{ContentType, Kind, Lane, Quality, Timestamp, Topic};

use crate::core::{Ask, Failed};

/// The answer of the HTTP interface.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; a problem document if it is a refusal.
    pub body: Option<Value>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The connection was lost before the answer, and to ask again might do it twice.
    #[error("the connection was lost before the answer: look whether it was done, then ask again")]
    Lost,
    /// No answer within the time.
    #[error("no answer in time; what has a key can be asked again without harm")]
    TimedOut,
    /// The server refuses it.
    #[error("refused ({code}): {detail}", code = .0.as_str(), detail = .1)]
    Refused(RefusalCode, String),
    /// Too many calls wait for their answers.
    #[error("too many calls wait for their answers: wait for some of them first")]
    TooMany,
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
}

impl From<Failed> for AskError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(code, detail) => Self::Refused(code, detail),
            Failed::TooMany => Self::TooMany,
        }
    }
}

/// A record to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    /// What it is about.
    pub topic: Topic,
    /// The payload: JSON or bytes.
    pub payload: Result<Value, Vec<u8>>,
    /// What it is, if it is no JSON.
    pub content_type: Option<ContentType>,
    /// Its lane.
    pub lane: Lane,
    /// How the topic's records relate.
    pub kind: Kind,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When its source says it happened.
    pub source: Option<Timestamp>,
    /// Makes a repetition harmless; made at random if it is not given.
    pub key: Option<String>,
}

impl Publish {
    /// A state in the normal lane, good, with a JSON value.
    #[must_use]
    pub const fn json(topic: Topic, value: Value) -> Self {
        Self {
            topic,
            payload: Ok(value),
            content_type: None,
            lane: Lane::Normal,
            kind: Kind::State,
            quality: Quality::Good,
            source: None,
            key: None,
        }
    }

    /// The call that publishes it, under a key.
    pub(super) fn ask(self, key: String) -> Ask {
        let mut record = json!({
            "topic": self.topic.as_str(),
            "class": self.lane.to_string(),
            "kind": self.kind.as_str(),
            "quality": self.quality.as_str(),
            "key": self.key.unwrap_or(key),
        });
        match self.payload {
            Ok(value) => record["value"] = value,
            Err(bytes) => record["base64"] = STANDARD.encode(bytes).into(),
        }
        if let Some(kind) = self.content_type {
            record["content_type"] = kind.as_str().into();
        }
        if let Some(source) = self.source {
            record["source_time"] = source.to_string().into();
        }
        call("POST", "/v1/records", Some(json!([record])), None, true)
    }
}

/// A call; `again` if a repetition is harmless.
pub(super) fn call(
    method: &str,
    path: &str,
    body: Option<Value>,
    key: Option<String>,
    again: bool,
) -> Ask {
    Ask::Call {
        call: Box::new(Call {
            id: 0,
            method: method.to_owned(),
            path: path.to_owned(),
            body,
            key,
        }),
        again,
    }
}
