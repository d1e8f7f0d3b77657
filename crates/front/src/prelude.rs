//! What comes before the station: a balancer's header, whether the node serves, a TLS handshake, a
//! WebSocket's opening.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use spica_admission::Offence;
use spica_proxy_proto::{Header, ParseError, Parser, Progress};
use spica_role::Service;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::buffers::with_buffers;
use crate::certificate::ClientCertificate;
use crate::connection::{Connection, Core};
use crate::entrance::Door;
use crate::front::Arrival;
use crate::io::Io;
use crate::pipe::Pipe;
use crate::stop::Stopping;
use crate::tls;
use crate::upgrade::{self, UpgradeError};

/// How long a client waits at most while a pair decides who serves it.
const VOTE_WAIT: Duration = Duration::from_secs(2);

/// A connection as it was accepted.
pub(crate) enum Raw {
    Tcp(TcpStream),
    Pipe(Pipe),
}

/// Why a connection ends before the station sees it.
#[derive(Debug)]
enum Failure {
    /// The other side is gone.
    Gone,
    /// It took too long.
    TimedOut,
    /// The station stops.
    Stopped,
    /// The node does not serve: its partner does, or nobody yet.
    Passive,
    /// A balancer did not say properly for whom it speaks.
    Proxy(ParseError),
    /// The client is refused; it is counted already.
    Refused,
    /// The TLS handshake failed.
    Tls(io::Error),
    /// The request was not for a WebSocket of this listener.
    Upgrade(upgrade::Refusal),
}

type Certificate = Option<Box<ClientCertificate>>;

/// What all steps come to.
struct Opened {
    io: Io,
    client_certificate: Certificate,
    stopping: Stopping,
    service: Service,
}

/// Does what comes before the station, each step in the time of the front's patience. None if the
/// connection ends here, which is counted.
pub(crate) async fn prelude(
    mut connection: Connection,
    raw: Raw,
    door: Arc<Door>,
) -> Option<Arrival> {
    let opened = connection.core.deps.clock.monotonic();
    match open(&mut connection, raw, &door).await {
        Ok(Opened {
            io,
            client_certificate,
            stopping,
            service,
        }) => Some(Arrival {
            connection,
            io,
            stopping,
            client_certificate,
            service,
            listener: door.name,
            opened,
        }),
        Err(failure) => {
            let (reason, offence) = note(&connection, failure);
            connection.count_end(reason);
            if let Some(offence) = offence {
                connection.offence(offence);
            }
            None
        }
    }
}

fn note(connection: &Connection, failure: Failure) -> (&'static str, Option<Offence>) {
    let Core { deps, rules, .. } = &*connection.core;
    match failure {
        Failure::Gone => (rules.gone, Some(Offence::Probe)),
        Failure::TimedOut => ("handshake-timeout", Some(Offence::HandshakeTimeout)),
        Failure::Stopped => ("stopped", None),
        Failure::Passive => ("passive", None),
        Failure::Proxy(error) => {
            deps.metrics.proxy_errors.inc();
            let balancer = connection.remote();
            tracing::warn!(%balancer, %error, "no valid PROXY header from a balancer");
            ("proxy", None)
        }
        Failure::Refused => ("refused", None),
        Failure::Tls(error) => {
            deps.metrics.tls_errors.inc();
            tracing::debug!(remote = %connection.remote(), %error, "a TLS handshake failed");
            ("tls", tls::is_probe(&error).then_some(Offence::Probe))
        }
        Failure::Upgrade(refusal) => {
            deps.metrics.upgrade_errors.inc();
            tracing::debug!(remote = %connection.remote(), %refusal, "no WebSocket was opened");
            ("upgrade", refusal.is_probe().then_some(Offence::Probe))
        }
    }
}

async fn open(connection: &mut Connection, raw: Raw, door: &Door) -> Result<Opened, Failure> {
    let core = Arc::clone(&connection.core);
    if let Raw::Tcp(stream) = &raw
        && core.is_balancer(connection.remote().ip())
    {
        let mut stopping = Stopping::new(Arc::clone(&core));
        let client = in_time(&core, &mut stopping, client(stream)).await?;
        if let Some(client) = client {
            connection.name(client).map_err(|_| Failure::Refused)?;
        }
    }
    let (mut stopping, service) = served(&core).await?;
    let (mut io, client_certificate) = match (raw, &door.acceptor) {
        (Raw::Pipe(pipe), _) => (Io::pipe(pipe), None),
        (Raw::Tcp(stream), None) => (Io::plain(stream), None),
        (Raw::Tcp(stream), Some(acceptor)) => {
            in_time(&core, &mut stopping, secured(stream, acceptor)).await?
        }
    };
    if let Some(wanted) = &door.web_socket {
        let upgraded = async { Ok(upgrade::upgrade(&mut io, wanted).await?) };
        in_time(&core, &mut stopping, upgraded).await?;
    }
    Ok(Opened {
        io,
        client_certificate,
        stopping,
        service,
    })
}

