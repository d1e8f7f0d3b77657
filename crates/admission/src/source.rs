//! What counts as one source.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Bits of an IPv4 address that tell sources apart.
const V4_BITS: u8 = 32;
/// Bits of an IPv6 address that tell sources apart: one subscriber is given a /64 or more.
const V6_BITS: u8 = 64;
/// Bits before the IPv4 address in an IPv4-mapped IPv6 address.
const MAPPED_BITS: u8 = 96;

/// The source of an address: an IPv4 address alone (also when it comes as an IPv4-mapped IPv6
/// address), the /64 of an IPv6 address.
#[must_use]
pub fn source_of(ip: IpAddr) -> IpNet {
    let ip = ip.to_canonical();
    let bits = if ip.is_ipv4() { V4_BITS } else { V6_BITS };
    net(ip, bits)
}

/// The net of `ip` with `bits`; of the whole address if there are not that many.
pub(crate) fn net(ip: IpAddr, bits: u8) -> IpNet {
    match ip {
        IpAddr::V4(ip) => Ipv4Net::new(ip, bits)
            .unwrap_or_else(|_| ip.into())
            .trunc()
            .into(),
        IpAddr::V6(ip) => Ipv6Net::new(ip, bits)
            .unwrap_or_else(|_| ip.into())
            .trunc()
            .into(),
    }
}

/// A net as it is compared here: without host bits, an IPv4-mapped one as IPv4.
pub(crate) fn canonical(source: IpNet) -> IpNet {
    let mapped = source.addr().to_canonical();
    if source.addr().is_ipv6() && mapped.is_ipv4() && source.prefix_len() >= MAPPED_BITS {
        return net(mapped, source.prefix_len() - MAPPED_BITS);
    }
    source.trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_addresses_or_slash_64s() {
        for (ip, want) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(source_of(ip.parse().unwrap()).to_string(), want);
        }
    }

    #[test]
    fn nets_are_compared_in_one_form() {
        for (net, want) in [
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.7/64", "::/64"),
            ("2001:db8::1/32", "2001:db8::/32"),
        ] {
            assert_eq!(canonical(net.parse().unwrap()).to_string(), want);
        }
    }
}
