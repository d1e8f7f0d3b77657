//! Value types of the configuration: each with its syntax, its limits and its JSON schema.
//!
//! [`Span`] is a duration, [`ByteSize`] an amount of bytes, [`Secret`] a text that nobody may see,
//! [`FilePath`] a path. All of them are read with [`FromStr`](std::str::FromStr) on the command line
//! and with serde in files, print what they read, and say what is allowed when they cannot read it.
//!
//! What is not here: any default, any smallest or largest value beyond what the types can hold. The
//! part that owns a setting knows those.

mod byte_size;
mod file_path;
mod quantity;
mod secret;
mod span;
mod text;

pub use byte_size::{ByteSize, ParseByteSizeError};
pub use file_path::{FilePath, ParseFilePathError};
pub use secret::{ParseSecretError, Secret};
pub use span::{ParseSpanError, Span};
