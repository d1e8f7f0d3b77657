//! The file `cut` of a lane: what is to be done to shorten it, written before any of it is done, so
//! that whoever comes after a crash can do the rest, or all of it again.

use crate::batch::BatchHeader;
use crate::fields::{Fields, PutFields, put_checksum, read_small_file};
use crate::{FormatError, State, StateSlot, VERSION};

const MAGIC: [u8; 8] = *b"SPICACUT";

/// What is to be done to shorten a lane. Each part can be done again without harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The state of the lane afterwards: its last record is `durable`. The generation counts for
    /// nothing.
    pub state: State,
    /// Where the lane ends afterwards; none if it is empty then. Segments behind it lose their
    /// names.
    pub end: Option<CutEnd>,
    /// Files that get another name: from, to.
    pub renames: Vec<(String, String)>,
}

/// The segment in which a lane ends after a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutEnd {
    /// Its number.
    pub segment: u64,
    /// Where the header of its last batch stands.
    pub offset: u64,
    /// The bytes of that header: those that are there, or those of a batch that ends earlier.
    pub header: [u8; BatchHeader::BYTES],
    /// Where its batches end: everything behind is zeroed.
    pub data_end: u64,
}

impl Cut {
    /// The bytes of the file: magic 8, version 2, reserved 1, whether there is an end 1; if so its
    /// segment 8, offset 8, end of data 8, header 44; length of the state 4, a slot of the file
    /// `state`; number of renames 4, per rename two texts with their lengths 1; checksum 4.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put(&MAGIC)
            .put_u16(VERSION)
            .put_u8(0)
            .put_u8(u8::from(self.end.is_some()));
        if let Some(end) = &self.end {
            out.put_u64(end.segment)
                .put_u64(end.offset)
                .put_u64(end.data_end)
                .put(&end.header);
        }
        let state = self.state.encode();
        out.put_u32(state.len() as u32)
            .put(&state)
            .put_u32(self.renames.len() as u32);
        for (from, to) in &self.renames {
            out.put_short_text(from).put_short_text(to);
        }
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
        fields.u8()?;
        let end = match fields.u8()? {
            0 => None,
            _ => Some(CutEnd::read(fields)?),
        };
        let state_bytes = fields.u32()? as usize;
        let StateSlot::Good(state) = State::decode(fields.slice(state_bytes)?).ok()? else {
            return None;
        };
        let count = fields.u32()?;
        let renames = (0..count).map(|_| Some((fields.short_text()?, fields.short_text()?)));
        let renames = renames.collect::<Option<_>>()?;
        Some(Self {
            state,
            end,
            renames,
        })
    }
}

impl CutEnd {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            segment: fields.u64()?,
            offset: fields.u64()?,
            data_end: fields.u64()?,
            header: fields.array()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_model::{Epoch, Seq};

    fn cut(end: Option<CutEnd>) -> Cut {
        let state = State {
            durable: Seq(7),
            reigns: vec![(Epoch(1), Seq(1))],
            ..State::default()
        };
        let renames = vec![("aside.new".into(), "aside-1-8-9".into())];
        Cut {
            state,
            end,
            renames,
        }
    }

    #[test]
    fn a_cut_reads_back() {
        let end = CutEnd {
            segment: 3,
            offset: 4_096,
            header: [7; BatchHeader::BYTES],
            data_end: 5_000,
        };
        for cut in [cut(None), cut(Some(end))] {
            assert_eq!(Cut::decode(&cut.encode()), Ok(cut));
        }
    }

    #[test]
    fn damage_and_later_versions_are_told_apart() {
        let good = cut(None).encode();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            let error = Cut::decode(&bytes).unwrap_err();
            assert!(matches!(error, FormatError::Damaged(_)), "{at}");
        }
        let mut later = good;
        later[8] = 99;
        later.truncate(later.len() - 4);
        put_checksum(&mut later, 0);
        assert_eq!(Cut::decode(&later), Err(FormatError::Newer { found: 99 }));
    }
}
