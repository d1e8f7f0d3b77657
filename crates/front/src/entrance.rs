//! From an accepted connection to the station's task.

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::OptionFuture;
use spica_role::Service;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, Core};
use crate::front::Arrival;
use crate::io::Io;
use crate::listener::{Accepted, Listener};
use crate::metrics::count;
use crate::prelude::{Raw, prelude};
use crate::stop::Stopping;
use crate::upgrade::WebSocket;

/// How connections of a listener come in.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) acceptor: Option<TlsAcceptor>,
    pub(crate) web_socket: Option<WebSocket>,
}

impl Door {
    const fn is_plain(&self) -> bool {
        self.acceptor.is_none() && self.web_socket.is_none()
    }
}

/// What one listener needs for its connections.
pub(crate) struct Entrance<S> {
    pub(crate) core: Arc<Core>,
    pub(crate) door: Arc<Door>,
    pub(crate) connections: TaskTracker,
    pub(crate) serve: Arc<S>,
}

impl<S, F> Entrance<S>
where
    S: Fn(Arrival) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    /// Accepts connections until the station stops.
    pub(crate) async fn accept(self, mut listener: Listener) {
        let mut stopping = Stopping::lasting(Arc::clone(&self.core));
        let mut was_refused = false;
        while let Some(accepted) = stopping.unless(pin!(listener.accept())).await {
            let is_refused = matches!(accepted, Accepted::Shed | Accepted::Rested(_));
            match accepted {
                Accepted::Connection(stream, peer) => {
                    if let Ok(connection) = Connection::admit(&self.core, peer) {
                        self.open(connection, Raw::Tcp(stream));
                    }
                }
                Accepted::Shed => count(&self.core.metrics().refused, "no-descriptors"),
                Accepted::Rested(error) => {
                    self.core.metrics().accept_errors.inc();
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

    /// Gives a connection its task. One before which nothing comes has the station's future and no
    /// other.
    pub(crate) fn open(&self, connection: Connection, raw: Raw) {
        let core = &self.core;
        let stopping = Stopping::new(Arc::clone(core));
        let is_plain = self.door.is_plain() && !core.is_balancer(connection.remote().ip());
        if !is_plain || !core.deps.role.serves() {
            let before = Box::pin(prelude(connection, raw, Arc::clone(&self.door)));
            self.connections
                .spawn(after(before, Arc::clone(&self.serve)));
            return;
        }
        let io = match raw {
            Raw::Tcp(stream) => Io::plain(stream),
            Raw::Pipe(pipe) => Io::pipe(pipe),
        };
        self.connections.spawn((self.serve)(Arrival {
            connection,
            io,
            stopping,
            client_certificate: None,
            service: Service::Here,
            listener: self.door.name,
            opened: core.deps.clock.monotonic(),
        }));
    }
}

/// Serves what comes of the prelude. That is on the heap and gone when it is over; the combinators
/// have room for it or for what follows, where an `async` block would have room for both.
fn after<S, F>(
    before: impl Future<Output = Option<Arrival>> + Unpin + Send,
    serve: Arc<S>,
) -> impl Future<Output = ()> + Send
where
    S: Fn(Arrival) -> F + Send + Sync,
    F: Future<Output = ()> + Send,
{
    before
        .then(move |arrival| OptionFuture::from(arrival.map(|arrival| serve(arrival))))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A station's future that waits with its arrival.
    #[expect(
        clippy::manual_async_fn,
        reason = "as stations do it: an async fn would keep room for the arrival twice"
    )]
    fn idle(arrival: Arrival) -> impl Future<Output = ()> + Send {
        async move {
            std::future::pending::<()>().await;
            drop(arrival);
        }
    }

    const fn bytes_of<A, F>(_make: fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_behind_a_prelude_is_hardly_larger() {
        type Before = std::pin::Pin<Box<dyn Future<Output = Option<Arrival>> + Send>>;
        let before: Before = Box::pin(std::future::ready(None));
        let (arrival, plain) = (size_of::<Arrival>(), bytes_of(idle));
        let late = size_of_val(&after(before, Arc::new(idle)));
        assert!(arrival <= 288, "{arrival} bytes");
        assert!(plain <= arrival + 32, "{plain} bytes for {arrival}");
        assert!(
            late <= plain + 48,
            "{late} bytes after a prelude, {plain} without one"
        );
    }
}
