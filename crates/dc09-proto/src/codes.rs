//! From a condition's name to what monitoring stations know: a table that each customer may change.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::serde_as_text;

/// Most conditions that a customer's table may set.
pub const MAX_CONDITIONS: usize = 256;
/// The highest zone that Contact ID can say.
pub const MAX_ZONE: u16 = 999;

/// An event in the codes of DC-03: two capital letters, such as `MA`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SiaCode([u8; 2]);

/// An event in Contact ID (DC-05): three hexadecimal digits, such as `100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct CidCode([u8; 3]);

/// A text that is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseCodeError {
    /// No code of DC-03.
    #[error("a SIA code (DC-03) is two capital letters, such as \"MA\"")]
    Sia,
    /// No code of Contact ID.
    #[error("a Contact ID code (DC-05) is three of 0-9 and A-F, such as \"100\"")]
    Cid,
}

impl SiaCode {
    /// Takes two letters as a code. None unless both are capital.
    #[must_use]
    pub const fn new(letters: [u8; 2]) -> Option<Self> {
        if letters[0].is_ascii_uppercase() && letters[1].is_ascii_uppercase() {
            Some(Self(letters))
        } else {
            None
        }
    }
}

impl CidCode {
    /// Takes three digits as a code. None unless each is one of `0-9` and `A-F`.
    #[must_use]
    pub fn new(digits: [u8; 3]) -> Option<Self> {
        let is_digit = |digit: &u8| digit.is_ascii_hexdigit() && !digit.is_ascii_lowercase();
        digits.iter().all(is_digit).then_some(Self(digits))
    }
}

impl FromStr for SiaCode {
    type Err = ParseCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters = text.as_bytes().try_into().ok().and_then(Self::new);
        letters.ok_or(ParseCodeError::Sia)
    }
}

impl FromStr for CidCode {
    type Err = ParseCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes().try_into().ok().and_then(Self::new);
        digits.ok_or(ParseCodeError::Cid)
    }
}

impl fmt::Display for SiaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl fmt::Display for CidCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

serde_as_text!(SiaCode, ParseCodeError);
serde_as_text!(CidCode, ParseCodeError);

/// What one condition is called in the two kinds of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Dc09Code")]
pub struct Code {
    /// The SIA code (DC-03) when it begins or still stands: two capital letters.
    pub sia: SiaCode,
    /// The SIA code when it is over.
    pub sia_restore: SiaCode,
    /// The Contact ID code (DC-05): three digits. That it begins, stands or is over is said by the
    /// digit before it.
    pub cid: CidCode,
    /// The zone, 0 to 999, for alarms that have none of their own: what tells conditions with the
    /// same codes apart.
    pub zone: u16,
}

impl Code {
    const fn built_in(sia: &[u8; 2], sia_restore: &[u8; 2], cid: &[u8; 3], zone: u16) -> Self {
        Self {
            sia: SiaCode(*sia),
            sia_restore: SiaCode(*sia_restore),
            cid: CidCode(*cid),
            zone,
        }
    }
}

/// The codes that stand unless a customer's table says otherwise.
pub const BUILT_IN: [(&str, Code); 6] = [
    // Medical: nobody may be able to speak.
    ("man-down", Code::built_in(b"MA", b"MH", b"100", 1)),
    // Panic: somebody has called for help.
    ("red-alert", Code::built_in(b"PA", b"PH", b"120", 2)),
    // Hold-up: the unit was torn away; under duress, so nobody should call it.
    ("lanyard-removed", Code::built_in(b"HA", b"HH", b"121", 3)),
    // Emergency: somebody did not come back from a danger announced before.
    (
        "amber-alert-expired",
        Code::built_in(b"QA", b"QH", b"101", 4),
    ),
    // Emergency in DC-03, which knows no failure to report of persons; Contact ID does.
    ("missed-check-in", Code::built_in(b"QA", b"QH", b"102", 5)),
    // The battery of a radio unit, not of the system.
    ("low-battery", Code::built_in(b"XT", b"XR", b"384", 6)),
];

/// What a condition is called that stands in no table: an alarm of unknown kind.
pub const FALLBACK: Code = Code::built_in(b"UA", b"UH", b"140", 99);

/// A customer's table, which stands before [`BUILT_IN`]. An empty one changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Dc09Codes")]
pub struct Codes {
    /// The codes of conditions by name, at most 256, such as
    /// `man-down = { sia = "MA", sia_restore = "MH", cid = "100", zone = 1 }`. A condition that is
    /// not set here keeps its usual codes.
    pub conditions: BTreeMap<String, Code>,
    /// The codes of conditions that have none.
    pub fallback: Code,
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodesError {
    /// Too many.
    #[error("at most {MAX_CONDITIONS} conditions can have codes of their own; these are {0}")]
    TooMany(usize),
    /// A zone that nobody can say.
    #[error("the zone of {condition:?} is {zone}; zones go from 0 to {MAX_ZONE}")]
    Zone {
        /// Whose zone.
        condition: String,
        /// Which.
        zone: u16,
    },
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            conditions: BTreeMap::new(),
            fallback: FALLBACK,
        }
    }
}

