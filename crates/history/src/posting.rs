//! Postings: where in a lane the records of a topic stand, and when they were received. Pure.
//!
//! A block is a run of postings in the order of the lane: for each, as LEB128 numbers, how much
//! further than the one before it stands (for the first: than the place in the block's key), and how
//! much later it was received, in microseconds, with the sign in the lowest bit.

use spica_model::{Seq, Timestamp};

/// Most postings of a block.
pub(crate) const BLOCK_POSTINGS: usize = 128;

/// Where a record stands, and when it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Posting {
    pub(crate) seq: Seq,
    pub(crate) received: Timestamp,
}

/// The block of postings, of which the first stands in its key.
pub(crate) fn encode(postings: &[Posting]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(postings.len() * 5 + 8);
    let mut before = Posting {
        seq: postings.first().map_or(Seq::ZERO, |first| first.seq),
        received: Timestamp::EPOCH,
    };
    for posting in postings {
        put(&mut bytes, posting.seq.0.wrapping_sub(before.seq.0));
        let later = posting
            .received
            .as_micros()
            .wrapping_sub(before.received.as_micros());
        put(&mut bytes, ((later << 1) ^ (later >> 63)).cast_unsigned());
        before = *posting;
    }
    bytes
}

/// The postings of a block whose first one stands at `first`; as many as are sound.
pub(crate) fn decode(first: Seq, mut bytes: &[u8]) -> Vec<Posting> {
    let mut postings = Vec::with_capacity(BLOCK_POSTINGS);
    let (mut seq, mut received) = (first.0, 0i64);
    while !bytes.is_empty() {
        let (Some(further), Some(later)) = (take(&mut bytes), take(&mut bytes)) else {
            break;
        };
        seq = seq.wrapping_add(further);
        let later = (later >> 1).cast_signed() ^ -(later & 1).cast_signed();
        received = received.wrapping_add(later);
        postings.push(Posting {
            seq: Seq(seq),
            received: Timestamp::from_micros(received),
        });
    }
    postings
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(seq: u64, micros: i64) -> Posting {
        Posting {
            seq: Seq(seq),
            received: Timestamp::from_micros(micros),
        }
    }

    #[test]
    fn a_steady_topic_takes_few_bytes() {
        // One record a second among a hundred other topics.
        let postings: Vec<_> = (0..128)
            .map(|i| {
                posting(
                    1_000_000 + i * 100,
                    1_700_000_000_000_000 + i as i64 * 1_000_000,
                )
            })
            .collect();
        let bytes = encode(&postings);
        assert!(bytes.len() < 128 * 5, "{} bytes", bytes.len());
        assert_eq!(decode(Seq(1_000_000), &bytes), postings);
    }

    #[test]
    fn damaged_blocks_end_early() {
        let postings = [posting(5, 10), posting(6, 20)];
        let bytes = encode(&postings);
        assert_eq!(decode(Seq(5), &bytes[..bytes.len() - 1]), postings[..1]);
        assert!(decode(Seq(5), &[0xFF; 40]).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn blocks_read_back(steps in proptest::collection::vec((0u64..1 << 40, proptest::num::i64::ANY), 1..200)) {
            let mut seq = 0;
            let postings: Vec<_> = steps.into_iter().map(|(step, micros)| {
                seq += step + 1;
                posting(seq, micros)
            }).collect();
            proptest::prop_assert_eq!(decode(postings[0].seq, &encode(&postings)), postings);
        }
    }
}
