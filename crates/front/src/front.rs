//! The front as a whole: listening, accepting, stopping.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use parking_lot::Mutex;
use spica_admission::{Admission, Refusal};
use spica_clock::SharedClock;
use spica_role::{Service, SharedRole};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::certificate::ClientCertificate;
use crate::connection::{Connection, Core};
use crate::entrance::{Door, Entrance};
use crate::io::Io;
use crate::listener::{self, Listener};
use crate::metrics::Metrics;
use crate::pipe::Pipe;
use crate::prelude::Raw;
use crate::stop::{Phase, Stop, Stopping};
use crate::tls::{self, TlsError, TlsFiles};
use crate::upgrade::WebSocket;

/// How long nobody asks again whether the node serves after it has ceased to: a role that is gone,
/// and said last that it serves, must not keep a core busy. Nothing is acknowledged meanwhile.
const REST: Duration = Duration::from_millis(20);

/// The parts of the node that a front works with.
#[derive(Clone)]
pub struct FrontDeps {
    /// Who decides about new connections; shared with whoever bans by hand.
    pub admission: Arc<Mutex<Admission>>,
    /// Whether this node serves: one of a pair only does while it is active.
    pub role: SharedRole,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: Metrics,
}

/// What holds for all listeners of a station.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Networks of balancers. Connections from there must begin with a PROXY protocol header, all
    /// others must not.
    pub balancers: Vec<IpNet>,
    /// How long each step before the station may take.
    pub patience: Duration,
    /// How a connection that its client closed is counted, such as `device-closed`.
    pub gone: &'static str,
    /// Whether the station itself tells clients where to go while the node does not serve. It is given
    /// them with an [`Arrival::service`] that says so; else they are closed.
    pub greets_when_passive: bool,
}

/// One listener.
#[derive(Debug, Clone)]
pub struct Listen {
    /// What it is called in messages, and in [`Arrival::listener`].
    pub name: &'static str,
    /// Where.
    pub address: SocketAddr,
    /// With TLS, if these are set.
    pub tls: Option<TlsFiles>,
    /// Over WebSocket, if this is set.
    pub web_socket: Option<WebSocket>,
}

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be listened on.
    #[error("the {name} cannot listen on {address}: {source}")]
    Bind {
        /// The listener.
        name: &'static str,
        /// Where it should listen.
        address: SocketAddr,
        /// What the system says, such as an address in use.
        source: io::Error,
    },
    /// The listener's certificates or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A connection that has come so far that the station is to serve it.
#[derive(Debug)]
pub struct Arrival {
    /// Its place among all. To be dropped before the stream: who sees the connection closed finds its
    /// slot free.
    pub connection: Connection,
    /// Its bytes.
    pub io: Io,
    /// Tells when it is to end. Begun before it was known that the node serves, so that the end of
    /// that is not missed.
    pub stopping: Stopping,
    /// What the client has shown, on a listener that asks for certificates.
    pub client_certificate: Option<Box<ClientCertificate>>,
    /// Whether the node serves it. Elsewhere only if the station wants to know
    /// ([`Rules::greets_when_passive`]).
    pub service: Service,
    /// Which listener it came in by.
    pub listener: &'static str,
    /// When it was accepted.
    pub opened: Instant,
}

/// What a stop found open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that ended by themselves.
    pub finished: usize,
    /// Connections that were cut when the time was over. What they had acknowledged is safe.
    pub cut: usize,
}

/// The listeners and connections of a station. Dropped without [`Front::stop`], it cuts them.
#[derive(Debug)]
pub struct Front {
    core: Arc<Core>,
    listeners: TaskTracker,
    connections: TaskTracker,
    /// Cuts the connections when the node ceases to serve.
    _role: AbortOnDropHandle<()>,
}

impl Front {
    /// A front without listeners. To be called in a tokio runtime with time and I/O.
    #[must_use]
    pub fn new(deps: FrontDeps, rules: Rules) -> Self {
        let core = Arc::new(Core {
            deps,
            rules,
            stop: Stop::default(),
        });
        Self {
            _role: AbortOnDropHandle::new(tokio::spawn(watch_role(Arc::clone(&core)))),
            core,
            listeners: TaskTracker::new(),
            connections: TaskTracker::new(),
        }
    }

    /// Listens, and runs what `serve` makes of each connection as a task of its own. Where it listens:
    /// another address than told if the port is 0.
    ///
    /// What `serve` returns is what an idle connection costs, byte by byte: a function that makes a
    /// struct of the arrival and returns an `async` block that owns only that is cheapest.
    ///
    /// # Errors
    /// If the address cannot be listened on, or certificates and key cannot be used.
    pub fn listen<S, F>(&self, listen: Listen, serve: S) -> Result<SocketAddr, ListenError>
    where
        S: Fn(Arrival) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Listen { name, address, .. } = listen;
        let acceptor = match &listen.tls {
            Some(files) => Some(tls::acceptor(files, &self.core.deps.clock)?),
            None => None,
        };
        let door = Arc::new(Door {
            name,
            acceptor,
            web_socket: listen.web_socket,
        });
        let failed = |source| ListenError::Bind {
            name,
            address,
            source,
        };
        let socket = listener::bind(address).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        let entrance = Entrance {
            core: Arc::clone(&self.core),
            door,
            connections: self.connections.clone(),
            serve: Arc::new(serve),
        };
        self.listeners.spawn(entrance.accept(Listener::new(socket)));
        Ok(bound)
    }

    /// Takes a connection in memory as if it had come from `remote`, which is no balancer's address.
    ///
    /// # Errors
    /// If admission refuses it.
    pub fn attach<S, F>(&self, pipe: Pipe, remote: SocketAddr, serve: S) -> Result<(), Refusal>
    where
        S: Fn(Arrival) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let entrance = Entrance {
            core: Arc::clone(&self.core),
            door: Arc::new(Door {
                name: "memory",
                acceptor: None,
                web_socket: None,
            }),
            connections: self.connections.clone(),
            serve: Arc::new(serve),
        };
        let connection = Connection::admit(&self.core, remote)?;
        entrance.open(connection, Raw::Pipe(pipe));
        Ok(())
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// A place among those to wake when the station stops, for a task that outlives the node's reigns.
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        Stopping::lasting(Arc::clone(&self.core))
    }

    /// Stops: takes no new connections, closes those that the station has not seen yet, lets the
    /// others finish within `deadline`, and cuts what is left then.
    pub async fn stop(self, deadline: Duration) -> Stopped {
        let open = self.connections.len();
        self.core.stop.advance(Phase::Finishing);
        self.listeners.close();
        self.listeners.wait().await;
        self.connections.close();
        let finished = tokio::time::timeout(deadline, self.connections.wait()).await;
        let cut = if finished.is_ok() {
            0
        } else {
            self.connections.len()
        };
        self.core.stop.advance(Phase::Cut);
        self.connections.wait().await;
        Stopped {
            finished: open.saturating_sub(cut),
            cut,
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.core.stop.advance(Phase::Cut);
    }
}

/// Cuts what is open whenever the node ceases to serve: what its clients would still be told is for
/// its partner to say.
async fn watch_role(core: Arc<Core>) {
    let role = &core.deps.role;
    loop {
        role.began().await;
        role.ended().await;
        core.stop.cut_reign();
        tokio::time::sleep(REST).await;
    }
}
