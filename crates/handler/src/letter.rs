//! The payloads of `<node>/handlers/<name>/dead/<lane>-<seq>` and `<node>/handlers/<name>/paused`.
//!
//! JSON; times are RFC 3339 in UTC. Fields that a reader does not know are ignored.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, Op, Position, Properties, Quality, Record, Seq, Timestamp,
    Topic,
};

/// Longest payload of a record that its dead letter holds; of a longer one it only says where in the
/// journal it is.
pub const PAYLOAD_BYTES_MAX: usize = 256 << 10;

/// The name of a dead letter: lane and number of its record, such as `normal-17`. Letters are in the
/// order of their names, critical lane first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LetterId {
    /// The lane.
    pub lane: Lane,
    /// The number in the lane.
    pub seq: Seq,
}

impl LetterId {
    /// The name of the letter of a record.
    #[must_use]
    pub const fn of(record: &Record) -> Self {
        let Position { lane, seq, .. } = record.position;
        Self { lane, seq }
    }

    const fn order(self) -> (usize, Seq) {
        (self.lane.index(), self.seq)
    }
}

impl PartialOrd for LetterId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LetterId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.lane, self.seq)
    }
}

/// A text or a payload that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: {detail}")]
pub struct LetterError {
    what: &'static str,
    detail: String,
}

impl LetterError {
    fn new(what: &'static str, detail: &dyn fmt::Display) -> Self {
        let detail = detail.to_string();
        Self { what, detail }
    }
}

impl FromStr for LetterId {
    type Err = LetterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (lane, seq) = text.split_once('-')?;
            Some(Self {
                lane: lane.parse().ok()?,
                seq: Seq(seq.parse().ok()?),
            })
        };
        let expected = || LetterError::new("the name of a dead letter", &"it looks like normal-17");
        parse().ok_or_else(expected)
    }
}

/// Who has paused a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct PauseJson {
    #[serde(default)]
    by: String,
    #[serde(default)]
    why: String,
    at: String,
}

impl Pause {
    /// The pause as JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        to_json(&PauseJson {
            by: self.by.clone(),
            why: self.why.clone(),
            at: self.at.to_string(),
        })
    }

    /// Reads a pause.
    ///
    /// # Errors
    /// If the bytes are no such JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, LetterError> {
        const WHAT: &str = "the pause of a handler";
        let json: PauseJson =
            serde_json::from_slice(payload).map_err(|error| LetterError::new(WHAT, &error))?;
        Ok(Self {
            at: parsed(WHAT, &json.at)?,
            by: json.by,
            why: json.why,
        })
    }
}

/// A record that a handler could not handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The record. Its payload is empty if it is longer than [`PAYLOAD_BYTES_MAX`].
    pub record: Record,
    /// How long the payload is.
    pub payload_bytes: usize,
    /// Why it could not be handled, the last time.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed: Timestamp,
    /// When it failed last.
    pub last_failed: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct LetterJson {
    position: String,
    topic: String,
    kind: String,
    op: String,
    quality: String,
    received: String,
    source_time: Option<String>,
    content_type: String,
    key: Option<String>,
    cause: Option<String>,
    #[serde(default)]
    properties: Option<String>,
    error: String,
    attempts: u32,
    first_failed: String,
    last_failed: String,
    payload: Option<String>,
    payload_bytes: usize,
}

const LETTER: &str = "a dead letter";

impl DeadLetter {
    /// The letter of a record that failed `attempts` times between the two times, the last time with
    /// `error`. A copy of an older record is kept as what it says.
    #[must_use]
    pub fn new(
        record: &Record,
        error: String,
        attempts: u32,
        [first_failed, last_failed]: [Timestamp; 2],
    ) -> Self {
        let mut kept = record.fact().into_owned();
        kept.position = record.position;
        let payload_bytes = kept.payload.len();
        if payload_bytes > PAYLOAD_BYTES_MAX {
            kept.payload = Bytes::new();
        }
        Self {
            record: kept,
            payload_bytes,
            error,
            attempts,
            first_failed,
            last_failed,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> LetterId {
        LetterId::of(&self.record)
    }

    /// Whether the payload is in it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.record.payload.len() == self.payload_bytes
    }

    /// The letter as JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = &self.record;
        to_json(&LetterJson {
            position: record.position.to_string(),
            topic: record.topic.to_string(),
            kind: record.kind.to_string(),
            op: record.op.to_string(),
            quality: record.quality.to_string(),
            received: record.received.to_string(),
            source_time: record.source_time.map(|time| time.to_string()),
            content_type: record.content_type.as_str().to_owned(),
            key: record
                .key
                .as_ref()
                .map(|key| STANDARD.encode(key.as_bytes())),
            cause: record.cause.as_ref().map(|cause| cause.as_str().to_owned()),
            properties: record
                .properties
                .as_ref()
                .map(|it| STANDARD.encode(it.as_bytes())),
            error: self.error.clone(),
            attempts: self.attempts,
            first_failed: self.first_failed.to_string(),
            last_failed: self.last_failed.to_string(),
            payload: self.is_whole().then(|| STANDARD.encode(&record.payload)),
            payload_bytes: self.payload_bytes,
        })
    }

