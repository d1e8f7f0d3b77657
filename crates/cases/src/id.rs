//! The name of a case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a case: the reign in which it was raised and its number in it, as in `3-17`. Two
/// nodes that parted give no two cases the same name, since their reigns differ. Cases of one epoch
/// are ordered as they were raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct CaseId {
    /// The reign.
    pub epoch: u64,
    /// The number within the reign; the first is 1.
    pub number: u64,
}

/// A text that names no case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a case is named by its epoch and its number in it, such as 3-17")]
pub struct ParseCaseIdError;

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

impl FromStr for CaseId {
    type Err = ParseCaseIdError;

    /// Reads a name in its one spelling: `03-17` and `+3-17` name nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, number) = text.split_once('-').ok_or(ParseCaseIdError)?;
        Ok(Self {
            epoch: plain(epoch)?,
            number: plain(number)?,
        })
    }
}

fn plain(digits: &str) -> Result<u64, ParseCaseIdError> {
    let leading = digits.len() > 1 && digits.starts_with('0');
    if leading || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseCaseIdError);
    }
    digits.parse().map_err(|_| ParseCaseIdError)
}

impl Serialize for CaseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CaseId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_in_their_one_spelling() {
        let id = CaseId {
            epoch: 3,
            number: 17,
        };
        assert_eq!(id.to_string(), "3-17");
        assert_eq!("3-17".parse(), Ok(id));
        for bad in ["", "3", "3-", "-17", "03-17", "3-+17", "3-17-1", "x-1"] {
            assert_eq!(bad.parse::<CaseId>(), Err(ParseCaseIdError), "{bad:?}");
        }
        assert!(id < "3-18".parse().unwrap() && id < "10-1".parse().unwrap());
    }
}
