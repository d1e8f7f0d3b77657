//! A client, as rules see it.

use std::net::IpAddr;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who<'a> {
    /// The client identifier: `%c` in rules.
    pub client: &'a str,
    /// The user name, proven: `%u` in rules.
    pub user: Option<&'a str>,
    /// The serial number of the device, proven: `%s` in rules.
    pub serial: Option<&'a str>,
    /// Where it connects from.
    pub source: IpAddr,
}

/// Why a client cannot have rules with placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhoError {
    /// A rule asks for what the client has not said.
    #[error("a rule of its roles has {0}, and the client has no {1}")]
    Missing(&'static str, &'static str),
    /// What it has said is no topic level, and could make a rule wider than it was meant.
    #[error(
        "a rule of its roles has {0}, and the client's {1} is empty or has one of + # / or a \
         control character, which no level of a topic may have"
    )]
    Unsafe(&'static str, &'static str),
}

/// What stands for what.
pub(crate) const PLACEHOLDERS: [(&str, &str); 3] = [
    ("%c", "client identifier"),
    ("%u", "user name"),
    ("%s", "serial number"),
];

impl<'a> Who<'a> {
    /// What a placeholder stands for.
    ///
    /// # Errors
    /// If there is nothing, or nothing that may stand in a rule.
    pub(crate) fn value(&self, placeholder: &str) -> Result<&'a str, WhoError> {
        let known = PLACEHOLDERS.iter().find(|(name, _)| *name == placeholder);
        let (name, what) = *known.unwrap_or(&PLACEHOLDERS[0]);
        let value = match name {
            "%u" => self.user,
            "%s" => self.serial,
            _ => Some(self.client),
        };
        let value = value.ok_or(WhoError::Missing(name, what))?;
        let is_level = !value.is_empty()
            && !value.starts_with('$')
            && !value.contains(|c: char| matches!(c, '+' | '#' | '/') || c.is_control());
        if is_level {
            Ok(value)
        } else {
            Err(WhoError::Unsafe(name, what))
        }
    }
}
