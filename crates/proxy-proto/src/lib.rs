//! PROXY protocol headers, versions 1 (text) and 2 (binary): a pure incremental parser.
//!
//! A balancer puts the header before the first byte of a connection to say for whom it speaks.
//! [`Parser`] takes the bytes as they come, keeps at most 107 of them, and says when the header is
//! complete and which bytes it did not take. It is strict: what it does not understand is an error,
//! at the first byte that shows it.
//!
//! What is not here: any socket, and any decision who may speak PROXY. Only balancers from a
//! configured list may; from anyone else the header is a lie about an address. The type-length-value
//! fields of version 2 are skipped, their checksum (type 3) among them.

mod encode;
mod parser;
mod v1;
mod v2;

use std::net::SocketAddr;

pub use parser::{Parser, Progress};

/// Bytes of the longest version 1 header, its line end included.
pub const V1_BYTES_MAX: usize = 107;
/// Bytes before the addresses of a version 2 header.
pub const V2_FIXED_BYTES: usize = 16;
/// Most bytes of addresses and fields of a version 2 header. The format allows 65,535; balancers
/// send well under a tenth of this.
pub const V2_REST_BYTES_MAX: usize = 4_096;

/// What a header says about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The balancer speaks for itself, as in a health check.
    Local,
    /// The balancer speaks for someone whose address it does not tell (`UNKNOWN`, or a Unix socket).
    Unknown,
    /// The balancer speaks for `source`, who dialled `destination`. Both are of one family.
    Proxied {
        /// The client's address.
        source: SocketAddr,
        /// The address the client dialled.
        destination: SocketAddr,
    },
}

/// Why bytes are no PROXY header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The first bytes are those of neither version.
    #[error("no PROXY header: the connection does not begin with one")]
    Signature,
    /// No line end within [`V1_BYTES_MAX`].
    #[error("the PROXY line is longer than {V1_BYTES_MAX} bytes")]
    LineTooLong,
    /// A line of the wrong form.
    #[error("the PROXY line is malformed")]
    Line,
    /// An address of the line cannot be read, or is not of the family that it names.
    #[error("an address of the PROXY line cannot be read")]
    Address,
    /// A port of the line is no number from 0 to 65535 without leading zeros.
    #[error("a port of the PROXY line cannot be read")]
    Port,
    /// A version other than 2 behind the binary signature.
    #[error("version {0} of the binary PROXY header is unknown")]
    Version(u8),
    /// A command other than LOCAL and PROXY.
    #[error("command {0} of the binary PROXY header is unknown")]
    Command(u8),
    /// A family and transport that cannot be those of a TCP connection.
    #[error("family and transport {0:#04x} of the binary PROXY header are not those of a stream")]
    Family(u8),
    /// More bytes of addresses and fields than [`V2_REST_BYTES_MAX`].
    #[error("the binary PROXY header announces {0} bytes; {V2_REST_BYTES_MAX} are allowed")]
    TooLong(u16),
    /// Fewer bytes than the addresses of its family need.
    #[error("the binary PROXY header announces {0} bytes, too few for its addresses")]
    TooShort(u16),
}
