//! Finding the partner: both listen, both dial, one connection is enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use spica_pair_proto::Hello;
use spica_trust::{IdentityHolder, server_name};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::actor::Input;
use crate::link::{Greeting, HelloError, shake_hands};
use crate::metrics::Metrics;

/// Connections that are shaking hands at once: there is one partner.
const GUESTS: usize = 8;
/// How long the TLS handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often the files of the certificates are looked at.
const REFRESH: Duration = Duration::from_mins(1);

/// What both directions need.
pub(crate) struct Dialer {
    pub(crate) greeting: Greeting,
    pub(crate) identity: Arc<IdentityHolder>,
    pub(crate) metrics: Metrics,
    pub(crate) inputs: mpsc::Sender<Input>,
    /// Whether there is a connection.
    pub(crate) linked: Arc<AtomicBool>,
    pub(crate) next_id: AtomicU64,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the TLS handshake takes too long")]
    Slow,
    #[error(transparent)]
    Peer(#[from] spica_trust::PeerError),
    #[error("the certificate at the other end is that of {0}, which is not this node's partner")]
    Stranger(String),
    #[error(transparent)]
    Hello(#[from] HelloError),
}

impl Dialer {
    /// Dials `partner` whenever there is no connection, until the end.
    pub(crate) async fn dial(self: Arc<Self>, partner: String, heartbeat: Duration) {
        let mut pause = heartbeat;
        let mut said = String::new();
        loop {
            if !self.linked.load(Ordering::Relaxed) {
                match self.reach(&partner).await {
                    Ok(()) => pause = heartbeat,
                    Err(error) => {
                        self.complain(
                            &mut said,
                            &format!("cannot reach the partner at {partner}: {error}"),
                        );
                        pause = (pause * 2).min(PAUSE_MAX);
                    }
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn reach(&self, partner: &str) -> Result<(), DialError> {
        let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(partner));
        let stream = connecting.await.map_err(|_| DialError::Slow)??;
        stream.set_nodelay(true)?;
        self.refresh();
        let identity = self.identity.current();
        let connector = TlsConnector::from(identity.client_config());
        let shaking = tokio::time::timeout(PATIENCE, connector.connect(server_name(), stream));
        let tls = shaking.await.map_err(|_| DialError::Slow)??;
        self.greet(TlsStream::Client(tls), true).await
    }

    /// Takes the partner's connections, until the end.
    pub(crate) async fn listen(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(GUESTS));
        let mut said = String::new();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    self.complain(
                        &mut said,
                        &format!("the pair's link cannot accept: {error}"),
                    );
                    tokio::time::sleep(PAUSE_MAX).await;
                    continue;
                }
            };
            let dialer = Arc::clone(&self);
            tokio::spawn(async move {
                let from = stream
                    .peer_addr()
                    .map(|peer| peer.to_string())
                    .unwrap_or_default();
                if let Err(error) = dialer.welcome(stream).await {
                    tracing::warn!(from, "a connection to the pair's link is refused: {error}");
                }
                drop(place);
            });
        }
    }

    async fn welcome(&self, stream: TcpStream) -> Result<(), DialError> {
        stream.set_nodelay(true)?;
        self.refresh();
        let acceptor = TlsAcceptor::from(self.identity.current().server_config());
        let shaking = tokio::time::timeout(PATIENCE, acceptor.accept(stream));
        let tls = shaking.await.map_err(|_| DialError::Slow)??;
        self.greet(TlsStream::Server(tls), false).await
    }

    /// New certificates and lists of revoked ones count from the next connection on.
    fn refresh(&self) {
        if let Err(error) = self.identity.reload() {
            tracing::warn!("the certificates of the pair's link cannot be read again: {error}");
        }
        self.metrics.expires(self.identity.current().not_after());
    }

    /// Reads the certificates again from time to time, so that it shows in time when one expires.
    pub(crate) async fn watch_identity(self: Arc<Self>) {
        loop {
            self.refresh();
            tokio::time::sleep(REFRESH).await;
        }
    }

    async fn greet(
        &self,
        mut stream: TlsStream<TcpStream>,
        dialled: bool,
    ) -> Result<(), DialError> {
        let identity = self.identity.current();
        let peer = identity.peer_of(stream.get_ref().1)?;
        if Some(&peer) != identity.own().partner().as_ref() {
            return Err(DialError::Stranger(peer.to_uri()));
        }
        let theirs: Hello = shake_hands(&mut stream, &self.greeting).await?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let input = Input::LinkUp {
            id,
            stream: Box::new(stream),
            theirs,
            by_backup: dialled == (self.greeting.hello.side == "backup"),
        };
        // Without an actor there is nobody to talk to.
        let _ = self.inputs.send(input).await;
        Ok(())
    }

    /// Says what is wrong, once while it stays the same.
    fn complain(&self, said: &mut String, now: &str) {
        if said != now {
            now.clone_into(said);
            tracing::warn!("{now}");
        }
    }
}
