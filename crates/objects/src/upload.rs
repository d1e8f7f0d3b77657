//! One picture on its way in.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use spica_model::ContentType;

use crate::off_workers::off_workers;
use crate::{Address, BlockError, FinishError, Limits, PictureStore, ResumeError};

/// Most blocks of a picture: their numbers are 16 bits wide.
const BLOCKS: u32 = 1 << 16;
/// How every JPEG file begins.
const JPEG_MAGIC: [u8; 3] = [0xff, 0xd8, 0xff];

/// What a device says of a picture before its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The device's number for it.
    pub picture: u32,
    /// Its size in bytes, not 0.
    pub size: u32,
    /// The bytes of each of its blocks but the last, not 0.
    pub block_bytes: u16,
    /// CRC-32 (IEEE) of the whole.
    pub crc32: u32,
}

impl Header {
    /// How many blocks it has.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.size.div_ceil(u32::from(self.block_bytes).max(1))
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), ResumeError> {
        if self.size > limits.picture_bytes {
            return Err(ResumeError::TooLarge {
                bytes: self.size,
                limit: limits.picture_bytes,
            });
        }
        if self.size == 0 || self.block_bytes == 0 || self.blocks() > BLOCKS {
            return Err(ResumeError::Header {
                bytes: self.size,
                block_bytes: self.block_bytes,
            });
        }
        Ok(())
    }

    /// Where `block` begins.
    fn offset(&self, block: u32) -> u64 {
        u64::from(block) * u64::from(self.block_bytes)
    }

    /// How many bytes `block` has.
    fn bytes_of(&self, block: u32) -> usize {
        let rest = u64::from(self.size).saturating_sub(self.offset(block));
        // At most a block's size, which is a u16.
        rest.min(u64::from(self.block_bytes)) as usize
    }
}

/// A stored picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where; it also is its SHA-256.
    pub address: Address,
    /// Its size in bytes.
    pub size: u32,
    /// What it looks like by its first bytes: JPEG, or just bytes.
    pub content_type: ContentType,
}

/// A picture that is being taken, block by block. Dropped unfinished, its part stays, and
/// [`PictureStore::resume`] goes on with it; without a block, nothing stays. Two uploads of one picture do each other no harm: the
/// blocks of both are the same bytes at the same places, or the CRC-32 tells.
#[derive(Debug)]
pub struct Upload {
    pub(crate) store: PictureStore,
    pub(crate) part: String,
    pub(crate) file: Arc<File>,
    pub(crate) header: Header,
    pub(crate) next_block: u32,
}

impl Upload {
    /// The block that is missing next; none when the picture is whole.
    #[must_use]
    pub fn next_block(&self) -> Option<u16> {
        // Below `BLOCKS` it is a u16.
        (self.next_block < self.header.blocks()).then_some(self.next_block as u16)
    }

    /// How many blocks are there, from the first on.
    #[must_use]
    pub const fn blocks(&self) -> u32 {
        self.next_block
    }

    /// Takes the block that is next.
    ///
    /// # Errors
    /// If it is another block or has not the length of that block, or the disk fails. The upload
    /// can go on then.
    pub async fn put_block(&mut self, block: u16, bytes: Bytes) -> Result<(), BlockError> {
        if Some(block) != self.next_block() {
            return Err(BlockError::Order {
                got: block,
                want: self.next_block,
            });
        }
        let want = self.header.bytes_of(self.next_block);
        if bytes.len() != want {
            return Err(BlockError::Length {
                got: bytes.len(),
                want,
            });
        }
        let (file, offset) = (Arc::clone(&self.file), self.header.offset(self.next_block));
        off_workers(move || file.write_all_at(&bytes, offset)).await?;
        self.next_block += 1;
        Ok(())
    }

    /// Stores the whole picture. When this returns it survives a power cut, and whoever else must
    /// have it [has it too](crate::Share); its part is gone.
    ///
    /// # Errors
    /// If blocks are missing, or the disk or the store fails: the part stays. If the CRC-32 is
    /// wrong: the part is removed, the next upload starts at the first block.
    pub async fn finish(self) -> Result<Stored, FinishError> {
        if self.next_block().is_some() {
            return Err(FinishError::Incomplete(self.next_block));
        }
        // Whole pictures are in memory only here: few at a time.
        let permit = self.store.finishing().await;
        let (file, header) = (Arc::clone(&self.file), self.header);
        let (content, sha256, crc32) = off_workers(move || read(&file, header)).await?;
        if crc32 != header.crc32 {
            self.remove_part().await?;
            return Err(FinishError::Crc {
                got: crc32,
                want: header.crc32,
            });
        }
        let stored = Stored {
            address: Address::of(&sha256),
            size: header.size,
            content_type: content_type(&content),
        };
        self.store.put(&stored.address, content).await?;
        drop(permit);
        // The part stays until then: whoever is interrupted here goes on without a single block.
        self.store.shared(&stored.address).await;
        self.remove_part().await?;
        Ok(stored)
    }

    /// Throws the blocks away: the device does not have the picture any more.
    ///
    /// # Errors
    /// If the disk fails; the part then goes by [`PictureStore::sweep`].
    pub async fn abandon(self) -> io::Result<()> {
        self.remove_part().await
    }

    async fn remove_part(&self) -> io::Result<()> {
        let (store, part) = (self.store.clone(), self.part.clone());
        off_workers(move || store.incoming().remove_part(&part)).await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.next_block == 0 {
            // A header alone must not take room for days. If the disk fails, it does until a sweep.
            let _ = self.store.incoming().remove_if_empty(&self.part);
        }
    }
}

/// The content of a part, its SHA-256 and its CRC-32.
fn read(file: &File, header: Header) -> io::Result<(Bytes, [u8; 32], u32)> {
    // A u32 fits into a usize wherever this runs.
    let mut content = vec![0; header.size as usize];
    file.read_exact_at(&mut content, 0)?;
    let sha256 = Sha256::digest(&content).into();
    let crc32 = crc32fast::hash(&content);
    Ok((content.into(), sha256, crc32))
}

fn content_type(content: &[u8]) -> ContentType {
    if content.starts_with(&JPEG_MAGIC) {
        ContentType::Jpeg
    } else {
        ContentType::Bytes
    }
}
