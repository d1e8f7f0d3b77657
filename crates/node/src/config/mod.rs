//! The configuration: what may be set, where it comes from, and what is wrong with it.
//!
//! ```text
//!  file ──────▶ document ─┐                     ┌─▶ Config, its rules
//!  environment ─▶ overrides ─▶ trees with places ─▶ sift (schema) ─▶ typed ─┤
//!  --set ─────▶ overrides ─┘                     └─▶ Diagnostics
//! ```
//!
//! Every part has its own `Settings` with defaults and documentation; [`Config`] puts them together.
//! The schema that schemars makes of it says what is allowed, and makes the reference and the example
//! file. A wrong value is reported with its place and taken out, so that one pass reports everything.
//!
//! Invariants: no text makes this panic; what is read, kept and reported is bounded; a configuration
//! with an error is never used; no secret is shown by a diagnostic, nor by [`Loaded::show`] unless
//! asked.
//!
//! What is not here: reading it again while the node runs.

mod allowed;
mod annotations;
mod bounds;
mod diagnostics;
mod document;
mod file;
mod finding;
mod load;
mod loaded;
mod missing;
mod overrides;
mod refer;
mod reference;
mod resolve;
mod root;
mod rules;
mod secrets;
mod sections;
mod shape;
mod show;
mod sift;
mod source;
mod suggest;
mod tree;
mod typed;
mod values;

#[cfg(test)]
mod tests;

pub use diagnostics::{Diagnostics, Style};
pub use file::FILE_BYTES;
pub use finding::{Code, Finding, Severity};
pub use loaded::Loaded;
pub use overrides::{Overrides, PREFIX};
pub use root::Config;
pub use sections::{Log, LogFormat, Node, Objects};
pub use show::Secrets;
