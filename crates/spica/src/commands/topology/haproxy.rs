//! HAProxy in front of a pair.

use std::collections::HashSet;
use std::fmt::Write;

use anyhow::{Result, ensure};

use crate::cli::{Haproxy, PairNode};

const HEAD: &str = "\
# HAProxy (2.4 or later) in front of a pair of Spica nodes, by `spica topology haproxy`.
#
# Connections go to the node whose /health/active answers 200. When it no longer does, its
# connections are closed, so that clients dial again and reach the other one.
#
# A node takes over when its partner is gone AND a client asks for it. Hence the servers named
# vote-…: they get connections while no node is active, unchecked, in turn. The passive closes
# what it gets, unless that is the vote that makes it active.
#
# In the configuration of both nodes:
#   [identicom]  proxy_protocol_from = [\"<this machine's address>/32\"]
#   [http]       trusted = [\"<this machine's address>/32\"]   # one source for all clients
";

const DEFAULTS: &str = "\
defaults
    mode tcp
    option redispatch 1
    retries 3
    timeout connect 500ms
    timeout check 500ms
    # Live streams send a line every 15 s; devices end a dialogue long before that.
    timeout client 60s
    timeout server 60s
";

/// What both listeners do.
const BALANCE: &str = "    balance roundrobin
    option allbackups
    option httpchk
    http-check send meth GET uri /health/active ver HTTP/1.1 hdr Host spica
    http-check expect status 200
    default-server inter 250ms fastinter 100ms downinter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
";

/// The configuration as text.
///
/// # Errors
/// If these are not two nodes.
pub(super) fn render(args: &Haproxy) -> Result<String> {
    let names: HashSet<&str> = args.nodes.iter().map(|node| &*node.name).collect();
    ensure!(
        args.nodes.len() == 2 && names.len() == 2,
        "a pair has two nodes with names of their own: --node a=10.0.0.1:8080 --node b=10.0.0.2:8080"
    );
    let mut text = format!(
        "{HEAD}\nglobal\n    maxconn {}\n\n{DEFAULTS}",
        args.connections
    );
    let station = |node: &PairNode| node.station.unwrap_or(args.identicom);
    listen(
        &mut text,
        ("spica-identicom", &args.bind_identicom, " send-proxy-v2"),
        &args.nodes,
        station,
    )?;
    let http = ("spica-http", &*args.bind_http, "");
    listen(&mut text, http, &args.nodes, |node| node.http)?;
    Ok(text)
}

fn listen(
    text: &mut String,
    (name, bind, with): (&str, &str, &str),
    nodes: &[PairNode],
    port: impl Fn(&PairNode) -> u16,
) -> Result<()> {
    write!(text, "\nlisten {name}\n    bind {bind}\n{BALANCE}")?;
    for node in nodes {
        let PairNode {
            name, host, http, ..
        } = node;
        let port = port(node);
        writeln!(
            text,
            "    server {name} {host}:{port}{with} check port {http}"
        )?;
    }
    for node in nodes {
        let PairNode { name, host, .. } = node;
        let port = port(node);
        writeln!(text, "    server vote-{name} {host}:{port}{with} backup")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(nodes: &[&str]) -> Haproxy {
        Haproxy {
            nodes: nodes.iter().map(|node| node.parse().unwrap()).collect(),
            identicom: 5_050,
            bind_identicom: ":5050".into(),
            bind_http: "127.0.0.1:80".into(),
            connections: 7,
        }
    }

    #[test]
    fn each_node_is_checked_by_http_and_gets_votes() {
        let text = render(&args(&["a=10.0.0.1:8080", "b=10.0.0.2:8081,5051"])).unwrap();
        for line in [
            "maxconn 7",
            "bind :5050",
            "bind 127.0.0.1:80",
            "server a 10.0.0.1:5050 send-proxy-v2 check port 8080",
            "server b 10.0.0.2:5051 send-proxy-v2 check port 8081",
            "server vote-b 10.0.0.2:5051 send-proxy-v2 backup",
            "server b 10.0.0.2:8081 check port 8081",
            "server vote-a 10.0.0.1:8080 backup",
        ] {
            let found = text.lines().any(|found| found.trim() == line);
            assert!(found, "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_pair_has_two_nodes() {
        for nodes in [
            &["a=h:1"][..],
            &["a=h:1", "a=i:1"],
            &["a=h:1", "b=h:2", "c=h:3"],
        ] {
            assert!(render(&args(nodes)).is_err(), "{nodes:?}");
        }
    }
}
