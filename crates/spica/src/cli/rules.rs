//! The arguments of `spica rules`.

use std::path::PathBuf;

use clap::Subcommand;

use super::Hub;

#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// Check a rules file
    Check {
        /// The file
        file: PathBuf,
    },
    /// Show what rules would do for a record, without doing it
    Test {
        /// The file
        file: PathBuf,
        /// The record's topic, below the node
        #[arg(long)]
        topic: String,
        /// Its payload
        #[arg(long)]
        payload: String,
        /// What the topic said before
        #[arg(long)]
        previous: Option<String>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Let a running node read its rules file again
    ///
    /// It does so by itself when the file changes; this says what is wrong with it.
    Reload(Hub),
}
