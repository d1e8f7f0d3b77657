//! Sessions over WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use spica_live_proto::{Encoding, ServerFrame};
use spica_ws_proto::code::NORMAL;
use spica_ws_proto::{Event, Opcode};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::accept::Connection;
use crate::connection::Patient;
use crate::metrics::Raised;
use crate::problem::{Problem, ProblemKind};
use crate::sessions::calls::Inside;
use crate::sessions::conversation::{Conversation, Heard, Said, frame, read_hello};
use crate::sessions::ending::Ending;
use crate::sessions::guest::Guest;
use crate::sessions::handshake::Handshake;
use crate::sessions::key::Key;
use crate::sessions::metrics::Transport;
use crate::sessions::socket::{Socket, SocketError, Turn};
use crate::sessions::table::admit;
use crate::state::App;

/// Frames that may wait to be written while the client is still listened to: what it asks for must
/// not grow without end while it takes nothing.
const WAITING: usize = 64;
/// How long a client may take to hear the last word.
const FAREWELL: Duration = Duration::from_secs(1);
/// Half heartbeats without a sign of life after which a client is taken for dead.
const SILENCE: u32 = 5;

/// What a session over WebSocket begins with.
struct Opening {
    app: App,
    connection: Arc<Connection>,
    guest: Guest,
    encoding: Encoding,
    key: Key,
}

/// Answers a request for a WebSocket, and runs it.
///
/// # Errors
/// If the handshake is not right, or there are too many sessions.
pub(crate) fn upgrade(app: App, guest: Guest, mut request: Request) -> Result<Response, Problem> {
    let handshake = Handshake::read(request.headers())?;
    admit(&app)?;
    let Some(connection) = request.extensions().get::<Arc<Connection>>().cloned() else {
        let detail = "there is no connection that could become a WebSocket";
        return Err(Problem::new(ProblemKind::Internal, detail));
    };
    let opening = Opening {
        key: Key::new()?,
        encoding: handshake.encoding,
        app,
        guest,
        connection: Arc::clone(&connection),
    };
    let upgraded = hyper::upgrade::on(&mut request);
    until_dropped(&connection, greet(opening, upgraded));
    Ok(handshake.agree())
}

/// Runs a phase of a session until the interface drops what is left. Each phase is a task of its own:
/// a session that waits has only the memory of its phase.
fn until_dropped(connection: &Connection, phase: impl Future<Output = ()> + Send + 'static) {
    let dropping = connection.dropping.clone();
    connection.tasks.spawn(async move {
        tokio::select! {
            () = phase => {}
            () = dropping.cancelled() => {}
        }
    });
}

/// The first phase: from the upgrade to the welcome.
async fn greet(opening: Opening, upgraded: OnUpgrade) {
    let app = opening.app.clone();
    let connection = Arc::clone(&opening.connection);
    let encoding = opening.encoding;
    let Some((stream, rest)) = upgraded.await.ok().and_then(stream_of) else {
        app.parts.metrics.sessions.ended(Ending::Broken.label());
        return;
    };
    let limit = app.settings.live.client_frame.as_usize();
    let mut socket = Socket::new(stream, rest, limit);
    match begin(&mut socket, opening).await {
        Ok(conversation) => {
            let talk = Talk::new(app, Arc::clone(&connection), socket, conversation);
            until_dropped(&connection, talk.run());
        }
        Err(ending) => farewell(app, socket, encoding, ending).await,
    }
}

/// The last phase: says why, and waits until the client has heard it.
async fn farewell(app: App, mut socket: Socket, encoding: Encoding, ending: Ending) {
    app.parts.metrics.sessions.ended(ending.label());
    tracing::debug!(why = ending.label(), "a WebSocket ends");
    if matches!(ending, Ending::Broken) {
        return;
    }
    if let Some(bye) = ending.bye(&app) {
        let bye = frame(encoding, &ServerFrame::Bye(Box::new(bye)));
        socket.send(opcode(encoding), bye);
    }
    socket.close(ending.close_code(), ending.label());
    // Who does not listen to the last word has had their chance.
    let _ = tokio::time::timeout(FAREWELL, socket.finish()).await;
}

/// The connection itself, and what was read of it already.
fn stream_of(upgraded: Upgraded) -> Option<(Patient<TcpStream>, Bytes)> {
    let parts = upgraded.downcast::<TokioIo<Patient<TcpStream>>>().ok()?;
    // A copy: the machine's own buffer is large.
    let rest = Bytes::copy_from_slice(&parts.read_buf);
    Some((parts.io.into_inner(), rest))
}

const fn opcode(encoding: Encoding) -> Opcode {
    match encoding {
        Encoding::Json => Opcode::Text,
        Encoding::Cbor => Opcode::Binary,
    }
}

/// Hears the hello and answers it.
async fn begin(socket: &mut Socket, opening: Opening) -> Result<Conversation, Ending> {
    let app = opening.app;
    let (encoding, key) = (opening.encoding, opening.key);
    let patience = app.settings.live.hello_timeout.into();
    let ended = app.parts.role.ended();
    let hello = tokio::select! {
        heard = tokio::time::timeout(patience, first(socket, encoding)) => {
            heard.map_err(|_| Ending::NoHello)??
        }
        () = app.stopping.cancelled() => return Err(Ending::Stopping),
        () = ended => return Err(Ending::NotActive),
    };
    let hello = read_hello(&app, encoding, &hello)?;
    let inside = Inside {
        router: opening.connection.router.clone(),
        peer: opening.connection.peer,
    };
    let opened = Conversation::open(app, inside, opening.guest, &hello, encoding, &key);
    let (conversation, welcome) = opened?;
    socket.send(opcode(encoding), welcome);
    Ok(conversation)
}

