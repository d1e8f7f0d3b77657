//! Numbers and names as SMPP wants them: with their type and numbering plan.

use rusmpp::values::{Npi, Ton};

/// Longest number, in octets.
const NUMBER_BYTES: usize = 20;
/// Longest name as a sender, by the standards of the air.
const NAME_BYTES: usize = 11;

/// Where a message comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) ton: Ton,
    pub(super) npi: Npi,
    pub(super) digits: String,
}

impl Address {
    /// A phone, by its number in E.164 with its plus sign, or as the centre knows it.
    pub(super) fn of_phone(text: &str) -> Option<Self> {
        let (ton, npi, digits) = match text.strip_prefix('+') {
            Some(digits) => (Ton::International, Npi::Isdn, digits),
            None => (Ton::Unknown, Npi::Isdn, text),
        };
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=NUMBER_BYTES).contains(&digits.len());
        (is_number && fits).then(|| Self {
            ton,
            npi,
            digits: digits.to_owned(),
        })
    }

    /// A sender: a phone number, a short number, or a name. An empty one is what the centre makes of
    /// it.
    pub(super) fn of_sender(text: &str) -> Result<Self, String> {
        let of = |ton, npi, digits: &str| Self {
            ton,
            npi,
            digits: digits.to_owned(),
        };
        if text.is_empty() {
            return Ok(of(Ton::Unknown, Npi::Unknown, ""));
        }
        if text.starts_with('+') {
            let number = Self::of_phone(text);
            return number
                .ok_or_else(|| format!("{text:?} is no phone number such as +41791234567"));
        }
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && text.len() <= NUMBER_BYTES {
            return Ok(of(Ton::NetworkSpecific, Npi::Unknown, text));
        }
        let is_name = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if is_name && text.len() <= NAME_BYTES {
            return Ok(of(Ton::Alphanumeric, Npi::Unknown, text));
        }
        Err(format!(
            "{text:?} is not allowed; allowed is a phone number such as +41791234567, a short number of \
             at most {NUMBER_BYTES} digits, or a name of at most {NAME_BYTES} characters of ASCII"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_have_their_types() {
        let phone = Address::of_phone("+41791234567").unwrap();
        assert_eq!((phone.ton, phone.npi), (Ton::International, Npi::Isdn));
        assert_eq!(phone.digits, "41791234567");
        assert_eq!(Address::of_phone("0791234567").unwrap().ton, Ton::Unknown);
        for text in ["", "+", "+41 79", "anna", &"1".repeat(21)] {
            assert_eq!(Address::of_phone(text), None, "{text}");
        }
        let ton = |text: &str| Address::of_sender(text).unwrap().ton;
        assert_eq!(ton(""), Ton::Unknown);
        assert_eq!(ton("+41791234567"), Ton::International);
        assert_eq!(ton("77788"), Ton::NetworkSpecific);
        assert_eq!(ton("Spica Hub"), Ton::Alphanumeric);
        for text in ["twelve chars", "Zürich", "+41 79", &"1".repeat(21)] {
            assert!(Address::of_sender(text).is_err(), "{text}");
        }
    }
}
