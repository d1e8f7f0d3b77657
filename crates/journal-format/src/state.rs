//! The file `state` of a lane: cursors, and how far the lane surely was.
//!
//! It has two slots that are overwritten in turn, each with a generation and a checksum, so that a
//! write that is torn leaves the other one good; no space is needed to write it on a full disk.

use spica_model::{Epoch, Seq};

use crate::fields::{Fields, PutFields, checked, put_checksum};
use crate::{FormatError, VERSION};

const MAGIC: [u8; 8] = *b"SPICASTA";

/// A named consumer and the last record it has done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorEntry {
    /// The consumer.
    pub name: String,
    /// The last record it has done with.
    pub seq: Seq,
}

/// What a lane knows beside its segments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Counts the writes; the slot with the higher one holds.
    pub generation: u64,
    /// A record that was durable when this was written.
    pub durable: Seq,
    /// The oldest segment that retention has left.
    pub first_segment: u64,
    /// The first record of that segment.
    pub first: Seq,
    /// Which epochs began at which record, oldest first.
    pub reigns: Vec<(Epoch, Seq)>,
    /// The cursors of the lane.
    pub cursors: Vec<CursorEntry>,
}

/// A slot of the file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateSlot {
    /// Only zeros.
    Blank,
    /// As it was written.
    Good(State),
    /// Torn in a crash, or damaged since.
    Damaged,
}

impl State {
    /// Bytes of a slot; the file has two.
    pub const SLOT_BYTES: usize = 32 * 1_024;
    /// The most cursors of a lane.
    pub const CURSORS_MAX: usize = 256;
    /// The most epochs of which the beginning is remembered.
    pub const REIGNS_MAX: usize = 256;

    /// Where in the file this generation is written.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        (self.generation % 2) * Self::SLOT_BYTES as u64
    }

    /// The bytes of this state, at most [`State::SLOT_BYTES`]: the newest [`State::REIGNS_MAX`] reigns
    /// and the first [`State::CURSORS_MAX`] cursors of it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let reigns = &self.reigns[self.reigns.len().saturating_sub(Self::REIGNS_MAX)..];
        let cursors = &self.cursors[..self.cursors.len().min(Self::CURSORS_MAX)];
        let mut body = Vec::new();
        body.put_u64(self.generation)
            .put_u64(self.durable.0)
            .put_u64(self.first_segment)
            .put_u64(self.first.0)
            .put_u16(reigns.len() as u16)
            .put_u16(cursors.len() as u16);
        for (epoch, first) in reigns {
            body.put_u32(epoch.0).put_u64(first.0);
        }
        for cursor in cursors {
            body.put_short_text(&cursor.name).put_u64(cursor.seq.0);
        }
        let mut out = Vec::with_capacity(body.len() + 20);
        out.put(&MAGIC)
            .put_u16(VERSION)
            .put_u16(0)
            .put_u32(body.len() as u32)
            .put(&body);
        put_checksum(&mut out, 0);
        out
    }

    /// Reads one slot.
    ///
    /// # Errors
    /// [`FormatError::Newer`] if a later program wrote it.
    pub fn decode(slot: &[u8]) -> Result<StateSlot, FormatError> {
        if slot.iter().all(|byte| *byte == 0) {
            return Ok(StateSlot::Blank);
        }
        let Some(fields) = Self::framed(slot) else {
            return Ok(StateSlot::Damaged);
        };
        let mut fields = Fields::new(fields);
        match (fields.u16(), fields.slice(6)) {
            (Some(version), _) if version > VERSION => Err(FormatError::Newer { found: version }),
            (Some(_), Some(_)) => {
                Ok(Self::read(&mut fields).map_or(StateSlot::Damaged, StateSlot::Good))
            }
            _ => Ok(StateSlot::Damaged),
        }
    }

    /// What stands between the magic and the checksum, if both are right.
    fn framed(slot: &[u8]) -> Option<&[u8]> {
        let mut fields = Fields::new(slot);
        let magic = fields.array::<8>()?;
        fields.u32()?;
        let len = fields.u32()? as usize;
        let whole = checked(slot.get(..len.checked_add(20)?)?)?;
        (magic == MAGIC).then(|| whole.get(8..))?
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut state = Self {
            generation: fields.u64()?,
            durable: fields.seq()?,
            first_segment: fields.u64()?,
            first: fields.seq()?,
            ..Self::default()
        };
        let (reigns, cursors) = (fields.u16()?, fields.u16()?);
        for _ in 0..reigns {
            state.reigns.push((fields.epoch()?, fields.seq()?));
        }
        for _ in 0..cursors {
            let name = fields.short_text()?;
            state.cursors.push(CursorEntry {
                name,
                seq: fields.seq()?,
            });
        }
        Some(state)
    }
}
