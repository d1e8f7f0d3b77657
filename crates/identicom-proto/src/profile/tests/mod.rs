//! The profile that is built in, and what is said about wrong files.

mod arguments;
mod details;
mod events;
mod files;

use super::*;

fn profile() -> Profile {
    Profile::parse(DEFAULT_TEXT).unwrap()
}
