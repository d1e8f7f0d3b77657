//! Who a device says it is.

use std::fmt;

use super::MessageError;
use super::reader::Reader;
use crate::frame::kind;

/// Bytes of the serial number in an identity message.
const SERIAL_BYTES: usize = 10;
/// Bytes of the software version in an identity message.
const VERSION_BYTES: usize = 8;

/// The data of an `81` message: serial number and software version, both NUL padded ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    serial: [u8; SERIAL_BYTES],
    version: [u8; VERSION_BYTES],
}

/// Why a serial number or a software version cannot stand in an identity message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The serial number: it becomes a level of a topic, so a topic's rules hold as well.
    #[error("a serial number has 1 to {SERIAL_BYTES} visible ASCII characters, none of / + #")]
    Serial,
    /// The software version.
    #[error("a software version has up to {VERSION_BYTES} visible ASCII characters or spaces")]
    Version,
}

impl Identity {
    /// An identity from its two texts.
    ///
    /// # Errors
    /// If one of them is too long or has characters that are not allowed.
    pub fn new(serial: &str, version: &str) -> Result<Self, IdentityError> {
        Self::checked(
            pad(serial).ok_or(IdentityError::Serial)?,
            pad(version).ok_or(IdentityError::Version)?,
        )
    }

    fn checked(
        serial: [u8; SERIAL_BYTES],
        version: [u8; VERSION_BYTES],
    ) -> Result<Self, IdentityError> {
        let in_serial = |b: &u8| b.is_ascii_graphic() && !b"/+#".contains(b);
        match unpad(&serial) {
            Some(text) if !text.is_empty() && text.iter().all(in_serial) => {}
            _ => return Err(IdentityError::Serial),
        }
        let in_version = |b: &u8| b.is_ascii_graphic() || *b == b' ';
        match unpad(&version) {
            Some(text) if text.iter().all(in_version) => {}
            _ => return Err(IdentityError::Version),
        }
        Ok(Self { serial, version })
    }

    pub(crate) fn decode(data: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(kind::IDENTITY, data);
        let (mut serial, mut version) = ([0; SERIAL_BYTES], [0; VERSION_BYTES]);
        serial.copy_from_slice(reader.bytes(SERIAL_BYTES)?);
        version.copy_from_slice(reader.bytes(VERSION_BYTES)?);
        reader.end()?;
        Ok(Self::checked(serial, version)?)
    }

    /// The serial number: 1 to 10 visible ASCII characters, none of `/ + #`.
    #[must_use]
    pub fn serial(&self) -> &str {
        text(&self.serial)
    }

    /// The software version: up to 8 visible ASCII characters or spaces.
    #[must_use]
    pub fn version(&self) -> &str {
        text(&self.version)
    }

    /// The serial number as it travels, NUL padded.
    #[must_use]
    pub const fn serial_bytes(&self) -> &[u8; SERIAL_BYTES] {
        &self.serial
    }

    /// The software version as it travels, NUL padded.
    #[must_use]
    pub const fn version_bytes(&self) -> &[u8; VERSION_BYTES] {
        &self.version
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?} {:?})", self.serial(), self.version())
    }
}

fn pad<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut padded = [0; N];
    padded
        .get_mut(..text.len())?
        .copy_from_slice(text.as_bytes());
    Some(padded)
}

/// The bytes before the padding; `None` if the padding is not all NUL.
fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let end = padded.iter().position(|b| *b == 0).unwrap_or(padded.len());
    let (text, padding) = padded.split_at(end);
    padding.iter().all(|b| *b == 0).then_some(text)
}

fn text(padded: &[u8]) -> &str {
    // Checked to be ASCII when made.
    std::str::from_utf8(unpad(padded).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_read_back_what_was_written() {
        let data = b"0012345\0\0\x001.07\0\0\0\0";
        let identity = Identity::decode(data).unwrap();
        assert_eq!(identity, Identity::new("0012345", "1.07").unwrap());
        assert_eq!((identity.serial(), identity.version()), ("0012345", "1.07"));
        let full = Identity::decode(b"ABCDEFGHIJ12345678").unwrap();
        assert_eq!((full.serial(), full.version()), ("ABCDEFGHIJ", "12345678"));
        let bare = Identity::decode(b"A\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap();
        assert_eq!((bare.serial(), bare.version()), ("A", ""));
    }

    #[test]
    fn what_is_no_identity_is_refused() {
        let short = MessageError::Short { kind: 0x81 };
        let long = MessageError::Long { kind: 0x81 };
        for (data, error) in [
            (&b""[..], short),
            (b"ABCDEFGHIJ1234567", short),
            (b"ABCDEFGHIJ123456789", long),
            (
                b"\0\0\0\0\0\0\0\0\0\x0012345678",
                IdentityError::Serial.into(),
            ),
            (
                b"A\0B\0\0\0\0\0\0\x0012345678",
                IdentityError::Serial.into(),
            ),
            (b"A B\0\0\0\0\0\0\x0012345678", IdentityError::Serial.into()),
            (b"A/B\0\0\0\0\0\0\x0012345678", IdentityError::Serial.into()),
            (
                b"A\xe9\0\0\0\0\0\0\0\x0012345678",
                IdentityError::Serial.into(),
            ),
            (b"ABCDEFGHIJ1\x0045678", short),
            (b"ABCDEFGHIJ1\x00345678", IdentityError::Version.into()),
            (b"ABCDEFGHIJ1\x07345678", IdentityError::Version.into()),
        ] {
            assert_eq!(Identity::decode(data), Err(error), "{data:02x?}");
        }
        assert_eq!(Identity::new("", "1"), Err(IdentityError::Serial));
        assert_eq!(
            Identity::new("12345678901", "1"),
            Err(IdentityError::Serial)
        );
        assert_eq!(Identity::new("1", "123456789"), Err(IdentityError::Version));
    }
}
