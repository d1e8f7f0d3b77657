//! What the authority has issued: `index.json`.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use spica_model::{Timestamp, Topic};

use super::error::{OpenError, SaveError};
use super::serial::Serial;
use crate::files::{self, INDEX};
use crate::identity::{NodeIdentity, Side};

/// The form of the file.
const VERSION: u32 = 1;

/// Certificates that an authority issues in its life, and revokes. Past it, make another authority.
pub const MAX_ISSUED: usize = 20_000;

/// Bytes of the file, generously: an entry with the longest path has about 2,500.
const LIMIT: u64 = 64 << 20;

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its serial number.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub serial: Serial,
    /// The path of its node.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub node: Topic,
    /// The side of its node in a pair.
    pub side: Option<Side>,
    /// When it was issued.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub issued: Timestamp,
    /// Until when it is valid.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub not_after: Timestamp,
    /// When it was revoked.
    #[serde(serialize_with = "write_some", deserialize_with = "read_some")]
    pub revoked: Option<Timestamp>,
}

impl Entry {
    /// The node that it names.
    #[must_use]
    pub fn identity(&self) -> NodeIdentity {
        NodeIdentity {
            node: self.node.clone(),
            side: self.side,
        }
    }

    /// `valid`, `expired` or `revoked` at a time.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> &'static str {
        match self.revoked {
            Some(_) => "revoked",
            None if self.not_after < now => "expired",
            None => "valid",
        }
    }
}

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    version: u32,
    /// Number of the list of revoked certificates that belongs to this index.
    pub(super) crl_number: u64,
    pub(super) issued: Vec<Entry>,
}

impl Index {
    pub(super) const fn new() -> Self {
        Self {
            version: VERSION,
            crl_number: 1,
            issued: Vec::new(),
        }
    }

    pub(super) fn read(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(INDEX);
        let bytes = files::read(&path, LIMIT)?;
        let wrong = |detail: String| OpenError::Content {
            path: path.clone(),
            detail,
        };
        let index: Self =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if index.version != VERSION {
            let version = index.version;
            return Err(wrong(format!("its version is {version}, not {VERSION}")));
        }
        Ok(index)
    }

    pub(super) fn save(&self, dir: &Path) -> Result<(), SaveError> {
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(|error| SaveError::Made(error.to_string()))?;
        bytes.push(b'\n');
        Ok(files::replace(dir, INDEX, &bytes, files::PRIVATE)?)
    }
}

fn write<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn read<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    String::deserialize(from)?
        .parse()
        .map_err(de::Error::custom)
}

#[expect(clippy::ref_option, reason = "serde passes the field")]
fn write_some<T: Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

fn read_some<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    text.map(|text| text.parse().map_err(de::Error::custom))
        .transpose()
}