impl From<UpgradeError> for Failure {
    fn from(error: UpgradeError) -> Self {
        match error {
            UpgradeError::Gone => Self::Gone,
            UpgradeError::Refused(refusal) => Self::Upgrade(refusal),
        }
    }
}

/// What `step` comes to, in the time of the front's patience.
async fn in_time<T>(
    core: &Core,
    stopping: &mut Stopping,
    step: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let step = pin!(tokio::time::timeout(core.rules.patience, step));
    match stopping.unless(step).await {
        Some(Ok(outcome)) => outcome,
        Some(Err(_)) => Err(Failure::TimedOut),
        None if stopping.is_deposed() => Err(Failure::Passive),
        None => Err(Failure::Stopped),
    }
}

/// Whether the node serves this client, whose coming is a vote. What is returned with it tells when
/// that ends.
async fn served(core: &Arc<Core>) -> Result<(Stopping, Service), Failure> {
    let role = &core.deps.role;
    let mut stopping = Stopping::new(Arc::clone(core));
    if role.serves() {
        return Ok((stopping, Service::Here));
    }
    let vote = pin!(tokio::time::timeout(VOTE_WAIT, role.request()));
    let decided = match stopping.unless(vote).await {
        Some(decided) => decided.ok(),
        None if stopping.is_deposed() => None,
        None => return Err(Failure::Stopped),
    };
    let stopping = Stopping::new(Arc::clone(core));
    let service = match decided {
        Some(Service::Here) if role.serves() => Service::Here,
        Some(elsewhere @ Service::Elsewhere { .. }) => elsewhere,
        _ => Service::Elsewhere { active: None },
    };
    if service == Service::Here || core.rules.greets_when_passive {
        Ok((stopping, service))
    } else {
        Err(Failure::Passive)
    }
}

async fn secured(stream: TcpStream, acceptor: &TlsAcceptor) -> Result<(Io, Certificate), Failure> {
    let mut stream = acceptor.accept(stream).await.map_err(Failure::Tls)?;
    let session = stream.get_mut().1;
    tls::bound(session);
    let certificate = match session.peer_certificates().and_then(<[_]>::first) {
        None => None,
        Some(leaf) => Some(Box::new(ClientCertificate::read(leaf).ok_or_else(
            || {
                let said = "the client's certificate cannot be read";
                Failure::Tls(io::Error::new(io::ErrorKind::InvalidData, said))
            },
        )?)),
    };
    Ok((Io::tls(stream), certificate))
}

/// Whom a balancer speaks for; none if for itself, or if it does not know. Takes the header off the
/// stream and no byte more: it looks first, and then reads what belongs to the header.
async fn client(stream: &TcpStream) -> Result<Option<SocketAddr>, Failure> {
    let mut parser = Parser::default();
    loop {
        let (bytes, progress) = poll_fn(|cx| {
            with_buffers(|buffers| {
                let mut seen = ReadBuf::new(&mut buffers.input);
                let peeked = ready!(stream.poll_peek(cx, &mut seen));
                let bytes = peeked.map_err(|_| Failure::Gone)?;
                let progress = parser.push(seen.filled()).map_err(Failure::Proxy)?;
                Poll::Ready(Ok::<_, Failure>((bytes, progress)))
            })
        })
        .await?;
        if bytes == 0 {
            return Err(Failure::Gone);
        }
        match progress {
            Progress::More => take(stream, bytes)?,
            Progress::Done { header, taken } => {
                take(stream, taken)?;
                return Ok(match header {
                    Header::Proxied { source, .. } => Some(source),
                    Header::Local | Header::Unknown => None,
                });
            }
        }
    }
}

/// Reads `bytes` that were seen to be there, and drops them.
fn take(stream: &TcpStream, bytes: usize) -> Result<(), Failure> {
    with_buffers(|buffers| {
        let mut left = bytes;
        while left > 0 {
            match stream.try_read(&mut buffers.input[..left]) {
                Ok(0) | Err(_) => return Err(Failure::Gone),
                Ok(read) => left -= read,
            }
        }
        Ok(())
    })
}
