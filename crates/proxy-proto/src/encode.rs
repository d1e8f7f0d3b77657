//! Writing headers: what balancers do, for tests and simulated fleets.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::{Header, v2};

impl Header {
    /// The header as a line of version 1. That version has no word for [`Header::Local`]:
    /// it is written as `UNKNOWN`.
    #[must_use]
    pub fn encode_v1(&self) -> Vec<u8> {
        let Self::Proxied {
            source,
            destination,
        } = self
        else {
            return b"PROXY UNKNOWN\r\n".to_vec();
        };
        let (source, destination) = one_family(*source, *destination);
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        format!(
            "PROXY {family} {} {} {} {}\r\n",
            source.ip(),
            destination.ip(),
            source.port(),
            destination.port()
        )
        .into_bytes()
    }

    /// The header in version 2, with `fields` (encoded type-length-value fields) behind the
    /// addresses. More than 65,535 bytes cannot be announced: fields that are longer are cut.
    #[must_use]
    pub fn encode_v2(&self, fields: &[u8]) -> Vec<u8> {
        let (command, family, mut rest) = match self {
            Self::Local => (0x20, 0x00, Vec::new()),
            Self::Unknown => (0x21, 0x00, Vec::new()),
            Self::Proxied {
                source,
                destination,
            } => {
                let (source, destination) = one_family(*source, *destination);
                let family = if source.is_ipv4() { 0x11 } else { 0x21 };
                (0x21, family, addresses(source, destination))
            }
        };
        rest.extend(fields);
        rest.truncate(usize::from(u16::MAX));
        let mut bytes = v2::SIGNATURE.to_vec();
        bytes.extend([command, family]);
        // Truncated to what a u16 can say.
        bytes.extend((rest.len() as u16).to_be_bytes());
        bytes.extend(rest);
        bytes
    }
}

/// Both addresses as they are if of one family, else both as version 6.
fn one_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    (as_v6(source), as_v6(destination))
}

fn as_v6(address: SocketAddr) -> SocketAddr {
    let ip: Ipv6Addr = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    SocketAddr::new(ip.into(), address.port())
}

fn addresses(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36);
    for ip in [source.ip(), destination.ip()] {
        match ip {
            IpAddr::V4(ip) => bytes.extend(ip.octets()),
            IpAddr::V6(ip) => bytes.extend(ip.octets()),
        }
    }
    bytes.extend(source.port().to_be_bytes());
    bytes.extend(destination.port().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Parser, Progress};

    fn decode(bytes: &[u8]) -> Header {
        match Parser::default().push(bytes) {
            Ok(Progress::Done { header, taken }) => {
                assert_eq!(taken, bytes.len());
                header
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn addresses_of_two_families_are_written_as_version_6() {
        let header = Header::Proxied {
            source: "192.0.2.1:1".parse().unwrap(),
            destination: "[2001:db8::2]:2".parse().unwrap(),
        };
        let want = Header::Proxied {
            source: "[::ffff:192.0.2.1]:1".parse().unwrap(),
            destination: "[2001:db8::2]:2".parse().unwrap(),
        };
        assert_eq!(decode(&header.encode_v1()), want);
        assert_eq!(decode(&header.encode_v2(&[])), want);
    }

    #[test]
    fn headers_without_an_address_are_written() {
        assert_eq!(decode(&Header::Local.encode_v1()), Header::Unknown);
        assert_eq!(decode(&Header::Local.encode_v2(&[1, 0, 0])), Header::Local);
        assert_eq!(decode(&Header::Unknown.encode_v2(&[])), Header::Unknown);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(
            v6: bool, source: u128, destination: u128, ports: (u16, u16),
            fields in proptest::collection::vec(0u8.., 0..100),
        ) {
            let ip = |bits: u128| -> IpAddr {
                if v6 { Ipv6Addr::from(bits).into() } else { std::net::Ipv4Addr::from(bits as u32).into() }
            };
            let header = Header::Proxied {
                source: SocketAddr::new(ip(source), ports.0),
                destination: SocketAddr::new(ip(destination), ports.1),
            };
            proptest::prop_assert_eq!(decode(&header.encode_v1()), header);
            proptest::prop_assert_eq!(decode(&header.encode_v2(&fields)), header);
        }
    }
}
