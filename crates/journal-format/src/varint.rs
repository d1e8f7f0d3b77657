//! Whole numbers of variable length: seven bits a byte, the lowest first, the top bit says "more".

/// Longest varint of 64 bits.
pub(crate) const MAX: usize = 10;

/// How many bytes `value` takes.
pub(crate) const fn len(value: u64) -> usize {
    // Number of significant bits, at least one, in groups of seven.
    ((64 - (value | 1).leading_zeros()) as usize).div_ceil(7)
}

/// Writes `value` at the start of `out`, which has at least [`len`] bytes; returns how many.
pub(crate) fn put(out: &mut [u8], mut value: u64) -> usize {
    let mut at = 0;
    while value >= 0x80 {
        out[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = value as u8;
    at + 1
}

/// Reads a varint at the start of `bytes`: the value and how many bytes it took.
pub(crate) fn get(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(MAX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if at == MAX - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

/// Signed numbers near zero as small unsigned ones: 0, -1, 1, -2, …
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges_take_the_length_that_is_said() {
        for (value, want) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (16_383, 2),
            (16_384, 3),
            (u64::MAX, 10),
        ] {
            let mut out = [0; MAX];
            assert_eq!((put(&mut out, value), len(value)), (want, want), "{value}");
            assert_eq!(get(&out), Some((value, want)));
        }
    }

    #[test]
    fn unfinished_and_oversized_numbers_are_refused() {
        assert_eq!(get(&[]), None);
        assert_eq!(get(&[0x80, 0x80]), None);
        assert_eq!(get(&[0xff; 11]), None);
        assert_eq!(
            get(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]),
            None
        );
    }

    proptest! {
        #[test]
        fn every_number_reads_back(value: u64, signed: i64) {
            let mut out = [0; MAX];
            let written = put(&mut out, value);
            prop_assert_eq!(written, len(value));
            prop_assert_eq!(get(&out[..written]), Some((value, written)));
            prop_assert_eq!(unzigzag(zigzag(signed)), signed);
        }
    }
}