impl Codes {
    /// The codes of a condition: the customer's, else the usual ones, else the fallback.
    #[must_use]
    pub fn of(&self, condition: &str) -> Code {
        let built_in = || BUILT_IN.iter().find(|(name, _)| *name == condition);
        let own = self.conditions.get(condition).copied();
        own.or_else(|| built_in().map(|(_, code)| *code))
            .unwrap_or(self.fallback)
    }

    /// Says whether every receiver can be told of it.
    ///
    /// # Errors
    /// With what is wrong and what is allowed.
    pub fn validate(&self) -> Result<(), CodesError> {
        if self.conditions.len() > MAX_CONDITIONS {
            return Err(CodesError::TooMany(self.conditions.len()));
        }
        let named = self
            .conditions
            .iter()
            .map(|(name, code)| (name.as_str(), code));
        let mut all = named.chain([("fallback", &self.fallback)]);
        match all.find(|(_, code)| code.zone > MAX_ZONE) {
            None => Ok(()),
            Some((condition, code)) => Err(CodesError::Zone {
                condition: condition.to_owned(),
                zone: code.zone,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_table_stands_before_the_usual_codes() {
        let codes: Codes = toml::from_str(
            r#"
            fallback = { sia = "ZZ", sia_restore = "ZR", cid = "14B", zone = 7 }
            [conditions]
            man-down = { sia = "QA", sia_restore = "QH", cid = "101", zone = 42 }
            "#,
        )
        .unwrap();
        assert_eq!(codes.validate(), Ok(()));
        let shown = |condition: &str| {
            let Code {
                sia,
                sia_restore,
                cid,
                zone,
            } = codes.of(condition);
            format!("{sia} {sia_restore} {cid} {zone}")
        };
        assert_eq!(shown("man-down"), "QA QH 101 42");
        assert_eq!(shown("red-alert"), "PA PH 120 2");
        assert_eq!(shown("door-open"), "ZZ ZR 14B 7");
        let again: Codes = toml::from_str(&toml::to_string(&codes).unwrap()).unwrap();
        assert_eq!(again, codes);
    }

    #[test]
    fn the_usual_codes_are_codes_and_differ() {
        let empty: Codes = toml::from_str("").unwrap();
        assert_eq!(empty, Codes::default());
        assert_eq!(empty.of("anything"), FALLBACK);
        let mut seen = Vec::new();
        for (name, code) in BUILT_IN.into_iter().chain([("", FALLBACK)]) {
            assert_eq!(empty.of(name), code);
            assert_eq!(code.sia.to_string().parse(), Ok(code.sia));
            assert_eq!(code.sia_restore.to_string().parse(), Ok(code.sia_restore));
            assert_eq!(code.cid.to_string().parse(), Ok(code.cid));
            assert!(code.zone <= MAX_ZONE);
            assert_ne!(code.sia, code.sia_restore);
            let both = (code.cid, code.zone);
            assert!(!seen.contains(&both), "{name}");
            seen.push(both);
        }
    }

    #[test]
    fn tables_are_bounded() {
        let mut codes = Codes::default();
        for at in 0..MAX_CONDITIONS {
            codes.conditions.insert(format!("condition-{at}"), FALLBACK);
        }
        assert_eq!(codes.validate(), Ok(()));
        codes.conditions.insert("one-more".to_owned(), FALLBACK);
        assert_eq!(codes.validate(), Err(CodesError::TooMany(257)));
        codes = Codes::default();
        codes.fallback.zone = MAX_ZONE;
        assert_eq!(codes.validate(), Ok(()));
        codes.fallback.zone += 1;
        let error = codes.validate().unwrap_err().to_string();
        assert_eq!(
            error,
            "the zone of \"fallback\" is 1000; zones go from 0 to 999"
        );
    }

    #[test]
    fn what_is_no_code_is_told_what_is() {
        for text in ["M", "MAX", "m1", "M1", "é"] {
            assert_eq!(text.parse::<SiaCode>(), Err(ParseCodeError::Sia), "{text}");
        }
        for text in ["10", "1000", "10g", "10b", "1 0"] {
            assert_eq!(text.parse::<CidCode>(), Err(ParseCodeError::Cid), "{text}");
        }
        let table = r#"fallback = { sia = "A", sia_restore = "ZR", cid = "140", zone = 7 }"#;
        let error = toml::from_str::<Codes>(table).unwrap_err().to_string();
        assert!(error.contains("two capital letters"), "{error}");
    }
}
