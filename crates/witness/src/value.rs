//! What is recorded: one line of JSON that people can read and that betrays any damage.
//!
//! `{"pair":"root/s1","epoch":4,"crc32c":"8a4b1f02"}`

use serde::Deserialize;
use spica_model::Epoch;

use crate::name::PairName;

/// Longest value. A name may be escaped to thrice its length in a key, and six times in JSON.
pub(crate) const VALUE_BYTES: usize = 2_048;

/// Why bytes are not what a witness recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DamageError {
    /// Too many bytes.
    #[error("it has more than {VALUE_BYTES} bytes")]
    Long,
    /// Not the JSON of a witness.
    #[error("it is not written as a witness does: {0}")]
    Form(String),
    /// The checksum differs.
    #[error("its checksum does not fit")]
    Checksum,
    /// It is about another pair.
    #[error("it is about the pair {0:?}")]
    OtherPair(String),
    /// It is not there, although a newer one was.
    #[error("it is gone")]
    Gone,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    pair: String,
    epoch: u32,
    crc32c: String,
}

/// The value that records `epoch` for `pair`.
pub(crate) fn write(pair: &PairName, epoch: Epoch) -> Vec<u8> {
    let name = serde_json::Value::from(pair.as_str());
    let (epoch, crc32c) = (epoch.0, checksum(pair.as_str(), epoch.0));
    format!("{{\"pair\":{name},\"epoch\":{epoch},\"crc32c\":\"{crc32c}\"}}\n").into_bytes()
}

/// The epoch that a value records for `pair`.
pub(crate) fn read(pair: &PairName, bytes: &[u8]) -> Result<Epoch, DamageError> {
    if bytes.len() > VALUE_BYTES {
        return Err(DamageError::Long);
    }
    let line: Line =
        serde_json::from_slice(bytes).map_err(|error| DamageError::Form(error.to_string()))?;
    if line.crc32c != checksum(&line.pair, line.epoch) {
        return Err(DamageError::Checksum);
    }
    if line.pair != pair.as_str() {
        return Err(DamageError::OtherPair(line.pair));
    }
    Ok(Epoch(line.epoch))
}

fn checksum(pair: &str, epoch: u32) -> String {
    format!(
        "{:08x}",
        crc32c::crc32c(format!("{epoch} {pair}").as_bytes())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> PairName {
        PairName::new("root/s1").unwrap()
    }

    #[test]
    fn no_flipped_bit_is_taken_for_an_epoch() {
        let whole = write(&pair(), Epoch(4));
        assert_eq!(read(&pair(), &whole), Ok(Epoch(4)));
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Only white space behind the object may change without a change of meaning.
            if let Ok(epoch) = read(&pair(), &flipped) {
                assert_eq!((epoch, bit / 8), (Epoch(4), whole.len() - 1));
            }
        }
        for end in 0..whole.len() - 1 {
            assert!(read(&pair(), &whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn another_pairs_value_and_one_over_the_limit_are_damage() {
        let other = PairName::new("root/s2").unwrap();
        let error = read(&pair(), &write(&other, Epoch(4))).unwrap_err();
        assert_eq!(error, DamageError::OtherPair("root/s2".to_owned()));
        let mut long = write(&pair(), Epoch(4));
        long.resize(VALUE_BYTES, b' ');
        assert_eq!(read(&pair(), &long), Ok(Epoch(4)));
        long.push(b' ');
        assert_eq!(read(&pair(), &long), Err(DamageError::Long));
        let longest = PairName::new(&"x".repeat(crate::name::KEY_BYTES)).unwrap();
        assert!(write(&longest, Epoch(u32::MAX)).len() <= VALUE_BYTES);
    }
}
