//! Serial numbers of certificates.

use std::fmt;
use std::str::FromStr;

/// Bytes of a serial number.
const BYTES: usize = 16;

/// Digits of it as text.
const DIGITS: usize = 2 * BYTES;

/// The serial number of a certificate that this authority issued: 128 bits of chance, as hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial([u8; BYTES]);

/// A text that is no [`Serial`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no serial number: it has {DIGITS} hexadecimal digits, as `spica ca list` shows them"
)]
pub struct ParseSerialError(String);

impl Serial {
    /// A serial number of these random bytes. Its first two bits are 01: X.509 counts them as a number,
    /// which is positive and always of the same length then.
    pub(super) const fn from_random(mut bytes: [u8; BYTES]) -> Self {
        bytes[0] = bytes[0] & 0x3f | 0x40;
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Serial {
    type Err = ParseSerialError;

    /// Digits of either case, with or without colons between the bytes, as other tools show them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseSerialError(text.to_owned());
        let digits: String = text.chars().filter(|&c| c != ':').collect();
        let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if digits.len() != DIGITS || !hexadecimal {
            return Err(wrong());
        }
        let number = u128::from_str_radix(&digits, 16).map_err(|_| wrong())?;
        Ok(Self(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_reads_back_as_any_tool_writes_it() {
        let serial = Serial::from_random([0xab; BYTES]);
        let text = serial.to_string();
        assert!(text.starts_with("6bab") && text.len() == 32, "{text}");
        assert_eq!(text.parse(), Ok(serial));
        assert_eq!(text.to_uppercase().parse(), Ok(serial));
        assert_eq!(format!("6B:AB:{}", &text[4..]).parse(), Ok(serial));
        for wrong in [
            "",
            "6b",
            &text[1..],
            &format!("{text}0"),
            &text.replace('6', "x"),
        ] {
            assert!(wrong.parse::<Serial>().is_err(), "{wrong}");
        }
    }
}
