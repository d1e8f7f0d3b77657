//! Client connections without a task or a buffer of their own, many on one thread.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::wire;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 256 << 10;
/// Connections that hear of something at once.
const EVENTS: usize = 1_024;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which connections have something to read.
pub(super) struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    pub(super) fn new() -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let events = Vec::with_capacity(EVENTS);
        Ok(Self { epoll, events })
    }

    pub(super) fn add(&self, peer: &Peer, name: usize) -> Result<()> {
        let data = epoll::EventData::new_u64(name as u64);
        epoll::add(&self.epoll, &peer.stream, data, epoll::EventFlags::IN)?;
        Ok(())
    }

    /// Waits, and puts the names of those with something to read into `ready`.
    pub(super) fn wait(&mut self, at_most: Duration, ready: &mut Vec<usize>) -> Result<()> {
        ready.clear();
        self.events.clear();
        let timeout = Timespec {
            tv_sec: at_most.as_secs() as i64,
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        let waited = epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            Some(&timeout),
        );
        match waited {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        ready.extend(self.events.iter().map(|event| event.data.u64() as usize));
        Ok(())
    }
}

/// What is read into, for all peers of a thread.
pub(super) struct Piece(Vec<u8>);

impl Piece {
    pub(super) fn new() -> Self {
        Self(vec![0; PIECE_BYTES])
    }
}

/// A connection.
pub(super) struct Peer {
    stream: TcpStream,
    /// What has come of a packet that is not whole.
    left: Vec<u8>,
}

/// How much was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// So many whole packets.
    Packets(usize),
    /// The server has closed the connection.
    End,
}

impl Peer {
    /// Connects, says `hello` and does not wait for the answer.
    pub(super) fn open(server: SocketAddr, hello: &[u8]) -> Result<Self> {
        let mut stream = TcpStream::connect(server).context("cannot connect to the server")?;
        stream.set_nodelay(true)?;
        stream.write_all(hello)?;
        stream.set_nonblocking(true)?;
        let left = Vec::new();
        Ok(Self { stream, left })
    }

    /// Connects, and waits until the server has taken it and each of `requests`.
    pub(super) fn greeted(server: SocketAddr, hello: &[u8], requests: &[&[u8]]) -> Result<Self> {
        let mut peer = Self::open(server, hello)?;
        peer.stream.set_nonblocking(false)?;
        peer.stream.set_read_timeout(Some(PATIENCE))?;
        let mut ack = [0; 5];
        peer.stream.read_exact(&mut ack[..wire::ACK_BYTES])?;
        ensure!(
            ack[0] == wire::CONNACK && ack[3] == 0,
            "the server refuses: {ack:?}"
        );
        for request in requests {
            peer.stream.write_all(request)?;
            peer.stream.read_exact(&mut ack)?;
            ensure!(ack[0] == 0x90 && ack[4] < 3, "no subscription: {ack:?}");
        }
        peer.stream.set_nonblocking(true)?;
        Ok(peer)
    }

    /// Writes as much of it as goes now.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.stream.write(bytes) {
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error).context("cannot write to the server"),
        }
    }

    /// Writes a short packet, for which there is room when the server has answered all before.
    pub(super) fn say(&mut self, packet: &[u8]) -> Result<()> {
        ensure!(
            self.write(packet)? == packet.len(),
            "the server does not read"
        );
        Ok(())
    }

    /// Reads once; all packets are `length` bytes long, and each is shown.
    pub(super) fn read(
        &mut self,
        length: usize,
        piece: &mut Piece,
        mut show: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<Came> {
        let kept = self.left.len();
        piece.0[..kept].copy_from_slice(&self.left);
        let count = match self.stream.read(&mut piece.0[kept..]) {
            Ok(0) => return Ok(Came::End),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Came::Packets(0)),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Came::End),
            Err(error) => return Err(error).context("cannot read from the server"),
        };
        let packets = piece.0[..kept + count].chunks_exact(length);
        let (whole, rest) = (packets.len(), packets.remainder());
        self.left.clear();
        self.left.extend_from_slice(rest);
        for packet in packets {
            show(packet)?;
        }
        Ok(Came::Packets(whole))
    }

    /// Waits until the connection has something to read, at most as long as an answer may take.
    pub(super) fn wait(&self, within: Duration) -> Result<bool> {
        let mut poll = Poll::new()?;
        let mut ready = Vec::new();
        poll.add(self, 0)?;
        poll.wait(within, &mut ready)?;
        Ok(!ready.is_empty())
    }
}

/// An acknowledgement as it must be.
pub(super) fn check_ack(packet: &[u8], first: u8) -> Result<()> {
    if packet[0] != first || packet[1] != 2 {
        bail!("the server answers {packet:?}");
    }
    Ok(())
}
