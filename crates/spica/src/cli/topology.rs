//! The arguments of `spica topology`.

use std::net::SocketAddr;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Topology {
    /// Print a configuration of HAProxy in front of a pair
    Haproxy(Haproxy),
    /// Print a configuration of keepalived that gives the active of a pair a virtual address
    Keepalived(Keepalived),
}

#[derive(Debug, Args)]
pub(crate) struct Haproxy {
    /// A node of the pair and its HTTP address: a=10.0.0.1:8080 (both nodes; with the port of its
    /// station behind a comma if it is not that of --identicom: a=10.0.0.1:8080,5051)
    #[arg(
        long = "node",
        value_name = "NAME=HOST:PORT",
        required = true,
        num_args = 1
    )]
    pub(crate) nodes: Vec<PairNode>,
    /// Port of the nodes' Identicom stations
    #[arg(long, value_name = "PORT", default_value_t = 5050)]
    pub(crate) identicom: u16,
    /// Where HAProxy listens for devices
    #[arg(long, value_name = "ADDRESS", default_value = ":5050")]
    pub(crate) bind_identicom: String,
    /// Where HAProxy listens for HTTP
    #[arg(long, value_name = "ADDRESS", default_value = ":8080")]
    pub(crate) bind_http: String,
    /// Connections that HAProxy takes at once; it needs two file descriptors for each
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000)]
    pub(crate) connections: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Keepalived {
    /// For which node, by its side in the pair's configuration
    #[arg(long, value_enum)]
    pub(crate) side: Side,
    /// The address that follows the active, with its prefix length: 10.0.0.100/24
    #[arg(long, value_name = "ADDRESS/PREFIX")]
    pub(crate) virtual_ip: ipnet::IpNet,
    /// The network interface that carries it
    #[arg(long, value_name = "NAME", default_value = "eth0")]
    pub(crate) interface: String,
    /// Where this node's HTTP interface listens, as seen from itself
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) http: SocketAddr,
    /// Number of the virtual router: the same on both nodes, another one for each pair of a network
    #[arg(long, value_name = "NUMBER", default_value_t = 51, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) router_id: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// The primary
    Primary,
    /// The backup
    Backup,
}

/// A node of a pair, as a balancer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairNode {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) http: u16,
    /// The port of its station, if it is not the usual one.
    pub(crate) station: Option<u16>,
}

impl FromStr for PairNode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not NAME=HOST:PORT, such as a=10.0.0.1:8080");
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (address, station) = match rest.split_once(',') {
            Some((address, station)) => (address, Some(station)),
            None => (rest, None),
        };
        let (host, http) = address.rsplit_once(':').ok_or_else(wrong)?;
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        // They become words of a configuration file.
        let is_word = |word: &str, more: &[char]| {
            let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(&c);
            !word.is_empty() && word.chars().all(fits)
        };
        if !is_word(name, &['-', '_', '.']) || !is_word(host, &['-', '_', '.', ':', '[', ']']) {
            return Err(wrong());
        }
        Ok(Self {
            name: name.to_owned(),
            host: host.to_owned(),
            http: port(http).ok_or_else(wrong)?,
            station: station
                .map(|station| port(station).ok_or_else(wrong))
                .transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_name_and_an_address() {
        let node: PairNode = "a=10.0.0.1:8080".parse().unwrap();
        assert_eq!(
            (&*node.name, &*node.host, node.http),
            ("a", "10.0.0.1", 8_080)
        );
        let node: PairNode = "b-2=[2001:db8::2]:80,5051".parse().unwrap();
        assert_eq!((&*node.host, node.station), ("[2001:db8::2]", Some(5_051)));
        for wrong in [
            "a",
            "a=b",
            "=b:1",
            "a=:1",
            "a=b:0",
            "a=b:1,",
            "a=b:70000",
            "a b=c:1",
            "a=b\nc:1",
        ] {
            assert!(wrong.parse::<PairNode>().is_err(), "{wrong}");
        }
    }
}
