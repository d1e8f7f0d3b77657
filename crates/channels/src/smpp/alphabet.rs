//! The two alphabets of the air: the GSM 7-bit default alphabet (3GPP TS 23.038) where it can say the
//! text, else UCS-2.
//!
//! SMPP carries septets unpacked, one in each octet, and counts as the air does: 160 septets or 140
//! octets in one message, 153 or 134 in each part of a longer one.

/// The basic table; the place is the septet. 0x1B is the escape and stands for nothing.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// What an escape and a septet say.
const EXTENDED: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

const ESCAPE: u8 = 0x1b;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// The GSM default alphabet, a septet in each octet.
    Gsm7,
    /// UTF-16 in network order.
    Ucs2,
}

impl Alphabet {
    /// The one that says all of `text` in the fewest octets.
    pub(super) fn of(text: &str) -> Self {
        if text.chars().all(|c| gsm7(c).is_some()) {
            Self::Gsm7
        } else {
            Self::Ucs2
        }
    }

    /// How many octets fit into a message that stands alone.
    pub(super) const fn alone(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 140,
        }
    }

    /// How many fit into a part, beside a header of six octets.
    pub(super) const fn in_part(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 134,
        }
    }

    /// Appends a character. What the alphabet does not have becomes a question mark.
    pub(super) fn push(self, c: char, octets: &mut Vec<u8>) {
        match self {
            Self::Gsm7 => match gsm7(c) {
                Some((false, septet)) => octets.push(septet),
                Some((true, septet)) => octets.extend([ESCAPE, septet]),
                None => octets.push(b'?'),
            },
            Self::Ucs2 => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    octets.extend(unit.to_be_bytes());
                }
            }
        }
    }
}

/// The septet of a character, and whether it wants an escape before it.
fn gsm7(c: char) -> Option<(bool, u8)> {
    if c == char::from(ESCAPE) {
        return None;
    }
    let basic = BASIC.chars().position(|known| known == c);
    let basic = basic.and_then(|place| u8::try_from(place).ok());
    let extended = || EXTENDED.iter().find(|(known, _)| *known == c);
    match basic {
        Some(septet) => Some((false, septet)),
        None => extended().map(|(_, septet)| (true, *septet)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(text: &str) -> Vec<u8> {
        let alphabet = Alphabet::of(text);
        let mut octets = Vec::new();
        text.chars().for_each(|c| alphabet.push(c, &mut octets));
        octets
    }

    #[test]
    fn the_table_has_its_size_and_known_places() {
        assert_eq!(BASIC.chars().count(), 128);
        for (c, septet) in [
            ('@', 0x00),
            ('Δ', 0x10),
            ('É', 0x1f),
            (' ', 0x20),
            ('¤', 0x24),
            ('¡', 0x40),
            ('Z', 0x5a),
            ('Ä', 0x5b),
            ('§', 0x5f),
            ('¿', 0x60),
            ('ä', 0x7b),
            ('à', 0x7f),
        ] {
            assert_eq!(gsm7(c), Some((false, septet)), "{c}");
        }
        assert_eq!(octets("a€[~"), [0x61, 0x1b, 0x65, 0x1b, 0x3c, 0x1b, 0x3d]);
    }

    #[test]
    fn what_the_default_alphabet_lacks_is_said_in_ucs2() {
        assert_eq!(Alphabet::of("Sturz erkannt: Grüße, 5 °"), Alphabet::Ucs2);
        assert_eq!(Alphabet::of("Grüße"), Alphabet::Gsm7);
        assert_eq!(Alphabet::of("\u{1b}"), Alphabet::Ucs2);
        assert_eq!(octets("Я😀"), [0x04, 0x2f, 0xd8, 0x3d, 0xde, 0x00]);
    }
}
