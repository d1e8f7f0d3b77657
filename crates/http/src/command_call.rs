//! What the interface needs to know about the commands of devices. Which there are, and how their
//! arguments look on the wire, is a matter of the device's protocol: the assembly brings it.

use serde_json::{Map, Value};

/// A command as an operator writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandCall {
    /// Its name or its code.
    pub command: CommandName,
    /// Its arguments.
    pub arguments: Arguments,
}

/// Which command is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandName {
    /// By name, such as `take-picture`.
    Name(String),
    /// By the number the device knows.
    Code(u8),
}

/// The arguments of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Arguments {
    /// As they go on the wire, in hexadecimal.
    Hex(String),
    /// By name, such as `{"minutes": 15}`; empty for a command without any.
    Fields(Map<String, Value>),
}

/// A command as a device understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedCommand {
    /// The number the device knows.
    pub code: u8,
    /// The name for people.
    pub name: String,
    /// The arguments as they go on the wire.
    pub arguments: Vec<u8>,
}

/// A command that cannot be given to a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct CommandCallError {
    /// `name`, `code` or `arguments`.
    pub field: &'static str,
    /// What is wrong, and what there is.
    pub detail: String,
}

/// The commands that devices understand.
pub trait CommandCatalogue: Send + Sync + 'static {
    /// Finds the command and writes its arguments.
    ///
    /// # Errors
    /// If there is no such command, or its arguments are not what it takes.
    fn encode(&self, call: &CommandCall) -> Result<EncodedCommand, CommandCallError>;
}
