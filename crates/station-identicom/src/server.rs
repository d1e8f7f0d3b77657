//! The station as a whole: listening, accepting, stopping.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use spica_model::TopicError;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::codec::Io;
use crate::listener::{self, Accepted, Listener};
use crate::metrics::count;
use crate::prelude::prelude;
use crate::session::Session;
use crate::shared::{Connection, Deps, Shared};
use crate::stop::{Phase, Stopping};
use crate::{Settings, TlsError, device, tls};

/// How long nobody asks again whether the node serves after it has ceased to: a role that is gone,
/// and said last that it serves, must not keep a core busy. Nothing is acknowledged meanwhile.
const REST: Duration = Duration::from_millis(20);

/// Why a station cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("the Identicom station cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says, such as an address in use.
        source: io::Error,
    },
    /// The TLS listener's certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The node's path leaves no room for the topics of its devices.
    #[error("the node's path is too long for the topics of Identicom devices: {0}")]
    Node(#[from] TopicError),
}

/// What a stop found open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that ended by themselves.
    pub finished: usize,
    /// Connections that were cut when the time was over. What they had acknowledged is safe.
    pub cut: usize,
}

/// A running station. Dropped without [`Server::stop`], it cuts its connections.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    local_addr: SocketAddr,
    tls_addr: Option<SocketAddr>,
    listeners: TaskTracker,
    connections: TaskTracker,
    /// Cuts the connections when the node ceases to serve.
    _role: AbortOnDropHandle<()>,
}

impl Server {
    /// Starts listening. To be called in a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// If an address cannot be listened on, certificate and key cannot be used, or the node's path
    /// is too long.
    pub fn start(settings: &Settings, deps: Deps) -> Result<Self, StartError> {
        device::check_topics(&deps.node, &deps.profile)?;
        let secure = match &settings.tls {
            None => None,
            Some(tls) => {
                let (certificate, key) = tls.files(&deps.base);
                Some((bind(tls.listen)?, tls::acceptor(&certificate, &key)?))
            }
        };
        let (plain, local_addr) = bind(settings.listen)?;
        let balancers = settings.proxy_protocol_from.clone();
        let shared = Arc::new(Shared::new(deps, balancers));
        let server = Self {
            _role: AbortOnDropHandle::new(tokio::spawn(watch_role(Arc::clone(&shared)))),
            shared,
            local_addr,
            tls_addr: secure.as_ref().map(|((_, address), _)| *address),
            listeners: TaskTracker::new(),
            connections: TaskTracker::new(),
        };
        server.accept_on(plain, None);
        if let Some(((listener, _), acceptor)) = secure {
            server.accept_on(listener, Some(acceptor));
        }
        Ok(server)
    }

    fn accept_on(&self, listener: Listener, acceptor: Option<TlsAcceptor>) {
        let connections = self.connections.clone();
        let accepting = accept(Arc::clone(&self.shared), listener, acceptor, connections);
        self.listeners.spawn(accepting);
    }

    /// Where devices dial in.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where devices dial in with TLS.
    #[must_use]
    pub const fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls_addr
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Stops: takes no new connections, closes those whose device is not known yet, lets the others
    /// finish their log within `deadline`, and cuts what is left then.
    pub async fn stop(self, deadline: Duration) -> Stopped {
        let open = self.connections.len();
        self.shared.stop.advance(Phase::Finishing);
        self.listeners.close();
        self.listeners.wait().await;
        self.connections.close();
        let finished = tokio::time::timeout(deadline, self.connections.wait()).await;
        let cut = if finished.is_ok() {
            0
        } else {
            self.connections.len()
        };
        self.shared.stop.advance(Phase::Cut);
        self.connections.wait().await;
        Stopped {
            finished: open.saturating_sub(cut),
            cut,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.advance(Phase::Cut);
    }
}

fn bind(address: SocketAddr) -> Result<(Listener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let socket = listener::bind(address).map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((Listener::new(socket), bound))
}

/// Accepts connections until the station stops.
async fn accept(
    shared: Arc<Shared>,
    mut listener: Listener,
    acceptor: Option<TlsAcceptor>,
    connections: TaskTracker,
) {
    let mut stopping = Stopping::lasting(Arc::clone(&shared));
    let mut was_refused = false;
    while let Some(accepted) = stopping.unless(pin!(listener.accept())).await {
        let is_refused = matches!(accepted, Accepted::Shed | Accepted::Rested(_));
        match accepted {
            Accepted::Connection(stream, peer) => {
                if let Ok(connection) = Connection::admit(&shared, peer) {
                    open(&connections, connection, stream, acceptor.as_ref());
                }
            }
            Accepted::Shed => count(&shared.metrics().refused, "no-descriptors"),
            Accepted::Rested(error) => {
                shared.metrics().accept_errors.inc();
                if !was_refused {
                    tracing::error!(%error, "the system accepts no connections");
                }
            }
        }
        if is_refused && !was_refused {
            tracing::error!(
                "connections are refused: the process has no file descriptors left. Raise its limit (ulimit -n, LimitNOFILE), or lower the number of connections"
            );
        }
        was_refused = is_refused;
    }
}

/// Cuts what is open whenever the node ceases to serve: what its devices would still be told is for
/// its partner to say.
async fn watch_role(shared: Arc<Shared>) {
    let role = &shared.deps.role;
    loop {
        role.began().await;
        role.ended().await;
        shared.stop.cut_reign();
        tokio::time::sleep(REST).await;
    }
}

/// Gives a connection its task.
fn open(
    connections: &TaskTracker,
    connection: Connection,
    stream: TcpStream,
    acceptor: Option<&TlsAcceptor>,
) {
    let shared = &connection.shared;
    let stopping = Stopping::new(Arc::clone(shared));
    let is_plain = acceptor.is_none() && !shared.is_balancer(connection.remote.ip());
    if !is_plain || !shared.deps.role.serves() {
        connections.spawn(serve(connection, stream, acceptor.cloned()));
        return;
    }
    let opened = shared.deps.clock.monotonic();
    let session = Session::new(connection, Io::plain(stream), stopping, opened);
    connections.spawn(converse(session));
}

/// Serves a connection that does not begin with its first frame: a balancer's header, a vote, or a
/// TLS handshake come before.
async fn serve(mut connection: Connection, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
    let opened = connection.shared.deps.clock.monotonic();
    let prelude = prelude(&mut connection, stream, acceptor);
    // On the heap, and gone when it is over.
    if let Some((io, stopping)) = Box::pin(prelude).await {
        converse(Session::new(connection, io, stopping, opened)).await;
    }
}

/// Leads a conversation to its end. This future is what an idle connection costs: it is a block and
/// not an `async fn`, which would have room for the session twice.
#[expect(
    clippy::manual_async_fn,
    reason = "an async fn moves its argument into its body and keeps room for both"
)]
fn converse(mut session: Session) -> impl Future<Output = ()> + Send {
    async move {
        session.run().await;
        if session.has_jobs() {
            Box::pin(session.finish()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of the future that `_make` returns.
    const fn future_bytes<A, F>(_make: fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_connection_is_small() {
        let bytes = future_bytes(converse);
        assert!(bytes <= 1_200, "{bytes} bytes, whatever a connection does");
    }
}
