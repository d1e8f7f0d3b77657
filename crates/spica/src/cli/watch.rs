//! The arguments of `spica watch`.

use clap::Args;

use super::Hub;

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) hub: Hub,
    /// Topics: + is one level, a final # all below
    pub(crate) filter: String,
    /// One JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Each record, instead of the latest of each state
    #[arg(long, conflicts_with = "window")]
    pub(crate) each: bool,
    /// Only what happens from now on
    #[arg(long)]
    pub(crate) from_now: bool,
    /// Compute over the numbers of each topic: `OPERATIONS:KIND:SIZE[:FIELD]`, such as
    /// mean:periodic:1000 (ms) or min,max:sliding:10:/temperature; operations: count, sum, min, max,
    /// mean, variance, stdev, first, last; kinds: tumbling, sliding, periodic, monotonic
    #[arg(long, value_name = "WINDOW")]
    pub(crate) window: Option<String>,
    /// End after so many values
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// At most so many bytes per second
    #[arg(long, value_name = "BYTES")]
    pub(crate) bytes_per_s: Option<u64>,
}
