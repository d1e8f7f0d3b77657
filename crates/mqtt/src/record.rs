//! The session's record, and how it and the notes are kept: as JSON.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use spica_model::{Timestamp, limits};
use spica_mqtt_proto::Version;

use crate::{InNote, OutNote, Uid, Will};

/// `session`: what of a session changes rarely. Durable before CONNACK, SUBACK and UNSUBACK of a
/// session that outlives its connection, and written again when the connection ends.
///
/// Bounded by the size of a record: a subscription that does not fit is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRecord {
    /// Which session of this client id: its notes carry the same.
    pub uid: Uid,
    /// The client's id.
    pub client_id: String,
    /// Who it is; none without authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When the session was created: RFC 3339, as all times here.
    #[serde(with = "time")]
    pub created: Timestamp,
    /// What the client spoke last: the protocol level 3, 4 or 5.
    #[serde(with = "level")]
    pub version: Version,
    /// Seconds that the session outlives its connection; 4,294,967,295 is for ever.
    pub expiry_secs: u32,
    /// Whether a connection was there when this was written.
    pub is_connected: bool,
    /// Since when it is so.
    #[serde(with = "time")]
    pub since: Timestamp,
    /// What is published when the client is lost; none as well once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub will: Option<Will>,
    /// What the client subscribes to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<SubscriptionRecord>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionRecord {
    /// The filter, as the client named it; a shared one with its `$share/<group>/`.
    pub filter: String,
    /// Quality of service and options as the byte of MQTT 5.
    pub options: u8,
    /// The subscription identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// It counts for records of the critical lane after this one.
    pub critical: u64,
    /// The same of the normal lane.
    pub normal: u64,
}

/// What cannot be kept, or was kept and cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It does not fit into a record.
    #[error("a session's record of {bytes} bytes: a record holds {limit} at most")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// What a record holds.
        limit: usize,
    },
    /// It is not what this version writes.
    #[error(
        "a session's record cannot be read: {0}. The session is lost to its client, which may have \
         to subscribe again. Was it written by a newer version?"
    )]
    Unreadable(
        /// What is wrong, and where.
        #[from]
        serde_json::Error,
    ),
}

/// Reading and writing of what is kept.
macro_rules! kept {
    ($($kind:ident)*) => {$(
        impl $kind {
            /// The payload of its record: JSON.
            ///
            /// # Errors
            /// If it is larger than a record may be.
            pub fn to_json(&self) -> Result<Vec<u8>, RecordError> {
                write(self)
            }

            /// From the payload of its record.
            ///
            /// # Errors
            /// If it is not what [`Self::to_json`] writes.
            pub fn of_json(payload: &[u8]) -> Result<Self, RecordError> {
                read(payload)
            }
        }
    )*};
}

kept!(SessionRecord InNote OutNote);

fn write(kept: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    let json = serde_json::to_vec(kept)?;
    within(json.len())?;
    Ok(json)
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, RecordError> {
    within(payload.len())?;
    Ok(serde_json::from_slice(payload)?)
}

const fn within(bytes: usize) -> Result<(), RecordError> {
    let limit = limits::PAYLOAD_BYTES;
    if bytes > limit {
        return Err(RecordError::TooLarge { bytes, limit });
    }
    Ok(())
}

mod time {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use spica_model::Timestamp;

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

mod level {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use spica_mqtt_proto::Version;

    pub(super) fn serialize<S: Serializer>(version: &Version, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(*version as u8)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Version, D::Error> {
        let level = u8::deserialize(from)?;
        let mut versions = Version::ALL.into_iter();
        let version = versions.find(|version| *version as u8 == level);
        version.ok_or_else(|| D::Error::custom("a protocol level is 3, 4 or 5"))
    }
}

pub(crate) mod qos_number {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use spica_mqtt_proto::QoS;

    pub(crate) fn serialize<S: Serializer>(qos: &QoS, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(*qos as u8)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<QoS, D::Error> {
        u8::deserialize(from)?.try_into().map_err(D::Error::custom)
    }
}

pub(crate) mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        Ok(bytes.into())
    }

    /// The same where there may be none.
    pub(crate) mod option {
        use bytes::Bytes;
        use serde::{Deserialize, Deserializer, Serializer};

        #[derive(Deserialize)]
        struct Wrapped(#[serde(with = "super")] Bytes);

        pub(crate) fn serialize<S: Serializer>(
            bytes: &Option<Bytes>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match bytes {
                Some(bytes) => super::serialize(bytes, to),
                None => to.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Bytes>, D::Error> {
            let wrapped = Option::<Wrapped>::deserialize(from)?;
            Ok(wrapped.map(|Wrapped(bytes)| bytes))
        }
    }
}

#[cfg(test)]
mod tests;
