//! Listening sockets, and accepting without spinning when descriptors run out.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections the system may complete before they are accepted: a fleet that comes back at once
/// waits here instead of being refused. The system's own limit (`net.core.somaxconn`) still holds.
const BACKLOG: i32 = 8_192;
/// How long accepting rests when the system has no room for another connection.
const REST: Duration = Duration::from_millis(50);

/// `EMFILE` and `ENFILE`: the process or the system has no descriptor left.
const NO_DESCRIPTORS: [i32; 2] = [24, 23];

/// Binds a listening socket.
///
/// # Errors
/// As the system says, such as an address in use.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it: no call per connection.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A listening socket with a descriptor in reserve.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    reserve: Option<File>,
}

/// What became of an attempt to accept.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// A connection.
    Connection(TcpStream, SocketAddr),
    /// No descriptor was left: a connection was closed unheard, by means of the reserve.
    Shed,
    /// The system could not accept; it was given a rest.
    Rested(io::Error),
}

impl Listener {
    pub(crate) fn new(socket: TcpListener) -> Self {
        Self {
            socket,
            reserve: reserve(),
        }
    }

    /// Accepts the next connection. Safe to cancel.
    pub(crate) async fn accept(&mut self) -> Accepted {
        if self.reserve.is_none() {
            self.reserve = reserve();
        }
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => return Accepted::Connection(stream, peer),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) if self.shed(&error) => return Accepted::Shed,
                Err(error) => {
                    tokio::time::sleep(REST).await;
                    return Accepted::Rested(error);
                }
            }
        }
    }

    /// Without a descriptor a connection stays in the backlog, and the listener is ready for ever.
    /// The reserve lets it be taken and closed, so that its device sees that and tries again later.
    /// Whether that was possible.
    fn shed(&mut self, error: &io::Error) -> bool {
        let exhausted = error
            .raw_os_error()
            .is_some_and(|code| NO_DESCRIPTORS.contains(&code));
        if !exhausted || self.reserve.take().is_none() {
            return false;
        }
        let mut cx = Context::from_waker(Waker::noop());
        let shed = self.socket.poll_accept(&mut cx);
        let was_possible = matches!(shed, Poll::Ready(Ok(_)));
        // Closed before the reserve takes its descriptor again.
        drop(shed);
        self.reserve = reserve();
        was_possible
    }
}

/// Errors of a connection that ended before it was accepted, not of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}
