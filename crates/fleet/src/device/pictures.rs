//! Pictures on the wire.

use super::{BLOCK_BYTES, Device};
use crate::wire::{self, kind};

impl Device {
    pub(super) fn picture_header(&self, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(18);
        let Some(picture) = self.pictures.front() else {
            return wire::encode(kind::PICTURE_HEADER, &[0; 18], out);
        };
        let size = u32::try_from(picture.bytes.len()).unwrap_or(u32::MAX);
        data.extend_from_slice(&picture.number.to_le_bytes());
        data.extend_from_slice(&size.to_le_bytes());
        data.extend_from_slice(&(BLOCK_BYTES as u16).to_le_bytes());
        data.extend_from_slice(&picture.time.to_le_bytes());
        data.extend_from_slice(&picture.crc32().to_le_bytes());
        wire::encode(kind::PICTURE_HEADER, &data, out);
    }

    pub(super) fn picture_block(&self, number: u32, block: u16, out: &mut Vec<u8>) {
        let picture = self
            .pictures
            .iter()
            .find(|picture| picture.number == number);
        let bytes = picture.and_then(|p| p.bytes.chunks(BLOCK_BYTES).nth(usize::from(block)));
        let Some(bytes) = bytes else {
            return picture_error(number, out);
        };
        let data = [&number.to_le_bytes()[..], &block.to_le_bytes(), bytes].concat();
        wire::encode(kind::BLOCK, &data, out);
    }

    pub(super) fn delete_picture(&mut self, number: u32, out: &mut Vec<u8>) {
        // A repeated delete is confirmed again: the first confirmation may have been lost.
        let Some(shot) = self
            .books
            .pictures
            .iter_mut()
            .find(|shot| shot.number == number)
        else {
            return picture_error(number, out);
        };
        shot.told = true;
        self.pictures.retain(|picture| picture.number != number);
        wire::encode(kind::PICTURE_DELETED, &number.to_le_bytes(), out);
    }
}

fn picture_error(number: u32, out: &mut Vec<u8>) {
    let [a, b, c, d] = number.to_le_bytes();
    wire::encode(kind::PICTURE_ERROR, &[a, b, c, d, 1], out);
}
