//! Where the parts listen.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Breach, Rules};
use crate::config::finding::{Code, Severity};

impl Rules<'_> {
    pub(super) fn addresses(&mut self) {
        let listens = self.draft.value.listens();
        for (number, (key, address)) in listens.iter().enumerate() {
            for (other_key, other) in listens.iter().take(number) {
                if clash(*address, *other) {
                    self.clash((key, *address), (other_key, *other));
                }
            }
        }
        self.exposed();
    }

    fn clash(&mut self, (key, address): (&str, SocketAddr), other: (&str, SocketAddr)) {
        let (other_key, other) = other;
        let message = format!(
            "`{key}` ({}) and `{other_key}` ({}) want the same port",
            self.value(key, address),
            self.value(other_key, other),
        );
        self.report(Breach {
            code: Code::AddressClash,
            severity: Severity::Error,
            message,
            help: "give one of them another port; port 0 takes a free one".to_owned(),
            keys: &[(key, "this".to_owned()), (other_key, "and this".to_owned())],
        });
    }

    /// Tokens go over the HTTP interface as they are.
    fn exposed(&mut self) {
        let listen = self.draft.value.http.listen;
        if listen.ip().to_canonical().is_loopback() {
            return;
        }
        self.report(Breach {
            code: Code::Exposed,
            severity: Severity::Warning,
            message: format!(
                "`http.listen` is {listen}: tokens and data cross the network in clear"
            ),
            help: "listen on loopback and put a proxy with TLS in front, or be sure of the network"
                .to_owned(),
            keys: &[("http.listen", "reachable from other machines".to_owned())],
        });
    }
}

/// Whether two sockets cannot listen at once. An IPv6 wildcard takes IPv4 as well, as Linux has it.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    if one.port() != other.port() || one.port() == 0 {
        return false;
    }
    let (one, other) = (one.ip().to_canonical(), other.ip().to_canonical());
    one == other || covers(one, other) || covers(other, one)
}

fn covers(wildcard: IpAddr, other: IpAddr) -> bool {
    match wildcard {
        IpAddr::V6(address) => address.is_unspecified(),
        IpAddr::V4(address) => address == Ipv4Addr::UNSPECIFIED && other.is_ipv4(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_clash_as_the_system_has_it() {
        for (one, other, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("0.0.0.0:1", "127.0.0.2:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::]:1", "0.0.0.0:1", true),
            ("[::1]:1", "127.0.0.1:1", false),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true),
        ] {
            let (one, other): (SocketAddr, SocketAddr) =
                (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(clash(one, other), expected, "{one} {other}");
            assert_eq!(clash(other, one), expected, "{other} {one}");
        }
    }
}
