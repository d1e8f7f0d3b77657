//! Commands: what a station can ask of a device, and how the arguments are laid out.

use super::{FieldType, Layout, Profile, Values};

/// A known command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The code in the frame.
    pub code: u8,
    /// Its name, in kebab case.
    pub name: String,
    /// Its arguments.
    pub arguments: Layout,
    /// Whether it goes out before all that are not urgent.
    pub is_urgent: bool,
}

/// An argument as a person or a program gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Argument<'a> {
    /// A whole number; also an event's code.
    Number(i64),
    /// A text; also an event's name, or bytes in hexadecimal.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// Why arguments do not fit a command: what was given, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// The command has no such argument.
    #[error("{command} has no argument {argument:?}; it has {allowed}")]
    Unknown {
        /// The command.
        command: String,
        /// The argument that was given.
        argument: String,
        /// Those that it has.
        allowed: String,
    },
    /// An argument was not given.
    #[error("{command} wants {argument}: {wanted}")]
    Missing {
        /// The command.
        command: String,
        /// The argument.
        argument: String,
        /// What is allowed for it.
        wanted: String,
    },
    /// An argument that is not what it must be.
    #[error("{argument} of {command} is {wanted}")]
    Invalid {
        /// The command.
        command: String,
        /// The argument.
        argument: String,
        /// What is allowed for it.
        wanted: String,
    },
    /// Raw bytes that are not laid out as the command's arguments.
    #[error("these {bytes} bytes are not the arguments of {command}: {wanted}")]
    Layout {
        /// The command.
        command: String,
        /// How many bytes were given.
        bytes: usize,
        /// What is allowed.
        wanted: String,
    },
    /// More bytes than fit a frame to the device.
    #[error("a command to this device has at most {limit} bytes of arguments; these are {bytes}")]
    TooLong {
        /// How many bytes were given.
        bytes: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A text that is no hexadecimal.
    #[error("raw arguments are pairs of hexadecimal digits, such as 0f00")]
    Hex,
}

impl Profile {
    /// The argument bytes of a command from named arguments. A name that is given twice counts the
    /// first time.
    ///
    /// # Errors
    /// If an argument is missing, is not one of the command's, or is not what it must be.
    pub fn arguments(
        &self,
        command: &Command,
        given: &[(&str, Argument<'_>)],
    ) -> Result<Vec<u8>, ArgumentError> {
        if let Some((name, _)) = given.iter().find(|(name, _)| !command.has(name)) {
            return Err(ArgumentError::Unknown {
                command: command.name.clone(),
                argument: (*name).to_owned(),
                allowed: command.wanted(),
            });
        }
        let mut bytes = Vec::new();
        for field in command.arguments.fields() {
            let argument = given.iter().find(|(name, _)| field.name == *name);
            let (_, argument) = argument.ok_or_else(|| ArgumentError::Missing {
                command: command.name.clone(),
                argument: field.name.clone(),
                wanted: field.kind.wanted(),
            })?;
            self.write(field.kind, *argument, &mut bytes)
                .ok_or_else(|| ArgumentError::Invalid {
                    command: command.name.clone(),
                    argument: field.name.clone(),
                    wanted: field.kind.wanted(),
                })?;
        }
        self.within_limit(bytes)
    }

    /// The argument bytes of the command with `code` from hexadecimal digits. Those of a command
    /// that the profile knows are checked; any others only have to fit a frame.
    ///
    /// # Errors
    /// If the text is no hexadecimal, or the bytes do not fit the command or the frame.
    pub fn raw_arguments(&self, code: u8, hex: &str) -> Result<Vec<u8>, ArgumentError> {
        let bytes = self.within_limit(parse_hex(hex).ok_or(ArgumentError::Hex)?)?;
        match self.command(code) {
            Some(command) if command.read(&bytes).is_none() => Err(ArgumentError::Layout {
                command: command.name.clone(),
                bytes: bytes.len(),
                wanted: command.wanted(),
            }),
            _ => Ok(bytes),
        }
    }

    fn within_limit(&self, bytes: Vec<u8>) -> Result<Vec<u8>, ArgumentError> {
        let limit = self.arguments_max();
        if bytes.len() > limit {
            return Err(ArgumentError::TooLong {
                bytes: bytes.len(),
                limit,
            });
        }
        Ok(bytes)
    }

    fn write(&self, kind: FieldType, argument: Argument<'_>, out: &mut Vec<u8>) -> Option<()> {
        match (kind, argument) {
            (FieldType::Integer(int), Argument::Number(number)) => int.write(number, out)?,
            (FieldType::Event, Argument::Number(code)) => out.push(u8::try_from(code).ok()?),
            (FieldType::Event, Argument::Text(name)) => out.push(self.event_named(name)?.code),
            (FieldType::Text(max), Argument::Text(text)) if text.len() <= max => {
                out.extend_from_slice(text.as_bytes());
            }
            (FieldType::Bytes(max), Argument::Bytes(bytes)) if bytes.len() <= max => {
                out.extend_from_slice(bytes);
            }
            (FieldType::Bytes(max), Argument::Text(hex)) => {
                out.extend(parse_hex(hex).filter(|bytes| bytes.len() <= max)?);
            }
            _ => return None,
        }
        Some(())
    }
}

impl Command {
    /// Reads argument bytes; `None` if they are not laid out as this command's.
    #[must_use]
    pub fn read<'p, 'd>(&'p self, arguments: &'d [u8]) -> Option<Values<'p, 'd>> {
        self.arguments.read(arguments)
    }

    fn has(&self, argument: &str) -> bool {
        self.arguments.fields().iter().any(|f| f.name == argument)
    }

    /// What the command's arguments are, for people.
    fn wanted(&self) -> String {
        let fields = self.arguments.fields();
        if fields.is_empty() {
            return "no arguments".to_owned();
        }
        let described: Vec<_> = fields
            .iter()
            .map(|field| format!("{}: {}", field.name, field.kind.wanted()))
            .collect();
        described.join("; ")
    }
}

impl FieldType {
    /// What is allowed, for people.
    fn wanted(self) -> String {
        match self {
            Self::Integer(int) | Self::Decimal(int, _) => {
                let (min, max) = int.range();
                format!("a whole number from {min} to {max}")
            }
            Self::Text(max) => format!("a text of at most {max} bytes of UTF-8"),
            Self::Bytes(max) => format!("at most {max} bytes, in hexadecimal"),
            Self::Event => "the name of an event, or its code from 0 to 255".to_owned(),
        }
    }
}

/// The bytes of pairs of hexadecimal digits.
fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok())
        .collect()
}
