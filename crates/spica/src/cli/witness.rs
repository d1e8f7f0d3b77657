//! The arguments of `spica witness`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Subcommand;
use spica_settings::Span;
use spica_witness::Address;

#[derive(Debug, Subcommand)]
pub(crate) enum Witness {
    /// Be the witness of pairs, on a machine that is neither of the two nodes
    Serve {
        /// Where to listen. It speaks plain HTTP: put a proxy with TLS in front beyond loopback
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7488")]
        listen: SocketAddr,
        /// Where to keep what it records; made if it is missing
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// A file with the token that nodes must show, on one line
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
    },
    /// Show which epoch a witness, of whatever kind, has recorded for a pair
    Show {
        /// The pair's name, such as root/s1
        pair: String,
        /// The witness's address, as in the configuration
        #[arg(long, value_name = "URL")]
        url: Address,
        /// The user, for NATS and etcd that know users
        #[arg(long)]
        user: Option<String>,
        /// A file with the token or password, on one line
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// A PEM file with the authorities that the witness's certificate may come from
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
        /// How long to wait for it
        #[arg(long, value_name = "TIME", default_value = "5s")]
        timeout: Span,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
