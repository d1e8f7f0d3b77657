//! Connections in: who may have one, and what runs on it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
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
use crate::connection::{Patient, Sink};
use crate::link::{Link, UNSENT_BYTES};
use crate::metrics::Raised;
use crate::state::App;

/// How long a failed accept (no file descriptor left, mostly) holds up the next.
const PAUSE: Duration = Duration::from_millis(50);
/// Headers of a request.
const HEADERS: usize = 64;
/// Bytes of a request's head, and of what is read ahead.
const HEAD_BYTES: usize = 64 << 10;

/// Takes connections.
pub(crate) struct Acceptor {
    app: App,
    router: Router,
    tasks: TaskTracker,
    dropping: CancellationToken,
}

impl Acceptor {
    /// One that runs connections as `tasks`, until `dropping` is cancelled at the latest.
    pub(crate) const fn new(
        app: App,
        router: Router,
        tasks: TaskTracker,
        dropping: CancellationToken,
    ) -> Self {
        Self {
            app,
            router,
            tasks,
            dropping,
        }
    }

    /// Accepts until the interface stops.
    pub(crate) async fn run(self, listener: TcpListener) {
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
                    _open: Raised::new(&self.app.parts.metrics.connections),
                    app: self.app.clone(),
                    slot: Some(slot),
                };
                let connection = Arc::new(Connection {
                    peer,
                    link: Arc::default(),
                    router: self.router.clone(),
                    tasks: self.tasks.clone(),
                    dropping: self.dropping.clone(),
                    place,
                });
                let dropping = self.dropping.clone();
                self.tasks.spawn(async move {
                    tokio::select! {
                        () = serve(stream, connection) => {}
                        () = dropping.cancelled() => {}
                    }
                });
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

/// What a request's handler may know of the connection, in the request's extensions. Whoever keeps
/// it keeps the connection's place among all.
pub(crate) struct Connection {
    /// The address at the other end.
    pub(crate) peer: SocketAddr,
    /// What its link takes.
    pub(crate) link: Arc<Link>,
    /// The interface, for requests within a session.
    pub(crate) router: Router,
    /// Where what outlives the request runs: the interface waits for it when it stops.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when it has waited long enough.
    pub(crate) dropping: CancellationToken,
    place: Place,
}

/// A connection's place among all; given back when dropped.
struct Place {
    app: App,
    slot: Option<Slot>,
    _open: Raised,
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

/// Serves one connection, until it ends or becomes something else than HTTP.
async fn serve(stream: TcpStream, connection: Arc<Connection>) {
    let app = connection.place.app.clone();
    let peer = connection.peer;
    // Answers are whole when they are written: waiting for more would only add delay.
    let _ = stream.set_nodelay(true);
    // What waits in the system cannot be replaced by what is newer: on a thin link it would grow
    // old there.
    stream.keep_unsent(UNSENT_BYTES);
    let patience = app.settings.write_timeout.into();
    let stream = TokioIo::new(Patient::new(stream, Arc::clone(&connection.link), patience));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let extensions = request.extensions_mut();
        extensions.insert(Peer(peer));
        extensions.insert(Arc::clone(&connection));
        connection.router.clone().call(Request::from(request))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from(app.settings.idle_timeout))
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(stream, service)
        .with_upgrades();
    let mut served = pin!(served);
    let outcome = tokio::select! {
        outcome = served.as_mut() => outcome,
        () = app.stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
