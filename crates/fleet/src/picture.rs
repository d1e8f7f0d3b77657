//! Pictures: small real JPEG files that follow from a seed.
//!
//! A grey mosaic of 8 × 8 tiles, blown up to the wanted size by comment segments, so that any
//! viewer shows it and every byte of it is fixed by seed and size.

use sha2::{Digest, Sha256};

use crate::rng::Rng;

/// Tiles along each side.
const TILES: u8 = 8;
/// The most a comment segment holds.
const COMMENT_MAX: usize = 65_533;
/// The shortest picture: one without comments.
pub const SIZE_MIN: u32 = 320;

/// A picture in a device's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its number on the device.
    pub number: u32,
    /// When it was taken, in Unix seconds.
    pub time: u32,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Picture {
    /// The CRC-32 (IEEE) of the file.
    #[must_use]
    pub fn crc32(&self) -> u32 {
        crc32fast::hash(&self.bytes)
    }

    /// The SHA-256 of the file, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(&self.bytes)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    crate::event::hex(&Sha256::digest(bytes))
}

/// A JPEG file of about `size` bytes (exactly, from [`SIZE_MIN`] + 4 on).
#[must_use]
pub fn jpeg(seed: u64, size: u32) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let image = image(&mut rng);
    let mut out = vec![0xff, 0xd8];
    let mut missing = (size as usize).saturating_sub(out.len() + image.len());
    while missing >= 4 {
        // Never leave a rest that is too short for a segment of its own.
        let mut len = (missing - 4).min(COMMENT_MAX);
        if (1..4).contains(&(missing - 4 - len)) {
            len -= 4;
        }
        segment(&mut out, 0xfe, &rng.bytes(len));
        missing -= len + 4;
    }
    out.extend_from_slice(&image);
    out
}

fn segment(out: &mut Vec<u8>, marker: u8, data: &[u8]) {
    out.extend_from_slice(&[0xff, marker]);
    // At most COMMENT_MAX + 2, which is all 16 bits can say.
    out.extend_from_slice(&((data.len() + 2) as u16).to_be_bytes());
    out.extend_from_slice(data);
}

/// Everything from the quantisation table to the end of the image; always the same length.
fn image(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    segment(&mut out, 0xdb, &[&[0][..], &[16; 64]].concat());
    let side = TILES * 8;
    segment(&mut out, 0xc0, &[8, 0, side, 0, side, 1, 1, 0x11, 0]);
    // Brightness: one code, `0`, for steps of seven bits; texture: one code, `0`, for "no more".
    segment(&mut out, 0xc4, &[&[0x00, 1][..], &[0; 15], &[7]].concat());
    segment(&mut out, 0xc4, &[&[0x10, 1][..], &[0; 15], &[0]].concat());
    segment(&mut out, 0xda, &[1, 1, 0, 0, 63, 0]);
    tiles(rng, &mut out);
    // Fixed length whatever the tiles needed: fill bytes may stand before a marker.
    out.resize(SIZE_MIN as usize - 4, 0xff);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// Per tile a step up or down of 64 to 71 and the end of its block: `0`, seven bits, `0`.
fn tiles(rng: &mut Rng, out: &mut Vec<u8>) {
    let (mut bits, mut count, mut level) = (0_u32, 0_u32, 0_i32);
    for _ in 0..u32::from(TILES) * u32::from(TILES) {
        let step = 64 + rng.below(8) as i32;
        let up = if level.abs() < 64 {
            rng.chance(0.5)
        } else {
            level < 0
        };
        level += if up { step } else { -step };
        // A negative step is written as its one's complement.
        let code = if up { step } else { 127 - step } as u32;
        bits = (bits << 9) | (code << 1);
        count += 9;
        while count >= 8 {
            count -= 8;
            put(out, (bits >> count) as u8);
        }
    }
    if count > 0 {
        put(
            out,
            ((bits << (8 - count)) | ((1 << (8 - count)) - 1)) as u8,
        );
    }
}

/// Within the image data a byte `ff` is followed by a zero.
fn put(out: &mut Vec<u8>, byte: u8) {
    out.push(byte);
    if byte == 0xff {
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_follow_from_seed_and_size() {
        assert_eq!(jpeg(5, 4_000), jpeg(5, 4_000));
        assert_ne!(jpeg(5, 4_000), jpeg(6, 4_000));
        for size in [
            SIZE_MIN,
            SIZE_MIN + 4,
            1_000,
            65_536,
            65_858,
            65_860,
            131_500,
            200_001,
        ] {
            assert_eq!(jpeg(1, size).len(), size as usize, "{size}");
        }
        assert_eq!(jpeg(1, 0).len(), SIZE_MIN as usize);
    }

    /// Walks the segments as a viewer would.
    #[test]
    fn a_picture_is_a_well_formed_file() {
        for seed in 0..50 {
            let file = jpeg(seed, 70_000);
            let mut at = 2;
            let mut markers = Vec::new();
            while file[at + 1] != 0xda {
                assert_eq!(file[at], 0xff);
                markers.push(file[at + 1]);
                at += 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            }
            assert_eq!(markers, [0xfe, 0xfe, 0xdb, 0xc0, 0xc4, 0xc4]);
            let scan = &file[at + 10..file.len() - 2];
            let data = &scan[..scan.iter().rposition(|b| *b != 0xff).unwrap() + 1];
            assert!(data.len() >= 72 && data.windows(2).all(|w| w[0] != 0xff || w[1] == 0));
            assert_eq!(file[file.len() - 2..], [0xff, 0xd9]);
        }
    }
}
