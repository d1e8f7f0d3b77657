//! The arguments of `spica case` and `spica alert`.

use clap::{Args, Subcommand};

use super::Hub;

#[derive(Debug, Subcommand)]
pub(crate) enum Case {
    /// List cases, the newest first
    List {
        #[command(flatten)]
        hub: Hub,
        /// open, all, unacknowledged, acknowledged, cleared-unacknowledged, cleared or closed
        #[arg(long, default_value = "open")]
        state: String,
        /// This severity or worse: low, medium, high, emergency
        #[arg(long)]
        severity: Option<String>,
        /// What it is about, such as devices/0012345
        #[arg(long)]
        source: Option<String>,
        /// The condition, such as man-down
        #[arg(long)]
        condition: Option<String>,
        /// Whose device it is
        #[arg(long)]
        customer: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Show a case with its steps and the messages about it
    Show {
        #[command(flatten)]
        hub: Hub,
        /// The case, such as 1-17
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Acknowledge a case: someone takes care
    Ack(Act),
    /// Confirm a case: what had to be done was done
    Confirm(Act),
    /// Clear a case whose device does not say that it is over; wants a reason
    Clear(Act),
    /// Close a case
    Close(Act),
    /// Remark something about a case; the remark is the reason
    Comment(Act),
    /// Make a case someone's task
    Assign {
        #[command(flatten)]
        act: Act,
        /// Whose; nobody's without it
        #[arg(long)]
        to: Option<String>,
    },
    /// Alert nobody of a condition for a while
    Shelve {
        #[command(flatten)]
        what: CaseCondition,
        /// For how long, such as 30min; without it until the condition has returned to normal once
        #[arg(long = "for", value_name = "TIME")]
        duration: Option<String>,
    },
    /// Take a condition off the shelf
    Unshelve(CaseCondition),
    /// Alert nobody of a condition that says nothing in this situation; wants a reason
    Suppress(CaseCondition),
    /// Alert of a condition again
    Unsuppress(CaseCondition),
    /// Alert nobody of a condition whose source is being repaired; wants a reason
    OutOfService(CaseCondition),
    /// The source of a condition is repaired
    InService(CaseCondition),
    /// List what is shelved, suppressed or out of service
    Shelved {
        #[command(flatten)]
        hub: Hub,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Act {
    #[command(flatten)]
    pub(crate) hub: Hub,
    /// The case, such as 1-17
    pub(crate) id: String,
    /// Why
    #[arg(long, alias = "reason")]
    pub(crate) why: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CaseCondition {
    #[command(flatten)]
    pub(crate) hub: Hub,
    /// What it is about, such as devices/0012345
    pub(crate) source: String,
    /// The condition, such as man-down
    pub(crate) condition: String,
    /// Why
    #[arg(long, alias = "reason")]
    pub(crate) why: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    /// Show the alarm desk: its channels, what is on its way, what failed
    Status {
        #[command(flatten)]
        hub: Hub,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a test message, which raises no case
    Test {
        #[command(flatten)]
        hub: Hub,
        /// person:NAME, rota:NAME, channel:NAME or channel:NAME:ADDRESS, as in the plan file
        to: String,
    },
    /// Check a plan file without a running node
    Check {
        /// The file
        file: std::path::PathBuf,
    },
}
