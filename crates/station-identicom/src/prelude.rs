//! What comes before the first frame: a balancer's header, a TLS handshake.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Poll, ready};

use spica_admission::Offence;
use spica_proxy_proto::{Header, ParseError, Parser, Progress};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::codec::{Io, with_buffers};
use crate::metrics::count;
use crate::shared::Connection;
use crate::stop::Stopping;
use crate::tls;

/// Why a connection ends before its first frame.
#[derive(Debug)]
enum Failure {
    /// The other side is gone.
    Gone,
    /// A balancer did not say properly for whom it speaks.
    Proxy(ParseError),
    /// The client is refused; it is counted already.
    Refused,
    /// The TLS handshake failed.
    Tls(io::Error),
}

/// Does what comes before the first frame, in the time that a device has to say who it is. None if
/// the connection ends here, which is counted.
pub(crate) async fn prelude(
    connection: &mut Connection,
    stopping: &mut Stopping,
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
) -> Option<Io> {
    let limit = connection.shared.handshake_timeout();
    let work = tokio::time::timeout(limit, open(connection, stream, acceptor));
    let outcome = stopping.unless(std::pin::pin!(work)).await;
    let (reason, offence) = match outcome {
        Some(Ok(Ok(io))) => return Some(io),
        Some(Ok(Err(failure))) => note(connection, failure),
        Some(Err(_)) => ("handshake-timeout", Some(Offence::HandshakeTimeout)),
        None => ("stopped", None),
    };
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

async fn open(
    connection: &mut Connection,
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
) -> Result<Io, Failure> {
    if connection.shared.is_balancer(connection.remote.ip())
        && let Some(client) = client(&stream).await?
    {
        connection.name(client).map_err(|_| Failure::Refused)?;
    }
    let Some(acceptor) = acceptor else {
        return Ok(Io::plain(stream));
    };
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
