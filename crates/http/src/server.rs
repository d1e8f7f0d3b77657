//! The listener: connections in, an orderly end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use spica_admission::{Refusal, Slot};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::auth::Peer;
use crate::config::Settings;
use crate::connection::Patient;
use crate::guard::{guard, no_such_method, no_such_path};
use crate::metrics::Raised;
use crate::openapi;
use crate::state::{App, Parts};

/// Connections that wait to be accepted, as far as the system allows.
const BACKLOG: u32 = 4_096;
/// How long a failed accept (no file descriptor left, mostly) holds up the next.
const PAUSE: Duration = Duration::from_millis(50);

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
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let stop_timeout = settings.stop_timeout.into();
        let (app, router) = assemble(settings, parts, stopping.clone());
        let acceptor = Acceptor {
            app,
            router,
            tasks: tasks.clone(),
        };
        tasks.spawn(acceptor.run(listener));
        Ok(Self {
            address,
            stopping,
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
        match tokio::time::timeout(self.stop_timeout, self.tasks.wait()).await {
            Ok(()) => 0,
            Err(_) => self.tasks.len(),
        }
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
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app.clone());
    (app, router)
}

struct Acceptor {
    app: App,
    router: Router,
    tasks: TaskTracker,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.app.stopping.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) => {
                    self.app.parts.metrics.refused("accept_failed");
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let decided = self
            .app
            .admission
            .lock()
            .admit(self.app.monotonic(), peer.ip());
        match decided {
            Ok(slot) => {
                let place = Place {
                    app: self.app.clone(),
                    slot: Some(slot),
                };
                self.tasks
                    .spawn(serve(stream, peer, place, self.router.clone()));
            }
            Err(refusal) => {
                self.app.parts.metrics.refused(refusal.as_str());
                refuse(&stream, refusal);
            }
        }
    }
}

/// Says why, as far as that goes without waiting, and closes.
fn refuse(stream: &TcpStream, refusal: Refusal) {
    let status = match refusal {
        Refusal::Banned => "403 Forbidden",
        _ => "503 Service Unavailable\r\nRetry-After: 1",
    };
    let detail = refusal.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\
         \r\n\r\n{detail}",
        detail.len()
    );
    // A fresh socket's buffer takes this at once, or the client does without.
    let _ = stream.try_write(answer.as_bytes());
}

/// A connection's place among all; given back when dropped.
struct Place {
    app: App,
    slot: Option<Slot>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.app
                .admission
                .lock()
                .release(self.app.monotonic(), slot);
        }
    }
}

/// Serves one connection.
async fn serve(stream: TcpStream, peer: SocketAddr, place: Place, router: Router) {
    let app = place.app.clone();
    let _open = Raised::new(&app.parts.metrics.connections);
    // Answers are whole when they are written: waiting for more would only add delay.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(Patient::new(stream, app.settings.write_timeout.into()));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(Request::from(request))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from(app.settings.idle_timeout))
        .max_headers(64)
        .max_buf_size(64 << 10)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = app.stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
    drop(place);
}

/// The interface as a service, without a listener: for tests and for documents.
pub fn router(settings: Settings, parts: Parts) -> Router {
    assemble(settings, parts, CancellationToken::new()).1
}
