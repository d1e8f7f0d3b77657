//! What comes before the first frame: a balancer's header, whether the node serves, a TLS handshake.

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

use crate::codec::{Io, with_buffers};
use crate::metrics::count;
use crate::shared::{Connection, Shared};
use crate::stop::Stopping;
use crate::tls;

/// How long a device waits at most while a pair decides who serves it.
const VOTE_WAIT: Duration = Duration::from_secs(2);

/// Why a connection ends before its first frame.
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
}

/// Does what comes before the first frame, each step in the time that a device has to say who it
/// is. None if the connection ends here, which is counted.
pub(crate) async fn prelude(
    connection: &mut Connection,
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
) -> Option<(Io, Stopping)> {
    let failure = match opened(connection, stream, acceptor).await {
        Ok(opened) => return Some(opened),
        Err(failure) => failure,
    };
    let (reason, offence) = note(connection, failure);
    count(&connection.shared.metrics().closed, reason);
    if let Some(offence) = offence {
        connection.offence(offence);
    }
    None
}

fn note(connection: &Connection, failure: Failure) -> (&'static str, Option<Offence>) {
    let metrics = connection.shared.metrics();
    match failure {
        Failure::Gone => ("device-closed", Some(Offence::Probe)),
        Failure::TimedOut => ("handshake-timeout", Some(Offence::HandshakeTimeout)),
        Failure::Stopped => ("stopped", None),
        Failure::Passive => ("passive", None),
        Failure::Proxy(error) => {
            metrics.proxy_errors.inc();
            tracing::warn!(balancer = %connection.remote, %error, "no valid PROXY header from a balancer");
            ("proxy", None)
        }
        Failure::Refused => ("refused", None),
        Failure::Tls(error) => {
            metrics.tls_errors.inc();
            ("tls", tls::is_probe(&error).then_some(Offence::Probe))
        }
    }
}

async fn opened(
    connection: &mut Connection,
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
) -> Result<(Io, Stopping), Failure> {
    let shared = Arc::clone(&connection.shared);
    if shared.is_balancer(connection.remote.ip()) {
        let mut stopping = Stopping::new(Arc::clone(&shared));
        let client = in_time(&mut stopping, client(&stream)).await?;
        if let Some(client) = client {
            connection.name(client).map_err(|_| Failure::Refused)?;
        }
    }
    let mut stopping = served(&shared).await?;
    let io = match acceptor {
        None => Io::plain(stream),
        Some(acceptor) => in_time(&mut stopping, secured(stream, acceptor)).await?,
    };
    Ok((io, stopping))
}

/// What `step` comes to, in the time that a device has to say who it is.
async fn in_time<T>(
    stopping: &mut Stopping,
    step: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let limit = stopping.shared().handshake_timeout();
    let step = pin!(tokio::time::timeout(limit, step));
    match stopping.unless(step).await {
        Some(Ok(outcome)) => outcome,
        Some(Err(_)) => Err(Failure::TimedOut),
        None if stopping.is_deposed() => Err(Failure::Passive),
        None => Err(Failure::Stopped),
    }
}

/// Whether the node serves this device, whose coming is a vote. What is returned tells when it ends.
async fn served(shared: &Arc<Shared>) -> Result<Stopping, Failure> {
    let role = &shared.deps.role;
    let mut stopping = Stopping::new(Arc::clone(shared));
    if role.serves() {
        return Ok(stopping);
    }
    let vote = pin!(tokio::time::timeout(VOTE_WAIT, role.request()));
    match stopping.unless(vote).await {
        Some(Ok(Service::Here)) => {}
        None if !stopping.is_deposed() => return Err(Failure::Stopped),
        _ => return Err(Failure::Passive),
    }
    let stopping = Stopping::new(Arc::clone(shared));
    if role.serves() {
        Ok(stopping)
    } else {
        Err(Failure::Passive)
    }
}

async fn secured(stream: TcpStream, acceptor: TlsAcceptor) -> Result<Io, Failure> {
    let mut stream = acceptor.accept(stream).await.map_err(Failure::Tls)?;
    tls::bound(stream.get_mut().1);
    Ok(Io::tls(stream))
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
                Poll::Ready(Ok((bytes, progress)))
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
