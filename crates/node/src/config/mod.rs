//! The configuration.

mod allowed;
mod diagnostics;
mod document;
mod finding;
mod load;
mod missing;
mod overrides;
mod reference;
mod secrets;
mod shape;
mod show;
mod sift;
mod source;
mod suggest;
mod tree;
mod typed;

#[cfg(test)]
mod tests;

pub use diagnostics::{Diagnostics, Style};
pub use finding::{Code, Finding, Severity};
pub use load::FILE_BYTES;
pub use overrides::{Overrides, PREFIX};
