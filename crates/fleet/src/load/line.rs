//! A connection of a load generator: a non-blocking socket and what has happened on it.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

use super::Target;
use crate::plan::device_source;
use crate::wire::Decoder;

/// A connection.
pub(super) struct Line {
    pub(super) socket: OwnedFd,
    pub(super) decoder: Decoder,
    pub(super) began: Instant,
    pub(super) last: Instant,
    /// The identity has gone out.
    pub(super) greeted: bool,
    pub(super) heard: bool,
    pub(super) told: bool,
}

impl Line {
    /// `greeted` says whether the connection stands already, as it mostly does on loopback.
    pub(super) fn dial(
        target: &Target,
        epoll: &OwnedFd,
        device: u32,
        now: Instant,
    ) -> io::Result<Self> {
        let endpoint = target.endpoint;
        let family = if endpoint.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        if target.spread_sources && endpoint.is_ipv4() && endpoint.ip().is_loopback() {
            bind(&socket, &SocketAddr::new(device_source(device).into(), 0))?;
        }
        let connected = match connect(&socket, &endpoint) {
            Ok(()) => true,
            Err(Errno::INPROGRESS) => false,
            Err(error) => return Err(error.into()),
        };
        let interest = if connected {
            epoll::EventFlags::IN
        } else {
            epoll::EventFlags::OUT
        };
        let data = epoll::EventData::new_u64(device.into());
        epoll::add(epoll, &socket, data, interest)?;
        let decoder = Decoder::default();
        let (heard, told) = (false, false);
        Ok(Self {
            socket,
            decoder,
            began: now,
            last: now,
            greeted: connected,
            heard,
            told,
        })
    }
}
