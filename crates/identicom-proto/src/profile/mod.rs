//! The profile: what the codes of a device mean, as data.
//!
//! The default is compiled in (`profiles/identicom.toml`); an operator may load another. The frames
//! and the layouts of the messages themselves are code; codes, names, classes, cases, details,
//! commands, limits and timeouts are not.

mod code_set;
mod command;
mod detail;
mod error;
mod event;
mod file;
mod layout;
mod number;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use spica_model::Lane;

pub use code_set::CodeSet;
pub use command::{Argument, ArgumentError, Command};
pub use detail::{Detail, DetailItem, Details};
pub use error::ProfileError;
pub use event::{Case, Event, Severity};
pub use layout::{Field, FieldType, Layout, Value, Values};
pub use number::Int;

/// The text of the profile that is compiled in.
pub const DEFAULT_TEXT: &str = include_str!("../../../../profiles/identicom.toml");

static DEFAULT: LazyLock<Arc<Profile>> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the text is compiled in, and a test reads it"
    )]
    Arc::new(Profile::parse(DEFAULT_TEXT).expect("the built-in profile is valid"))
});

/// What the devices of one kind say and understand.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// What the profile calls itself.
    pub name: String,
    /// Sizes and counts; the station's configuration may change them.
    pub limits: Limits,
    /// How long a device may take; the station's configuration may change them.
    pub timeouts: Timeouts,
    /// What the request to delete the log carries.
    pub delete_argument: DeleteArgument,
    unknown_event_lane: Lane,
    events: Vec<Event>,
    details: Vec<Detail>,
    commands: Vec<Command>,
    critical: CodeSet,
    alarms: CodeSet,
}

/// Sizes and counts that bound a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Data bytes of a frame to the device, before escaping.
    pub data_to_device: u16,
    /// Data bytes of a frame from the device, before escaping.
    pub data_from_device: u16,
    /// The bad frame with this number closes the connection.
    pub bad_frames: u8,
    /// The breach of the dialogue with this number closes the connection.
    pub violations: u8,
    /// After this many pages of the log, what was read is deleted before more is read.
    pub log_pages_per_turn: u16,
    /// Larger pictures are left on the device.
    pub picture_bytes: u32,
    /// After this many blocks of pictures, waiting commands get a turn.
    pub picture_blocks_per_turn: u16,
}

/// How long a device may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The station asks for the identity if none has come by then.
    pub identity_request: Duration,
    /// Longest wait for an answer, and for the identity.
    pub idle: Duration,
    /// Longest connection.
    pub session: Duration,
}

/// What the request to delete the log carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteArgument {
    /// The index of the last entry that may go.
    LastIndex,
    /// Nothing: the device deletes all. The log is read again just before, and the request is only
    /// sent when nothing new is there.
    None,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            data_to_device: crate::frame::DATA_TO_DEVICE,
            data_from_device: crate::frame::DATA_FROM_DEVICE,
            bad_frames: 3,
            violations: 8,
            log_pages_per_turn: 16,
            picture_bytes: 16 << 20,
            picture_blocks_per_turn: 32,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            identity_request: Duration::from_secs(2),
            idle: Duration::from_secs(10),
            session: Duration::from_secs(60),
        }
    }
}

impl Profile {
    /// The profile that is compiled in.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        Arc::clone(&DEFAULT)
    }

    /// Reads a profile file's text.
    ///
    /// # Errors
    /// The first thing that is wrong with it: where, what, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        file::parse(text)
    }

    /// What the profile says about an event code; `None` for one it does not know.
    #[must_use]
    pub fn event(&self, code: u8) -> Option<&Event> {
        let at = self.events.binary_search_by_key(&code, |e| e.code).ok()?;
        self.events.get(at)
    }

    /// The event with this name.
    #[must_use]
    pub fn event_named(&self, name: &str) -> Option<&Event> {
        self.events.iter().find(|e| e.name == name)
    }

    /// The name of an event code: `man-down`, or `unknown-0x99` if the profile does not know it.
    #[must_use]
    pub fn event_name(&self, code: u8) -> Cow<'_, str> {
        match self.event(code) {
            Some(event) => Cow::Borrowed(&event.name),
            None => Cow::Owned(format!("unknown-{code:#04x}")),
        }
    }

    /// The lane of an event code, also of one that the profile does not know.
    #[must_use]
    pub fn lane(&self, code: u8) -> Lane {
        if self.critical.has(code) {
            Lane::Critical
        } else {
            Lane::Normal
        }
    }

    /// The codes of critical events.
    #[must_use]
    pub const fn critical(&self) -> &CodeSet {
        &self.critical
    }

    /// The codes that a device may report without being asked: those of critical events, of events
    /// that raise a case or start a timer, and all that the profile does not know.
    #[must_use]
    pub const fn alarms(&self) -> &CodeSet {
        &self.alarms
    }

    /// All events, by code.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// All details, as the file lists them.
    #[must_use]
    pub fn detail_fields(&self) -> &[Detail] {
        &self.details
    }

    /// Reads the detail of a log entry. Nothing in it can make the entry invalid.
    #[must_use]
    pub fn details<'p, 'd>(&'p self, detail: &'d [u8]) -> Details<'p, 'd> {
        Details::new(&self.details, detail)
    }

    /// The command with this code.
    #[must_use]
    pub fn command(&self, code: u8) -> Option<&Command> {
        self.commands.iter().find(|c| c.code == code)
    }

    /// The command with this name.
    #[must_use]
    pub fn command_named(&self, name: &str) -> Option<&Command> {
        self.commands.iter().find(|c| c.name == name)
    }

    /// All commands, as the file lists them.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Most argument bytes that a command may have.
    #[must_use]
    pub fn arguments_max(&self) -> usize {
        usize::from(self.limits.data_to_device).saturating_sub(crate::message::COMMAND_HEAD_BYTES)
    }
}

#[cfg(test)]
mod tests;