    /// Reads a letter.
    ///
    /// # Errors
    /// If the bytes are no such JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, LetterError> {
        let json: LetterJson =
            serde_json::from_slice(payload).map_err(|error| LetterError::new(LETTER, &error))?;
        let base64 = |text: String| {
            let bytes = STANDARD.decode(text);
            bytes.map_err(|error| LetterError::new(LETTER, &error))
        };
        let wrong = |error: &dyn fmt::Display| LetterError::new(LETTER, error);
        let key = json.key.map(base64).transpose()?.map(Key::new).transpose();
        let cause = json.cause.map(Cause::new).transpose();
        let properties = json.properties.map(base64).transpose()?;
        let properties = properties.map(Properties::from_bytes).transpose();
        let record = Record {
            position: parsed(LETTER, &json.position)?,
            topic: parsed(LETTER, &json.topic)?,
            kind: parsed::<Kind>(LETTER, &json.kind)?,
            op: match json.op.as_str() {
                "delete" => Op::Delete,
                _ => Op::Put,
            },
            quality: parsed::<Quality>(LETTER, &json.quality)?,
            received: parsed(LETTER, &json.received)?,
            source_time: json
                .source_time
                .map(|time| parsed(LETTER, &time))
                .transpose()?,
            content_type: ContentType::parse(&json.content_type).map_err(|e| wrong(&e))?,
            payload: json
                .payload
                .map(base64)
                .transpose()?
                .unwrap_or_default()
                .into(),
            key: key.map_err(|e| wrong(&e))?,
            cause: cause.map_err(|e| wrong(&e))?,
            properties: properties.map_err(|e| wrong(&e))?,
        };
        Ok(Self {
            record,
            payload_bytes: json.payload_bytes,
            error: json.error,
            attempts: json.attempts,
            first_failed: parsed(LETTER, &json.first_failed)?,
            last_failed: parsed(LETTER, &json.last_failed)?,
        })
    }

    /// Where the letters of the handler `name` of `node` are: the topic above all of them.
    #[must_use]
    pub fn folder(node: &Topic, name: &str) -> String {
        format!("{node}/handlers/{name}/dead")
    }
}

fn parsed<T: FromStr<Err: fmt::Display>>(what: &'static str, text: &str) -> Result<T, LetterError> {
    text.parse().map_err(|error| LetterError::new(what, &error))
}

/// These have neither maps with other keys than text nor anything else that JSON cannot say.
fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_model::{Epoch, Property, Restated};

    fn record(payload: Bytes) -> Record {
        Record {
            position: "3/critical/17".parse().unwrap(),
            topic: Topic::new("root/plant/level").unwrap(),
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Uncertain,
            received: Timestamp::from_secs(100),
            source_time: Some(Timestamp::from_secs(99)),
            content_type: ContentType::parse("text/x-odd").unwrap(),
            payload,
            key: Some(Key::new(&b"\xff\0"[..]).unwrap()),
            cause: Some(Cause::new("operator:alice").unwrap()),
            properties: Properties::new([Property::Text]).unwrap(),
        }
    }

    fn letter(record: &Record) -> DeadLetter {
        let times = [101, 150].map(Timestamp::from_secs);
        DeadLetter::new(record, "no".into(), 8, times)
    }

    #[test]
    fn a_letter_reads_back_with_all_of_its_record() {
        let letter = letter(&record(Bytes::from_static(b"\x80payload")));
        let read = DeadLetter::decode(&letter.encode()).unwrap();
        assert_eq!(read, letter);
        assert_eq!(read.id().to_string(), "critical-17");
        assert_eq!("critical-17".parse(), Ok(read.id()));
        assert!(read.is_whole());
    }

    #[test]
    fn a_letter_leaves_out_what_is_longer_than_it_may_be() {
        for (bytes, is_whole) in [(PAYLOAD_BYTES_MAX, true), (PAYLOAD_BYTES_MAX + 1, false)] {
            let letter = letter(&record(vec![7; bytes].into()));
            let read = DeadLetter::decode(&letter.encode()).unwrap();
            assert_eq!(read.is_whole(), is_whole);
            assert_eq!(read.payload_bytes, bytes);
        }
    }

    #[test]
    fn the_letter_of_a_copy_says_what_the_copy_says_at_its_own_place() {
        let mut copy = record(Bytes::new());
        copy.op = Op::Restate(Restated {
            epoch: Epoch(1),
            seq: Seq(2),
            deletes: true,
        });
        let letter = letter(&copy);
        assert_eq!(letter.record.op, Op::Delete);
        assert_eq!(letter.id().seq, Seq(17));
        assert_eq!(DeadLetter::decode(&letter.encode()).unwrap(), letter);
    }

    #[test]
    fn a_pause_reads_back() {
        let pause = Pause {
            by: "operator:alice".into(),
            why: "disk".into(),
            at: Timestamp::from_secs(5),
        };
        assert_eq!(Pause::decode(&pause.encode()), Ok(pause));
        assert!(Pause::decode(b"{}").is_err());
    }

    #[test]
    fn letters_are_in_the_order_of_their_records_critical_first() {
        let id = |text: &str| text.parse::<LetterId>().unwrap();
        let mut ids = ["normal-2", "normal-10", "critical-30"].map(id);
        ids.sort();
        let texts = ids.map(|id| id.to_string());
        assert_eq!(texts, ["critical-30", "normal-2", "normal-10"]);
        for bad in ["", "normal", "urgent-1", "normal-x", "normal-1-2"] {
            assert!(bad.parse::<LetterId>().is_err(), "{bad}");
        }
    }
}
