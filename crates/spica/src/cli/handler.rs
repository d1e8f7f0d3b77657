//! The arguments of `spica handler`.

use clap::Subcommand;

use super::Hub;

#[derive(Debug, Subcommand)]
pub(crate) enum Handler {
    /// List handlers: how far each is, what it is at
    List {
        #[command(flatten)]
        hub: Hub,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Let a handler do nothing until it is resumed, also after a restart
    Pause {
        #[command(flatten)]
        hub: Hub,
        /// The handler
        name: String,
        /// Why
        #[arg(long, alias = "reason")]
        why: String,
    },
    /// Let a paused handler go on
    Resume {
        #[command(flatten)]
        hub: Hub,
        /// The handler
        name: String,
        /// Why
        #[arg(long, alias = "reason", default_value = "done")]
        why: String,
    },
    /// List what a handler could not handle
    Dead {
        #[command(flatten)]
        hub: Hub,
        /// The handler
        name: String,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Give dead letters to the handler again
    Replay {
        #[command(flatten)]
        hub: Hub,
        /// The handler
        name: String,
        /// Which one; all without it
        id: Option<String>,
    },
    /// Delete dead letters without handling them
    Drop {
        #[command(flatten)]
        hub: Hub,
        /// The handler
        name: String,
        /// Which one
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All of them
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Why
        #[arg(long, alias = "reason")]
        why: String,
    },
}
