//! The arguments of `spica pair`.

use clap::Subcommand;

use super::Hub;

#[derive(Debug, Subcommand)]
pub(crate) enum Pair {
    /// Show how each named node stands, side by side; fails unless exactly one of them serves
    Status {
        #[command(flatten)]
        hub: Hub,
        /// Print JSON: an array with an object per node
        #[arg(long)]
        json: bool,
    },
    /// Let the active hand over to its partner; loses nothing
    SwitchOver {
        #[command(flatten)]
        hub: Hub,
    },
    /// Let the named node follow its partner, and give up its own journal where that differs
    Rejoin {
        #[command(flatten)]
        hub: Hub,
    },
    /// Make the named node active, whatever it may lack
    Promote {
        #[command(flatten)]
        hub: Hub,
        /// Say that you know: what only the other node holds is not served any more
        #[arg(long)]
        i_know: bool,
    },
}
