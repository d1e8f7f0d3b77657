//! The file `meta` of a lane: what the whole journal has in common. Both lanes hold a copy.

use spica_model::{Epoch, Timestamp};

use crate::fields::{Fields, PutFields, put_checksum, read_small_file};
use crate::secret::Secret;
use crate::{FormatError, VERSION};

const MAGIC: [u8; 8] = *b"SPICAMET";

/// What the whole journal has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// The secret of the journal.
    pub secret: Secret,
    /// The newest epoch in which it may have placed records.
    pub epoch: Epoch,
    /// When it was created.
    pub created: Timestamp,
}

impl Meta {
    /// The bytes of the file: magic 8, version 2, reserved 2, epoch 4, secret 16, created 8,
    /// checksum 4.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(44);
        out.put(&MAGIC)
            .put_u16(VERSION)
            .put_u16(0)
            .put_u32(self.epoch.0)
            .put(&self.secret.0)
            .put_time(self.created);
        put_checksum(&mut out, 0);
        out
    }

    /// Reads the file.
    ///
    /// # Errors
    /// If it is damaged, or a later program wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        read_small_file(bytes, MAGIC, Self::read)
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.u16()?;
        Some(Self {
            epoch: fields.epoch()?,
            secret: Secret(fields.array()?),
            created: fields.time()?,
        })
    }
}
