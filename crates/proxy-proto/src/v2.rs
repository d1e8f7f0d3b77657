//! Version 2: a fixed part, addresses, fields.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{Header, ParseError, V2_FIXED_BYTES, V2_REST_BYTES_MAX};

/// How every binary header begins.
pub(crate) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The address families a header may name, and how many bytes their two addresses take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// LOCAL, or a family that is not told: no address is read.
    None,
    V4,
    V6,
    Unix,
}

impl Family {
    const fn address_bytes(self) -> u16 {
        match self {
            Self::None => 0,
            Self::V4 => 12,
            Self::V6 => 36,
            Self::Unix => 216,
        }
    }
}

/// The fixed part, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixed {
    local: bool,
    family: Family,
    rest_bytes: u16,
}

impl Fixed {
    /// Reads the 16 bytes every header has; the signature was compared already.
    pub(crate) fn parse(fixed: &[u8; V2_FIXED_BYTES]) -> Result<Self, ParseError> {
        let [.., command, family, high, low] = *fixed;
        let rest_bytes = u16::from_be_bytes([high, low]);
        if command >> 4 != 2 {
            return Err(ParseError::Version(command >> 4));
        }
        let local = match command & 0x0f {
            0 => true,
            1 => false,
            other => return Err(ParseError::Command(other)),
        };
        let family = match family {
            _ if local => Family::None,
            0x00 => Family::None,
            0x11 => Family::V4,
            0x21 => Family::V6,
            0x31 => Family::Unix,
            other => return Err(ParseError::Family(other)),
        };
        if usize::from(rest_bytes) > V2_REST_BYTES_MAX {
            return Err(ParseError::TooLong(rest_bytes));
        }
        if rest_bytes < family.address_bytes() {
            return Err(ParseError::TooShort(rest_bytes));
        }
        Ok(Self {
            local,
            family,
            rest_bytes,
        })
    }

    /// What the header says, if `rest`, the bytes after the fixed part, has the addresses.
    pub(crate) fn header(self, rest: &[u8]) -> Option<Header> {
        match self.family {
            Family::None if self.local => Some(Header::Local),
            Family::None | Family::Unix => Some(Header::Unknown),
            Family::V4 => {
                let (source, rest) = rest.split_first_chunk::<4>()?;
                let (destination, rest) = rest.split_first_chunk::<4>()?;
                proxied(Ipv4Addr::from(*source), Ipv4Addr::from(*destination), rest)
            }
            Family::V6 => {
                let (source, rest) = rest.split_first_chunk::<16>()?;
                let (destination, rest) = rest.split_first_chunk::<16>()?;
                proxied(Ipv6Addr::from(*source), Ipv6Addr::from(*destination), rest)
            }
        }
    }

    /// How many bytes follow those that [`Fixed::header`] looks at.
    pub(crate) const fn skipped_bytes(self) -> u16 {
        match self.family {
            Family::None | Family::Unix => self.rest_bytes,
            family => self.rest_bytes - family.address_bytes(),
        }
    }
}

fn proxied(
    source: impl Into<IpAddr>,
    destination: impl Into<IpAddr>,
    ports: &[u8],
) -> Option<Header> {
    let (source_port, rest) = ports.split_first_chunk::<2>()?;
    let (destination_port, _) = rest.split_first_chunk::<2>()?;
    Some(Header::Proxied {
        source: SocketAddr::new(source.into(), u16::from_be_bytes(*source_port)),
        destination: SocketAddr::new(destination.into(), u16::from_be_bytes(*destination_port)),
    })
}
