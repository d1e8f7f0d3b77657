//! The arguments of `spica ca`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rustls::pki_types::ServerName;
use spica_model::Topic;
use spica_trust::{Serial, Side};

/// Where the authority is.
#[derive(Debug, Args, Clone)]
pub(crate) struct Directory {
    /// The authority's directory. Its key signs for every node: keep it, and a copy, where no node is
    #[arg(long, value_name = "DIR", default_value = "ca")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ca {
    /// Make an authority
    Init {
        #[command(flatten)]
        directory: Directory,
        /// Its name, for people
        #[arg(long, default_value = "Spica")]
        name: String,
    },
    /// Issue a node's certificate, and write all files that the node needs
    Issue {
        #[command(flatten)]
        directory: Directory,
        /// The node's path in the tree, such as root/s1
        #[arg(long, value_name = "PATH")]
        node: Topic,
        /// Its side, if it is one of a pair: primary or backup
        #[arg(long, value_name = "SIDE")]
        side: Option<Side>,
        /// Host name or IP address, for programs that look at it; links do not (may be given several
        /// times)
        #[arg(long = "address", value_name = "HOST|IP", value_parser = address)]
        addresses: Vec<ServerName<'static>>,
        /// Where node.crt, node.key, ca.crt and ca.crl are written: a directory for this node alone
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Days that the certificate is valid
        #[arg(long, value_name = "N", default_value_t = 730)]
        days: u32,
    },
    /// Revoke certificates and sign a new list, ca.crl, which then goes to every node
    #[command(group = clap::ArgGroup::new("which").required(true).args(["serial", "node"]))]
    Revoke {
        #[command(flatten)]
        directory: Directory,
        /// The certificate with this serial number
        #[arg(long, value_name = "HEX")]
        serial: Option<Serial>,
        /// All certificates of this node
        #[arg(long, value_name = "PATH")]
        node: Option<Topic>,
        /// Of this side of the pair only
        #[arg(long, value_name = "SIDE", requires = "node")]
        side: Option<Side>,
    },
    /// List what was issued
    List {
        #[command(flatten)]
        directory: Directory,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show what a certificate says: whose it is, how long it is valid, its fingerprint
    Show {
        /// A PEM file
        file: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

fn address(text: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(text.to_owned())
        .map_err(|_| "neither a host name nor an IP address".to_owned())
}
