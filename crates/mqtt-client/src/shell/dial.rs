//! From a server's name to a connection that it has taken.

use std::io;
use std::sync::Arc;

use rustls_pki_types::ServerName;
use spica_mqtt_proto::{
    ConnAck, Connect, ConnectProperties, Decoded, Limits, Packet, Reason, Sensitive, Side, Version,
    decode,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::ConnectError;
use super::settings::Settings;

/// Both directions of a connection.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection that the server has taken.
pub(super) struct Taken {
    pub(super) stream: Box<dyn Duplex>,
    /// What came behind the CONNACK.
    pub(super) rest: Vec<u8>,
    pub(super) session_present: bool,
    pub(super) server_window: u16,
    pub(super) server_bytes: Option<u32>,
    pub(super) keep_alive_secs: u16,
}

/// Why there is no connection.
pub(super) enum NotTaken {
    /// The server names another one.
    Redirected(String, ConnectError),
    Failed(ConnectError),
}

impl From<ConnectError> for NotTaken {
    fn from(error: ConnectError) -> Self {
        Self::Failed(error)
    }
}

/// Connects to `server`, with a clean start if it is the `first` time and wanted.
pub(super) async fn dial(
    server: &str,
    settings: &Settings,
    first: bool,
) -> Result<Taken, NotTaken> {
    let mut hello = Vec::new();
    let connect = Packet::Connect(hello_of(settings, first));
    connect
        .encode(settings.version, &mut hello)
        .map_err(ConnectError::from)?;
    let attempt = async {
        let unreachable = |error| unreachable(server, error);
        let mut stream = open(server, settings).await.map_err(unreachable)?;
        stream.write_all(&hello).await.map_err(unreachable)?;
        greet(server, settings, stream).await
    };
    match timeout(settings.patience, attempt).await {
        Ok(result) => result,
        Err(_) => {
            let late = io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
            Err(unreachable(server, late).into())
        }
    }
}

pub(super) fn unreachable(server: &str, error: io::Error) -> ConnectError {
    ConnectError::Unreachable {
        server: server.to_owned(),
        error: Arc::new(error),
    }
}

fn hello_of(settings: &Settings, first: bool) -> Connect<'_> {
    let stays = settings.session_expiry_secs > 0;
    let is_v5 = settings.version == Version::V5;
    let clean_start = !stays || (is_v5 && first && settings.clean_start);
    Connect {
        version: settings.version,
        clean_start,
        keep_alive: settings.keep_alive_secs,
        properties: if is_v5 {
            ConnectProperties {
                session_expiry: stays.then_some(settings.session_expiry_secs),
                receive_maximum: Some(settings.receive_maximum),
                packet_maximum: Some(settings.packet_bytes),
                ..ConnectProperties::default()
            }
        } else {
            ConnectProperties::default()
        },
        client_id: &settings.client_id,
        will: None,
        user: settings.user.as_deref(),
        password: settings
            .password
            .as_ref()
            .map(|password| Sensitive(password.expose().as_bytes())),
    }
}

async fn open(server: &str, settings: &Settings) -> io::Result<Box<dyn Duplex>> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let Some(tls) = &settings.tls else {
        return Ok(Box::new(stream));
    };
    let name = server.rsplit_once(':').map_or(server, |(name, _)| name);
    let name = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::clone(tls));
    Ok(Box::new(connector.connect(name, stream).await?))
}

/// Waits for the CONNACK.
async fn greet(
    server: &str,
    settings: &Settings,
    mut stream: Box<dyn Duplex>,
) -> Result<Taken, NotTaken> {
    let limits = limits(settings);
    let mut bytes = Vec::with_capacity(256);
    loop {
        let read = stream.read_buf(&mut bytes).await;
        if read.map_err(|error| unreachable(server, error))? == 0 {
            let closed = io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer");
            return Err(unreachable(server, closed).into());
        }
        let decoded = decode(&bytes, Side::Client, settings.version, &limits);
        let protocol = |what| ConnectError::Protocol {
            server: server.to_owned(),
            what,
        };
        match decoded.map_err(|error| protocol(error.what))? {
            Decoded::Incomplete { .. } => {}
            Decoded::Packet {
                packet: Packet::ConnAck(ack),
                length,
            } => {
                let rest = bytes[length..].to_vec();
                return taken(server, settings, &ack, stream, rest);
            }
            Decoded::Packet { .. } => {
                return Err(protocol("its first packet is no CONNACK").into());
            }
        }
    }
}

fn taken(
    server: &str,
    settings: &Settings,
    ack: &ConnAck<'_>,
    stream: Box<dyn Duplex>,
    rest: Vec<u8>,
) -> Result<Taken, NotTaken> {
    let properties = &ack.properties;
    if ack.reason == Reason::Success {
        return Ok(Taken {
            stream,
            rest,
            session_present: ack.session_present,
            server_window: properties.receive_maximum.map_or(u16::MAX, u16::from),
            server_bytes: properties.packet_maximum.map(u32::from),
            keep_alive_secs: properties
                .server_keep_alive
                .unwrap_or(settings.keep_alive_secs),
        });
    }
    let refused = ConnectError::Refused {
        server: server.to_owned(),
        reason: ack.reason,
        text: properties.reason_text.unwrap_or_default().to_owned(),
    };
    Err(match (ack.reason, properties.server_reference) {
        (Reason::UseAnotherServer | Reason::ServerMoved, Some(reference)) => {
            NotTaken::Redirected(reference.to_owned(), refused)
        }
        _ => NotTaken::Failed(refused),
    })
}

/// What is taken from a server.
pub(super) fn limits(settings: &Settings) -> Limits {
    Limits {
        packet_bytes: settings.packet_bytes.get(),
        topic_bytes: u16::MAX,
        topic_levels: u16::MAX,
        user_properties: 1_024,
        ..Limits::default()
    }
}
