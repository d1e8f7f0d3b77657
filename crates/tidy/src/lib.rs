//! Checks on the repository itself: layers, documents, sizes.
//!
//! Each check is a function from what it looks at to a list of what is wrong with it, so that a unit
//! test can show it something wrong; the tests in `tests/` run them all on the real workspace.
//!
//! What is not here: anything that rustc, clippy, rustfmt or cargo-deny can check.

pub mod documents;
pub mod layers;
pub mod manifest;
pub mod sources;
pub mod workspace;
