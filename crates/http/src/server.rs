//! The interface as a whole: its parts put together, its start, its orderly end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::Acceptor;
use crate::config::Settings;
use crate::guard::{guard, no_such_method, no_such_path};
use crate::openapi;
use crate::served::served;
use crate::state::{App, Parts};

/// Connections that wait to be accepted, as far as the system allows.
const BACKLOG: u32 = 4_096;

/// Why the interface could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} (http.listen): {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// An open node on an address that others reach.
    #[error("an open node listens on loopback only; {0} (http.listen) is none")]
    OpenNotLoopback(SocketAddr),
}

/// The interface, listening.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stopping: CancellationToken,
    dropping: CancellationToken,
    tasks: TaskTracker,
    stop_timeout: Duration,
}

impl Server {
    /// Listens, and serves until [`Server::stop`].
    ///
    /// # Errors
    /// If the address cannot be listened on, or is not loopback although the node is open.
    pub async fn start(settings: Settings, parts: Parts) -> Result<Self, StartError> {
        let address = settings.listen;
        if parts.open && !address.ip().is_loopback() {
            return Err(StartError::OpenNotLoopback(address));
        }
        let listener = bind(address).map_err(|source| StartError::Listen { address, source })?;
        let address = listener.local_addr().unwrap_or(address);
        let (stopping, dropping) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let stop_timeout = settings.stop_timeout.into();
        let (app, router) = assemble(settings, parts, stopping.clone());
        let acceptor = Acceptor::new(app, router, tasks.clone(), dropping.clone());
        tasks.spawn(acceptor.run(listener));
        Ok(Self {
            address,
            stopping,
            dropping,
            tasks,
            stop_timeout,
        })
    }

    /// Where it listens; the port is the one that was taken if the settings say 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: accepts nothing more, ends live streams, lets requests in hand finish within
    /// `http.stop_timeout`, then drops what is left. Says how many connections were dropped.
    pub async fn stop(&self) -> usize {
        self.stopping.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(self.stop_timeout, self.tasks.wait()).await;
        if finished.is_ok() {
            return 0;
        }
        let dropped = self.tasks.len();
        self.dropping.cancel();
        self.tasks.wait().await;
        dropped
    }

    /// Resolves when nothing is served any more: after [`Server::stop`], or if the listener ended by
    /// itself, which it does not.
    pub async fn ended(&self) {
        self.stopping.cancelled().await;
        self.tasks.wait().await;
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    // A restart must not wait for connections that linger from before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The whole interface without a listener.
pub(crate) fn assemble(
    settings: Settings,
    parts: Parts,
    stopping: CancellationToken,
) -> (App, Router) {
    let (routes, document) = openapi::routes();
    // Built from constants: that it has a JSON form is tested.
    let openapi = Bytes::from(document.to_json().unwrap_or_default());
    let app = App::new(settings, parts, openapi, stopping);
    let router = routes
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(app.clone(), served))
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app.clone());
    (app, router)
}

/// The interface as a service, without a listener: for tests and for documents.
pub fn router(settings: Settings, parts: Parts) -> Router {
    assemble(settings, parts, CancellationToken::new()).1
}
