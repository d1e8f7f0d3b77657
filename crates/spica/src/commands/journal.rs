//! `spica journal`: look into and repair the journal of a node that is stopped.

use anyhow::Result;
use spica_node::Exit;

use crate::cli::Journal;

/// Runs the command.
///
/// # Errors
/// If the journal cannot be read.
pub fn run(command: Journal) -> Result<Exit> {
    match command {
        _ => Ok(Exit::Failure),
    }
}
