//! What of a session is durable while it runs: the notes beside its record.
//!
//! A note is a `state` record below the session's topic: the last one counts, and it says all there
//! is to say. Fields are only ever added; an unknown one is an error, so that a node does not act on
//! half of what a newer one wrote.

use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};

use serde::{Deserialize, Serialize};
use spica_model::Lane;

/// Which session, among all that this client id ever had: made by chance at its creation. A note
/// of another session than the record's is an old one and counts for nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Uid(pub [u8; 16]);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uid({self})")
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        uid.to_string()
    }
}

/// A text that is no uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a uid is 32 hexadecimal digits")]
pub struct NoUid;

impl TryFrom<String> for Uid {
    type Error = NoUid;

    fn try_from(text: String) -> Result<Self, NoUid> {
        let is_plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&text, 16).map_err(|_| NoUid)?;
        is_plain.then_some(Self(number.to_be_bytes())).ok_or(NoUid)
    }
}

/// `in-critical` and `in-normal`: the QoS 2 messages of the client that are open in a lane. Written
/// in the same submit as the messages, and after them.
///
/// Bounded by the limit of open ids: each is a number of at most five digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InNote {
    /// Which session.
    pub uid: Uid,
    /// QoS 2 messages that were taken in the lane since the session began. A message that comes
    /// again because it was stored and this note was not has the same number again, so the same key.
    pub n: u64,
    /// Packet ids that are taken and not released, in the order in which they were taken.
    pub open: Vec<NonZeroU16>,
}

/// How far a QoS 2 message to the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotedStage {
    /// It may be with the client.
    Sent,
    /// The client has it, and may have been told to forget its id.
    Released,
    /// The client has it and has forgotten its id.
    Done,
}

/// A QoS 2 message to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedId {
    /// Its packet id.
    pub id: NonZeroU16,
    /// How far it is.
    pub stage: NotedStage,
    /// The number of its record; none for one that is no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The record's lane.
    #[serde(with = "lane_name", default = "normal")]
    pub lane: Lane,
    /// For which the station delivers it beside the order of the lane, such as a shared
    /// subscription; the low-water place says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<NonZeroU32>,
}

/// `out`: what of the journal the client has.
///
/// Bounded by the limit of tracked messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutNote {
    /// Which session.
    pub uid: Uid,
    /// Everything up to this record of the critical lane is delivered.
    pub critical: u64,
    /// The same of the normal lane.
    pub normal: u64,
    /// The next packet id when the note was made.
    pub next_id: NonZeroU16,
    /// QoS 2 messages beyond those places, in the order in which they were first sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<NotedId>,
}

impl OutNote {
    /// For a session that has none yet: it counts from where its subscriptions begin.
    #[must_use]
    pub const fn first(uid: Uid, critical: u64, normal: u64) -> Self {
        Self {
            uid,
            critical,
            normal,
            next_id: NonZeroU16::MIN,
            ids: Vec::new(),
        }
    }
}

const fn normal() -> Lane {
    Lane::Normal
}

mod lane_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use spica_model::Lane;

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks for a reference"
    )]
    pub(super) fn serialize<S: Serializer>(lane: &Lane, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(lane.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Lane, D::Error> {
        let name = <std::borrow::Cow<'_, str>>::deserialize(from)?;
        name.parse()
            .map_err(|_| D::Error::custom("a lane is critical or normal"))
    }
}
