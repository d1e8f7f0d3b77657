//! `spica topology`: configurations of what stands in front of a pair, so that clients find the
//! active. `docs/pair-clients.md` says which to choose.

mod haproxy;
mod keepalived;

use anyhow::Result;
use spica_node::Exit;

use crate::cli::Topology;
use crate::out;

/// Runs the command.
///
/// # Errors
/// If what is asked for makes no sense.
pub(crate) fn run(command: &Topology) -> Result<Exit> {
    let text = match command {
        Topology::Haproxy(args) => haproxy::render(args)?,
        Topology::Keepalived(args) => keepalived::render(args),
    };
    out::line(text.trim_end());
    Ok(Exit::Success)
}
