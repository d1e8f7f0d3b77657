//! Where stations are, and how a device gets a connection to one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// The stations' addresses, in the order in which they are tried.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    addresses: Vec<SocketAddr>,
    spread_sources: bool,
}

impl Endpoints {
    /// Looks the names up, once.
    pub(crate) async fn resolve(names: &[String], spread_sources: bool) -> io::Result<Self> {
        let mut addresses = Vec::new();
        for name in names {
            let found = lookup_host(name.as_str()).await;
            let found =
                found.map_err(|e| io::Error::new(e.kind(), format!("endpoint {name}: {e}")))?;
            addresses.extend(found);
        }
        Ok(Self {
            addresses,
            spread_sources,
        })
    }

    /// How many addresses there are.
    pub(crate) const fn len(&self) -> usize {
        self.addresses.len()
    }

    /// A connection to the first station that takes one within `patience` each, from `source` if
    /// the station is on loopback.
    pub(crate) async fn connect(
        &self,
        source: Ipv4Addr,
        patience: Duration,
    ) -> io::Result<TcpStream> {
        let mut last = missing();
        for at in 0..self.len() {
            match self.connect_to(at, source, patience).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A connection to the station with the address number `at`, counted around.
    pub(crate) async fn connect_to(
        &self,
        at: usize,
        source: Ipv4Addr,
        patience: Duration,
    ) -> io::Result<TcpStream> {
        let at = at.checked_rem(self.len()).ok_or_else(missing)?;
        tokio::time::timeout(patience, self.dial(self.addresses[at], source)).await?
    }

    async fn dial(&self, address: SocketAddr, source: Ipv4Addr) -> io::Result<TcpStream> {
        let socket = match address.ip() {
            IpAddr::V4(ip) => {
                let socket = TcpSocket::new_v4()?;
                if self.spread_sources && ip.is_loopback() {
                    socket.bind(SocketAddr::new(source.into(), 0))?;
                }
                socket
            }
            IpAddr::V6(_) => TcpSocket::new_v6()?,
        };
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn missing() -> io::Error {
    io::Error::new(io::ErrorKind::AddrNotAvailable, "no station has an address")
}
