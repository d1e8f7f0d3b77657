//! Version 1: one line of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::{Header, ParseError};

/// How every line begins.
pub(crate) const PREFIX: &[u8] = b"PROXY ";

/// Reads a whole line, `PROXY ` included, its line end not.
pub(crate) fn parse(line: &[u8]) -> Result<Header, ParseError> {
    let line = line.strip_prefix(PREFIX).ok_or(ParseError::Line)?;
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        // The rest of an UNKNOWN line is to be ignored, whatever it is.
        return Ok(Header::Unknown);
    }
    let line = std::str::from_utf8(line).map_err(|_| ParseError::Line)?;
    let mut words = line.split(' ');
    let mut next = || words.next().ok_or(ParseError::Line);
    let (family, words_of_addresses) = (next()?, [next()?, next()?, next()?, next()?]);
    if words.next().is_some() || words_of_addresses.contains(&"") {
        return Err(ParseError::Line);
    }
    match family {
        "TCP4" => addresses::<Ipv4Addr>(words_of_addresses),
        "TCP6" => addresses::<Ipv6Addr>(words_of_addresses),
        _ => Err(ParseError::Line),
    }
}

fn addresses<Ip: FromStr + Into<IpAddr>>(words: [&str; 4]) -> Result<Header, ParseError> {
    let [source, destination, source_port, destination_port] = words;
    let address = |ip: &str, port: &str| {
        let ip: Ip = ip.parse().map_err(|_| ParseError::Address)?;
        Ok(SocketAddr::new(ip.into(), self::port(port)?))
    };
    Ok(Header::Proxied {
        source: address(source, source_port)?,
        destination: address(destination, destination_port)?,
    })
}

fn port(digits: &str) -> Result<u16, ParseError> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    match digits.parse() {
        Ok(port) if plain && !leading_zero => Ok(port),
        _ => Err(ParseError::Port),
    }
}