/// The first message, past pings.
async fn first(socket: &mut Socket, encoding: Encoding) -> Result<Bytes, Ending> {
    loop {
        match socket.turn(socket.waiting() < WAITING).await? {
            Turn::Written => {}
            Turn::End => return Err(Ending::Broken),
            Turn::Heard(event) => {
                if let Some(message) = control(socket, event, encoding)? {
                    return Ok(message);
                }
            }
        }
    }
}

/// Does what WebSockets do by themselves, and gives the message if it was one.
fn control(socket: &mut Socket, event: Event, encoding: Encoding) -> Result<Option<Bytes>, Ending> {
    match (event, encoding) {
        (Event::Text(text), Encoding::Json) => Ok(Some(text)),
        (Event::Binary(bytes), Encoding::Cbor) => Ok(Some(bytes)),
        (Event::Text(_) | Event::Binary(_), _) => Err(Ending::Protocol(
            "frames are text messages in JSON, binary messages in CBOR".to_owned(),
        )),
        (Event::Ping(payload), _) => {
            socket.send(Opcode::Pong, payload);
            Ok(None)
        }
        (Event::Pong(_), _) => Ok(None),
        // The answer to a close frame has its code.
        (Event::Close(code), _) => Err(Ending::Left(code.unwrap_or(NORMAL))),
    }
}

impl From<SocketError> for Ending {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Io(error) => {
                tracing::debug!(%error, "a WebSocket broke");
                Self::Broken
            }
            SocketError::Violation(violation) => Self::Violation(violation),
        }
    }
}

/// A conversation over a WebSocket: the phase that lasts.
struct Talk {
    app: App,
    /// Keeps the connection's place.
    connection: Arc<Connection>,
    socket: Socket,
    conversation: Conversation,
    /// When the client was heard last.
    heard: Instant,
    /// The ping that is on its way: its number, and when it was sent.
    ping: Option<(u64, Instant)>,
    pings: u64,
    open: Raised,
}

impl Talk {
    fn new(
        app: App,
        connection: Arc<Connection>,
        socket: Socket,
        conversation: Conversation,
    ) -> Box<Self> {
        Box::new(Self {
            heard: Instant::now(),
            open: app.parts.metrics.sessions.opened(Transport::WebSocket),
            app,
            connection,
            socket,
            conversation,
            ping: None,
            pings: 0,
        })
    }

    async fn run(mut self: Box<Self>) {
        let ending = loop {
            if let Err(ending) = self.step().await {
                break ending;
            }
        };
        let encoding = self.conversation.encoding();
        let Self {
            app,
            connection,
            socket,
            conversation,
            open,
            ..
        } = *self;
        drop((conversation, open));
        let last = farewell(app, socket, encoding, ending);
        until_dropped(&connection, last);
    }

    async fn step(&mut self) -> Result<(), Ending> {
        let waiting = self.socket.waiting();
        let room = self.conversation.room();
        tokio::select! {
            biased;
            said = self.conversation.next((waiting == 0).then_some(room)) => self.say(said),
            turn = self.socket.turn(waiting < WAITING) => match turn? {
                Turn::Written => {
                    let link = self.socket.link();
                    link.keep_unsent(self.conversation.took(link.taken()));
                    Ok(())
                }
                Turn::End => Err(Ending::Broken),
                Turn::Heard(event) => self.hear(event),
            },
        }
    }

    fn say(&mut self, said: Said) -> Result<(), Ending> {
        let opcode = opcode(self.conversation.encoding());
        match said {
            Said::Frames(frames) => {
                for frame in frames {
                    self.socket.send(opcode, frame);
                }
            }
            Said::Beat(beat) => {
                let now = Instant::now();
                let period: Duration = self.app.settings.live.heartbeat.into();
                if now.duration_since(self.heard) > period * SILENCE / 2 {
                    return Err(Ending::Silent);
                }
                // What waits is a sign of life as well, once it is written.
                if self.socket.waiting() < WAITING {
                    self.socket.send(opcode, beat);
                    self.pings += 1;
                    self.ping = Some((self.pings, now));
                    let number = self.pings.to_be_bytes();
                    self.socket
                        .send(Opcode::Ping, Bytes::copy_from_slice(&number));
                }
            }
            Said::Over(ending) => return Err(ending),
        }
        Ok(())
    }

    fn hear(&mut self, event: Event) -> Result<(), Ending> {
        self.heard = Instant::now();
        if let Event::Pong(payload) = &event
            && let Some((number, sent)) = self.ping
            && payload[..] == number.to_be_bytes()
        {
            self.conversation.round_trip = Some(self.heard.duration_since(sent));
            self.ping = None;
        }
        let encoding = self.conversation.encoding();
        let Some(message) = control(&mut self.socket, event, encoding)? else {
            return Ok(());
        };
        match self.conversation.hear(&message) {
            Heard::Taken => Ok(()),
            Heard::Answer(answer) => {
                self.socket.send(opcode(encoding), answer);
                Ok(())
            }
            Heard::Over(ending) => Err(ending),
        }
    }
}
