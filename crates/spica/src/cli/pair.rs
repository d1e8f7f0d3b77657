//! The arguments of `spica pair`.

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use spica_trust::Side;

use super::{Hub, time};

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
    /// Restart both nodes with another program, one after the other, while the pair goes on serving
    Upgrade(Upgrade),
}

#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    #[command(flatten)]
    pub(crate) hub: Hub,
    /// The command that restarts a node with the program that it is to run, for the shell, one for
    /// each side: --restart 'primary=ssh a systemctl restart spica' --restart 'backup=…'
    #[arg(long, value_name = "SIDE=COMMAND", required = true, num_args = 1)]
    pub(crate) restart: Vec<Restart>,
    /// Which node comes first: primary or backup. Without it, the passive; the active hands over
    /// before it is restarted
    #[arg(long, value_name = "SIDE")]
    pub(crate) first: Option<Side>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// How long each step may take: a command, a node's return, a switch-over
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5min")]
    pub(crate) timeout: Duration,
}

/// How a node is restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restart {
    pub(crate) side: Side,
    pub(crate) command: String,
}

impl FromStr for Restart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (side, command) = text
            .split_once('=')
            .filter(|(_, command)| !command.trim().is_empty())
            .ok_or_else(|| format!("{text:?} is not SIDE=COMMAND, such as primary=…"))?;
        Ok(Self {
            side: side.parse().map_err(|error| format!("{error}"))?,
            command: command.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_a_side_and_a_command() {
        let restart: Restart = "backup=ssh b 'X=1 restart'".parse().unwrap();
        assert_eq!(restart.side, Side::Backup);
        assert_eq!(restart.command, "ssh b 'X=1 restart'");
        for wrong in ["", "backup", "backup=", "backup= ", "b=restart"] {
            assert!(wrong.parse::<Restart>().is_err(), "{wrong}");
        }
    }
}
