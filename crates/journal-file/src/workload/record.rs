//! Numbers by chance, and records that follow from their numbers.

use spica_model::{Key, Record, Timestamp};

/// Numbers from a seed (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// A record as it was submitted; everything follows from the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) number: u64,
    pub(super) key: Option<u64>,
}

impl Placed {
    pub(super) fn payload(self) -> Vec<u8> {
        let mut random = Random(self.number);
        let len = random.below(300) as usize;
        let mut payload = self.number.to_le_bytes().to_vec();
        payload.extend((0..len).map(|_| random.next() as u8));
        payload
    }

    pub(super) fn key(self) -> Option<Key> {
        self.key
            .map(|key| Key::new(key.to_le_bytes().to_vec()).unwrap())
    }

    #[track_caller]
    pub(super) fn assert_is(self, record: &Record) {
        assert_eq!(record.payload, self.payload(), "{:?}", record.position);
        assert_eq!(record.key, self.key());
        assert_eq!(record.received, Timestamp::from_secs(self.number as u32));
    }
}
