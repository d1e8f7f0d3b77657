//! The station as a whole: listening, stopping.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use spica_front::{Front, FrontDeps, Listen, ListenError, Rules, Stopped, TlsError};
use spica_model::TopicError;

use crate::session::Session;
use crate::shared::{Deps, Shared};
use crate::work::GONE;
use crate::{Settings, device};

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

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::Bind {
                address, source, ..
            } => Self::Listen { address, source },
            ListenError::Tls(error) => Self::Tls(error),
        }
    }
}

/// A running station. Dropped without [`Server::stop`], it cuts its connections.
#[derive(Debug)]
pub struct Server {
    front: Front,
    local_addr: SocketAddr,
    tls_addr: Option<SocketAddr>,
}

impl Server {
    /// Starts listening. To be called in a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// If an address cannot be listened on, certificate and key cannot be used, or the node's path
    /// is too long.
    pub fn start(settings: &Settings, deps: Deps) -> Result<Self, StartError> {
        device::check_topics(&deps.node, &deps.profile)?;
        let front = front(settings, &deps);
        let tls = settings.tls.as_ref();
        let tls = tls.map(|tls| (tls.listen, tls.files(&deps.base)));
        let shared = Arc::new(Shared::new(deps));
        let listen = |address, tls| {
            let shared = Arc::clone(&shared);
            let listen = Listen {
                name: "Identicom station",
                address,
                tls,
                web_socket: None,
            };
            front.listen(listen, move |arrival| {
                converse(Session::new(Arc::clone(&shared), arrival))
            })
        };
        let tls_addr = match tls {
            Some((address, files)) => Some(listen(address, Some(files))?),
            None => None,
        };
        let local_addr = listen(settings.listen, None)?;
        Ok(Self {
            front,
            local_addr,
            tls_addr,
        })
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
        self.front.connections()
    }

    /// Stops: takes no new connections, closes those whose device is not known yet, lets the others
    /// finish their log within `deadline`, and cuts what is left then.
    pub async fn stop(self, deadline: Duration) -> Stopped {
        self.front.stop(deadline).await
    }
}

/// What stands before the station.
fn front(settings: &Settings, deps: &Deps) -> Front {
    let rules = Rules {
        balancers: settings.proxy_protocol_from.clone(),
        // A device has as long for each step as to say who it is.
        patience: deps.profile.timeouts.idle,
        gone: GONE,
        greets_when_passive: false,
    };
    let deps = FrontDeps {
        admission: Arc::clone(&deps.admission),
        role: Arc::clone(&deps.role),
        clock: Arc::clone(&deps.clock),
        metrics: deps.metrics.front.clone(),
    };
    Front::new(deps, rules)
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
