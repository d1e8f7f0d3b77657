//! Extended fields: what stands in brackets behind the data, a letter and a text.

use spica_model::Timestamp;

use crate::{Text, TextError, stamp};

/// One extended field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extended {
    letter: u8,
    text: Text,
}

/// Bytes that are no extended field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtendedError {
    /// It does not begin with `A` to `Z`.
    #[error("an extended field begins with a letter from A to Z; this one does not")]
    Letter,
    /// Its text is not allowed.
    #[error(transparent)]
    Text(#[from] TextError),
}

impl Extended {
    /// When the event happened, which may be long before the message is sent: `H`.
    pub const OCCURRED: u8 = b'H';
    /// What happened, in words: `I`.
    pub const ALARM_TEXT: u8 = b'I';
    /// Longitude: `X`.
    pub const LONGITUDE: u8 = b'X';
    /// Latitude: `Y`.
    pub const LATITUDE: u8 = b'Y';

    /// A field.
    ///
    /// # Errors
    /// If `letter` is none from `A` to `Z`.
    pub fn new(letter: u8, text: Text) -> Result<Self, ExtendedError> {
        if letter.is_ascii_uppercase() {
            Ok(Self { letter, text })
        } else {
            Err(ExtendedError::Letter)
        }
    }

    /// When the event happened.
    #[must_use]
    pub fn occurred(at: Timestamp) -> Self {
        Self {
            letter: Self::OCCURRED,
            text: Text::ascii(&stamp::format(at), stamp::BYTES),
        }
    }

    /// What happened, in words that may be cut.
    #[must_use]
    pub fn alarm_text(text: &str, most: usize) -> Self {
        Self {
            letter: Self::ALARM_TEXT,
            text: Text::ascii(text, most),
        }
    }

    /// Where it happened: longitude and latitude in degrees, east and north positive. None for what
    /// is no place on this earth.
    #[must_use]
    pub fn place(longitude: f64, latitude: f64) -> Option<[Self; 2]> {
        let is_place = longitude.abs() <= 180.0 && latitude.abs() <= 90.0;
        let field = |letter, degrees, width, signs| Self {
            letter,
            text: Text::ascii(&minutes(degrees, width, signs), 16),
        };
        is_place.then(|| {
            [
                field(Self::LONGITUDE, longitude, 3, ['E', 'W']),
                field(Self::LATITUDE, latitude, 2, ['N', 'S']),
            ]
        })
    }

    /// The field's letter, `A` to `Z`.
    #[must_use]
    pub const fn letter(&self) -> u8 {
        self.letter
    }

    /// The field's text.
    #[must_use]
    pub const fn text(&self) -> &Text {
        &self.text
    }

    pub(crate) fn from_wire(bytes: &[u8]) -> Result<Self, ExtendedError> {
        let (letter, text) = bytes.split_first().ok_or(ExtendedError::Letter)?;
        Self::new(*letter, Text::from_wire(text)?)
    }
}

/// Degrees, the letter of the hemisphere, and minutes with three decimals: `093W23.456`.
fn minutes(degrees: f64, width: usize, [positive, negative]: [char; 2]) -> String {
    let sign = if degrees < 0.0 { negative } else { positive };
    // Rounded as a whole, so that 59.9999 minutes become the next degree.
    let thousandths = (degrees.abs() * 60_000.0).round();
    let whole = (thousandths / 60_000.0).floor();
    let minutes = (thousandths - whole * 60_000.0) / 1_000.0;
    format!("{whole:0width$}{sign}{minutes:06.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_degrees_and_minutes() {
        let texts = |longitude, latitude| {
            let place = Extended::place(longitude, latitude)?;
            Some(place.map(|field| format!("{}{}", char::from(field.letter), field.text)))
        };
        let expect = |x: &str, y: &str| Some([x.to_owned(), y.to_owned()]);
        assert_eq!(texts(8.5417, 47.3769), expect("X008E32.502", "Y47N22.614"));
        assert_eq!(texts(-93.39093, -0.5), expect("X093W23.456", "Y00S30.000"));
        assert_eq!(
            texts(9.999_999_9, 89.999_999_9),
            expect("X010E00.000", "Y90N00.000")
        );
        assert_eq!(texts(180.1, 0.0), None);
        assert_eq!(texts(0.0, f64::NAN), None);
    }

    #[test]
    fn a_field_begins_with_a_letter() {
        assert_eq!(Extended::from_wire(b""), Err(ExtendedError::Letter));
        assert_eq!(Extended::from_wire(b"h12"), Err(ExtendedError::Letter));
        let field = Extended::from_wire(b"Iman down").unwrap();
        assert_eq!(field, Extended::alarm_text("man down", 100));
    }
}
