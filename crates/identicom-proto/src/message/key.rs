//! Idempotency keys: what makes two deliveries the same fact.

use super::{Identity, LogEntry, PictureHeader};

/// Bytes of the key of a log entry.
pub const ENTRY_KEY_BYTES: usize = 20;
/// Bytes of the key of a picture.
pub const PICTURE_KEY_BYTES: usize = 23;

/// The key of a log entry: serial number, index, time and event. Entries that a device delivers
/// again, at any station, have the same key.
#[must_use]
pub fn entry_key(device: &Identity, entry: &LogEntry<'_>) -> [u8; ENTRY_KEY_BYTES] {
    let mut key = [0; ENTRY_KEY_BYTES];
    fill(
        &mut key,
        &[
            b"e",
            device.serial_bytes(),
            &entry.index.to_be_bytes(),
            &entry.time.to_be_bytes(),
            &[entry.event],
        ],
    );
    key
}

/// The key of a picture: serial number, picture number, time and CRC-32.
#[must_use]
pub fn picture_key(device: &Identity, header: &PictureHeader) -> [u8; PICTURE_KEY_BYTES] {
    let mut key = [0; PICTURE_KEY_BYTES];
    fill(
        &mut key,
        &[
            b"p",
            device.serial_bytes(),
            &header.picture.to_be_bytes(),
            &header.time.to_be_bytes(),
            &header.crc32.to_be_bytes(),
        ],
    );
    key
}

fn fill(mut key: &mut [u8], parts: &[&[u8]]) {
    for part in parts {
        let (head, rest) = key.split_at_mut(part.len());
        head.copy_from_slice(part);
        key = rest;
    }
    debug_assert!(key.is_empty(), "the parts fill the key");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_in_each_part_and_only_there() {
        let device = Identity::new("1", "a").unwrap();
        let entry = LogEntry {
            index: 1,
            time: 2,
            event: 3,
            detail: b"x",
        };
        let key = entry_key(&device, &entry);
        assert_eq!(key, *b"e1\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x02\x03");
        let newer = Identity::new("1", "b").unwrap();
        assert_eq!(
            entry_key(
                &newer,
                &LogEntry {
                    detail: b"",
                    ..entry
                }
            ),
            key
        );
        let other = Identity::new("2", "a").unwrap();
        for different in [
            entry_key(&other, &entry),
            entry_key(&device, &LogEntry { index: 2, ..entry }),
            entry_key(&device, &LogEntry { time: 3, ..entry }),
            entry_key(&device, &LogEntry { event: 4, ..entry }),
        ] {
            assert_ne!(different, key);
        }
        let header = PictureHeader {
            picture: 1,
            size: 9,
            block_size: 9,
            time: 2,
            crc32: 3,
        };
        assert_eq!(
            picture_key(&device, &header),
            *b"p1\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03"
        );
    }
}
