//! Keys, and the cipher: AES in CBC mode, beginning with zeros.

use std::fmt;

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyInit, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use cbc::{Decryptor, Encryptor};
use spica_settings::Secret;

/// How many bytes the cipher takes at once.
pub(crate) const BLOCK_BYTES: usize = 16;

/// Where the chaining begins. The standard fixes it, so equal beginnings of messages look equal;
/// the padding before them, which differs, is what stands against that.
const START: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// What begins the text of a key that is written as characters.
const TEXT: &str = "text:";

/// A key that an account shares with a monitoring station: 128, 192 or 256 bits. Nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// 128 bits.
    Aes128([u8; 16]),
    /// 192 bits.
    Aes192([u8; 24]),
    /// 256 bits.
    Aes256([u8; 32]),
}

/// A text that is no key; it does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// Of a length that no key has.
    #[error(
        "a key has 16, 24 or 32 bytes, written as 32, 48 or 64 hexadecimal digits, or as `text:` and \
         so many characters; this one has {bytes} bytes"
    )]
    Length {
        /// How many bytes it has.
        bytes: usize,
    },
    /// Not hexadecimal.
    #[error(
        "a key is written in hexadecimal digits; begin it with `text:` if its characters are the key"
    )]
    NotHex,
}

impl Key {
    /// Reads a key as a configuration has it: hexadecimal digits, or `text:` and characters that
    /// are the key's bytes, for stations that give it so.
    ///
    /// # Errors
    /// If it is neither, or has another length than keys have.
    pub fn parse(secret: &Secret) -> Result<Self, ParseKeyError> {
        let text = secret.expose();
        match text.strip_prefix(TEXT) {
            Some(characters) => Self::from_bytes(characters.as_bytes()),
            None => Self::from_bytes(&from_hex(text.as_bytes()).ok_or(ParseKeyError::NotHex)?),
        }
    }

    /// Takes bytes as a key.
    ///
    /// # Errors
    /// If there are not 16, 24 or 32 of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseKeyError> {
        if let Ok(key) = bytes.try_into() {
            return Ok(Self::Aes128(key));
        }
        if let Ok(key) = bytes.try_into() {
            return Ok(Self::Aes192(key));
        }
        let length = ParseKeyError::Length { bytes: bytes.len() };
        bytes.try_into().map(Self::Aes256).map_err(|_| length)
    }

    /// Encrypts whole blocks in place; what is more than whole blocks stays as it is.
    pub(crate) fn encrypt(&self, blocks: &mut [u8]) {
        match self {
            Self::Aes128(key) => encrypt::<Aes128>(key, blocks),
            Self::Aes192(key) => encrypt::<Aes192>(key, blocks),
            Self::Aes256(key) => encrypt::<Aes256>(key, blocks),
        }
    }

    /// Decrypts whole blocks in place; what is more than whole blocks stays as it is.
    pub(crate) fn decrypt(&self, blocks: &mut [u8]) {
        match self {
            Self::Aes128(key) => decrypt::<Aes128>(key, blocks),
            Self::Aes192(key) => decrypt::<Aes192>(key, blocks),
            Self::Aes256(key) => decrypt::<Aes256>(key, blocks),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

fn encrypt<C: BlockEncryptMut + KeyInit + aes::cipher::BlockCipher>(key: &[u8], blocks: &mut [u8]) {
    let mut cipher = Encryptor::<C>::new(
        GenericArray::from_slice(key),
        GenericArray::from_slice(&START),
    );
    for block in blocks.chunks_exact_mut(BLOCK_BYTES) {
        cipher.encrypt_block_mut(GenericArray::from_mut_slice(block));
    }
}

fn decrypt<C: BlockDecryptMut + KeyInit + aes::cipher::BlockCipher>(key: &[u8], blocks: &mut [u8]) {
    let mut cipher = Decryptor::<C>::new(
        GenericArray::from_slice(key),
        GenericArray::from_slice(&START),
    );
    for block in blocks.chunks_exact_mut(BLOCK_BYTES) {
        cipher.decrypt_block_mut(GenericArray::from_mut_slice(block));
    }
}

/// The bytes that pairs of hexadecimal digits say.
pub(crate) fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    rest.is_empty()
        .then(|| pairs.iter().map(byte).collect())
        .flatten()
}

/// Bytes as pairs of hexadecimal digits, in upper case.
pub(crate) fn push_hex(into: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        into.push(DIGITS[usize::from(byte >> 4)]);
        into.push(DIGITS[usize::from(byte & 15)]);
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Key, ParseKeyError> {
        Key::parse(&text.parse().unwrap())
    }

    #[test]
    fn keys_are_read_as_digits_and_as_characters() {
        let digits = "000102030405060708090a0b0c0d0e0F";
        assert_eq!(
            parse(digits),
            Ok(Key::Aes128(std::array::from_fn(|at| at as u8)))
        );
        assert_eq!(
            parse("text:AAAAAAAAAAAAAAAAAAAAAAAA"),
            Ok(Key::Aes192([b'A'; 24]))
        );
        // Sixteen bytes as digits and thirty-two as characters: nothing is guessed.
        assert_eq!(
            parse(&format!("text:{}", "0".repeat(32))),
            Ok(Key::Aes256([b'0'; 32]))
        );
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        assert_eq!(parse("00ff"), Err(ParseKeyError::Length { bytes: 2 }));
        assert_eq!(parse("text:abc"), Err(ParseKeyError::Length { bytes: 3 }));
        for text in ["correct horse 12", "0", "00é"] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, ParseKeyError::NotHex);
            assert!(!error.to_string().contains(text), "{error}");
        }
        assert_eq!(format!("{:?}", Key::Aes128([7; 16])), "<redacted>");
    }

    /// The first two blocks of the CBC examples in NIST SP 800-38A would need another beginning; with
    /// zeros the first block is that of FIPS 197, appendix C.
    #[test]
    fn the_first_block_is_the_example_of_fips_197() {
        let plain: [u8; 16] = std::array::from_fn(|at| at as u8 * 0x11);
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        for (length, cipher) in [
            (16, "69C4E0D86A7B0430D8CDB78070B4C55A"),
            (24, "DDA97CA4864CDFE06EAF70A0EC0D7191"),
            (32, "8EA2B7CA516745BFEAFC49904B496089"),
        ] {
            let key = Key::from_bytes(&key[..length]).unwrap();
            let mut block = plain;
            key.encrypt(&mut block);
            let mut digits = Vec::new();
            push_hex(&mut digits, &block);
            assert_eq!(digits, cipher.as_bytes());
            key.decrypt(&mut block);
            assert_eq!(block, plain);
        }
    }
}
