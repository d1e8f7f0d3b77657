//! A user.

use super::{Credential, Grant, PasswordHash};

/// A user of the access file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: Box<str>,
    /// What the user may do.
    pub grant: Grant,
    /// The stored password, if the user may show one.
    pub password: Option<PasswordHash>,
    /// What is kept for SCRAM-SHA-256, if the user may prove a password that way.
    pub scram: Option<Credential>,
    /// The serial number of a device, if the user is one: `%s` in rules.
    pub serial: Option<Box<str>>,
    /// The client identifiers that the user may connect with; empty for any.
    pub(crate) client_ids: Vec<Box<str>>,
}

impl User {
    /// Whether the user may connect with a client identifier: so that nobody takes over the session
    /// of somebody else.
    #[must_use]
    pub fn may_be(&self, client: &str) -> bool {
        let matches = |own: &str| match own.strip_suffix('*') {
            Some(begin) => client.starts_with(begin),
            None => client == own,
        };
        self.client_ids.is_empty() || self.client_ids.iter().any(|own| matches(own))
    }
}
