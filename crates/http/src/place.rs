//! Places as this interface writes and reads them.
//!
//! Two spellings of the same value: a page's `next` is opaque and carries a version; a server-sent
//! event's id is plain, since its reader is often a person with curl.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub(crate) use spica_model::{Place, PlaceError};

/// Version of the opaque spelling.
const VERSION: &str = "1";

/// The opaque spelling.
#[must_use]
pub fn cursor(place: &Place) -> String {
    URL_SAFE_NO_PAD.encode(format!("{VERSION};{place}"))
}

/// Reads the opaque spelling.
///
/// # Errors
/// If it is none, or of a version that is not known.
pub fn from_cursor(text: &str) -> Result<Place, PlaceError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| PlaceError)?;
    let plain = std::str::from_utf8(&bytes).map_err(|_| PlaceError)?;
    let (version, place) = plain.split_once(';').ok_or(PlaceError)?;
    if version == VERSION {
        place.parse()
    } else {
        Err(PlaceError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_model::{Epoch, Seq};

    fn place() -> Place {
        Place::new((Epoch(2), Seq(5)), (Epoch(1), Seq(u64::MAX)))
    }

    #[test]
    fn the_opaque_spelling_reads_back() {
        assert_eq!(from_cursor(&cursor(&place())), Ok(place()));
    }

    #[test]
    fn anything_else_is_refused() {
        let other_version = URL_SAFE_NO_PAD.encode(format!("2;{}", place()));
        for bad in ["", "*", "AAAA", &other_version] {
            assert_eq!(from_cursor(bad), Err(PlaceError), "{bad:?}");
        }
    }
}
