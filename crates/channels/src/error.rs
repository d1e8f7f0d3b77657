//! Why a channel cannot be opened.

/// What the plan file says of a channel and cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("channels.{channel}.{key}: {reason}")]
pub struct OpenError {
    /// The channel's name.
    pub channel: String,
    /// The key in the channel's table, such as `timeout` or `headers.x-token`; `kind` if that is
    /// wrong.
    pub key: String,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

/// The same without the channel's name, which [`open`](crate::open()) knows.
#[derive(Debug)]
pub(crate) struct SettingError {
    pub(crate) key: String,
    pub(crate) reason: String,
}

impl SettingError {
    pub(crate) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            reason: reason.into(),
        }
    }
}
