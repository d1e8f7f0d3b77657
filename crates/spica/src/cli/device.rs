//! The arguments of `spica device`.

use std::path::PathBuf;

use clap::Subcommand;

use super::Hub;

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// Register a device, or change its registration
    Add {
        #[command(flatten)]
        hub: Hub,
        /// Serial number, 1 to 10 characters
        serial: String,
        /// Who carries it
        #[arg(long)]
        name: Option<String>,
        /// Customer group, for statistics
        #[arg(long)]
        customer: Option<String>,
        /// A remark
        #[arg(long)]
        note: Option<String>,
        /// Minutes between two check-ins
        #[arg(long, default_value_t = 30)]
        check_in_minutes: u16,
        /// Minutes a check-in may be late
        #[arg(long, default_value_t = 5)]
        grace_minutes: u16,
        /// Allowed software version (several may be given; none: all)
        #[arg(long = "allow-version")]
        allowed_versions: Vec<String>,
    },
    /// Register devices from a CSV file (header: serial,name,check_in_minutes,grace_minutes,customer,note,enabled)
    Import {
        #[command(flatten)]
        hub: Hub,
        /// The file; - for standard input
        file: PathBuf,
    },
    /// List devices
    List {
        #[command(flatten)]
        hub: Hub,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Show a device with its last events and its commands
    Show {
        #[command(flatten)]
        hub: Hub,
        /// Serial number
        serial: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse a device from now on; an open connection is closed
    Disable {
        #[command(flatten)]
        hub: Hub,
        /// Serial number
        serial: String,
    },
    /// Accept a disabled device again
    Enable {
        #[command(flatten)]
        hub: Hub,
        /// Serial number
        serial: String,
    },
    /// Remove a device from the registry; its records stay
    Remove {
        #[command(flatten)]
        hub: Hub,
        /// Serial number
        serial: String,
    },
    /// Queue a command: spica device command 0012345678 show-text --text "Come home"
    Command {
        #[command(flatten)]
        hub: Hub,
        /// Serial number
        serial: String,
        /// Name of the command in the profile
        name: String,
        /// Minutes, for set-check-in-interval
        #[arg(long)]
        minutes: Option<u16>,
        /// Text, for show-text
        #[arg(long)]
        text: Option<String>,
        /// Event, for acknowledge-alert
        #[arg(long)]
        event: Option<String>,
        /// Arguments as hexadecimal bytes, for any command
        #[arg(long, conflicts_with_all = ["minutes", "text", "event"])]
        hex: Option<String>,
        /// Give up when the device has not taken it by then
        #[arg(long, value_name = "TIME", default_value = "24h")]
        expires_in: String,
    },
}
