//! The texts of the exchange.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MESSAGE_BYTES;

/// Why an exchange ends. What was sent is in none of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    /// A message is not what RFC 5802 says.
    #[error("the SCRAM message is not well formed: {0}")]
    Form(&'static str),
    /// The client insists on channel binding.
    #[error("channel binding is not offered here: use SCRAM-SHA-256, not SCRAM-SHA-256-PLUS")]
    ChannelBinding,
    /// The client asks for an extension that it takes for mandatory.
    #[error("the client asks for a SCRAM extension that is not known here")]
    Extension,
    /// The client wants to be somebody else than it proves to be.
    #[error("an authorization identity other than the user name is not allowed")]
    Identity,
    /// The user is not known, or the password is another one. Nothing tells them apart.
    #[error("the user name or the password is wrong")]
    Denied,
}

pub(super) const HASH_BYTES: usize = 32;
/// Longest part of a message, in bytes.
const PART_BYTES: usize = 512;
/// Longest nonce of one side, so that both together are no longer than a part.
const NONCE_BYTES: usize = PART_BYTES / 2;

/// A message as text.
pub(super) fn text(message: &[u8]) -> Result<&str, ScramError> {
    if message.len() > MESSAGE_BYTES {
        return Err(ScramError::Form("it is too long"));
    }
    let text = std::str::from_utf8(message).map_err(|_| ScramError::Form("it is not UTF-8"))?;
    if text.contains('\0') {
        return Err(ScramError::Form("it has a NUL"));
    }
    Ok(text)
}

/// The value of the attribute that has to come next.
pub(super) fn attribute<'a>(
    parts: &mut impl Iterator<Item = &'a str>,
    name: &str,
    what: &'static str,
) -> Result<&'a str, ScramError> {
    let part = parts.next().ok_or(ScramError::Form(what))?;
    if part.starts_with("m=") {
        return Err(ScramError::Extension);
    }
    let value = part.strip_prefix(name).ok_or(ScramError::Form(what))?;
    let is_fine = !value.is_empty() && value.len() <= PART_BYTES;
    is_fine.then_some(value).ok_or(ScramError::Form(what))
}

/// Whether this may be a nonce: printable ASCII without a comma.
pub(super) fn is_nonce(text: &str) -> bool {
    let is_fine = |byte: u8| (0x21..=0x7E).contains(&byte) && byte != b',';
    !text.is_empty() && text.len() <= NONCE_BYTES && text.bytes().all(is_fine)
}

/// A user name from how it is sent: `=2C` for a comma, `=3D` for an equals sign.
pub(super) fn unescape(text: &str) -> Result<String, ScramError> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match part.get(..2) {
            Some("2C") => (',', &part[2..]),
            Some("3D") => ('=', &part[2..]),
            _ => return Err(ScramError::Form("the user name has a stray equals sign")),
        };
        name.push(sign);
        name.push_str(rest);
    }
    Ok(name)
}

/// How a user name is sent.
pub(super) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The bytes in an attribute.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, ScramError> {
    let decoded = STANDARD.decode(text);
    decoded.map_err(|_| ScramError::Form("what should be base64 is not"))
}

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
