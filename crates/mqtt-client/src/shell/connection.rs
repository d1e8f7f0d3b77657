//! The task of a client: one loop while there is a connection, one while there is none.

use std::future::Future;

use spica_mqtt_proto::{Disconnect, DisconnectProperties, Packet, Reason};
use tokio::sync::{mpsc, oneshot, watch};

use super::client::{Connected, Granted, State};
use super::dial::{NotTaken, Taken, dial};
use super::error::{AskError, ConnectError, PublishError};
use super::settings::Settings;
use super::socket::Socket;
use crate::core::{Event, Message, NotNow, ReceiptOf, Received, Sent, Servers, Session};

pub(super) type PublishReply = oneshot::Sender<Result<Sent, PublishError>>;
pub(super) type AskReply = oneshot::Sender<Result<Granted, AskError>>;

/// Publishes that are taken from their channel at once.
const AT_ONCE: usize = 16;
/// Bytes that wait for the socket; beyond it no more publishes are taken.
const OUT_BYTES: usize = 256 << 10;

/// A message, and who waits for what becomes of it.
#[derive(Debug)]
pub(super) struct Publishing {
    pub(super) message: Message,
    pub(super) reply: PublishReply,
}

/// What the caller wants besides publishing.
#[derive(Debug)]
pub(super) enum Order {
    Subscribe {
        filters: Vec<(String, spica_mqtt_proto::SubscribeOptions)>,
        id: Option<u32>,
        reply: AskReply,
    },
    Unsubscribe {
        filters: Vec<String>,
        reply: AskReply,
    },
    Acknowledge(ReceiptOf),
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// How a connection, or the wait for one, ends.
enum End {
    /// The caller wants no more.
    Unwanted(Option<oneshot::Sender<()>>),
    Redirected(String, ConnectError),
    Lost(ConnectError),
}

impl From<NotTaken> for End {
    fn from(not_taken: NotTaken) -> Self {
        match not_taken {
            NotTaken::Redirected(reference, error) => Self::Redirected(reference, error),
            NotTaken::Failed(error) => Self::Lost(error),
        }
    }
}

/// The state of the task.
pub(super) struct Connection {
    settings: Settings,
    session: Session<PublishReply, AskReply>,
    servers: Servers,
    publishes: mpsc::Receiver<Publishing>,
    orders: mpsc::Receiver<Order>,
    inbox: mpsc::Sender<Received>,
    state: watch::Sender<State>,
    connections: u64,
    failures: u32,
    /// A message that the inbox has no room for: nothing is read meanwhile.
    held: Option<Received>,
}

impl Connection {
    pub(super) fn new(
        mut settings: Settings,
        publishes: mpsc::Receiver<Publishing>,
        orders: mpsc::Receiver<Order>,
        inbox: mpsc::Sender<Received>,
        state: watch::Sender<State>,
    ) -> Self {
        if settings.client_id.is_empty() {
            settings.client_id = format!("spica-{:016x}", chance());
        }
        Self {
            session: Session::new(settings.version, settings.window.get()),
            servers: Servers::new(std::mem::take(&mut settings.servers)),
            settings,
            publishes,
            orders,
            inbox,
            state,
            connections: 0,
            failures: 0,
            held: None,
        }
    }

    /// Runs until nobody wants the client any more, or it cannot go on.
    pub(super) async fn run(mut self) {
        let (error, reply) = self.keep_connected().await;
        let Self {
            state,
            session,
            publishes,
            orders,
            ..
        } = self;
        // Those who wait learn it by their dropped channels, and only then by the state.
        drop((session, publishes, orders));
        state.send_replace(State::Ended(error));
        if let Some(reply) = reply {
            // Whoever closed it may have gone.
            let _ = reply.send(());
        }
    }

    async fn keep_connected(&mut self) -> (ConnectError, Option<oneshot::Sender<()>>) {
        loop {
            let error = match self.once().await {
                End::Unwanted(reply) => return (ConnectError::Closed, reply),
                End::Redirected(reference, error) => {
                    if self.servers.redirected(&reference) {
                        continue;
                    }
                    error
                }
                End::Lost(error) => {
                    self.servers.failed();
                    error
                }
            };
            let Some(backoff) = self.settings.reconnect.filter(|_| !error.is_final()) else {
                return (error, None);
            };
            self.state.send_replace(State::Connecting(Some(error)));
            self.failures = self.failures.saturating_add(1);
            let pause = backoff.pause(self.failures, chance() as u32);
            if let Err(End::Unwanted(reply)) = self.meanwhile(tokio::time::sleep(pause)).await {
                return (ConnectError::Closed, reply);
            }
        }
    }

    /// One attempt, and the connection that comes of it.
    async fn once(&mut self) -> End {
        let Some(server) = self.servers.current().map(str::to_owned) else {
            return End::Lost(ConnectError::NoServer);
        };
        let settings = self.settings.clone();
        let dialled = dial(&server, &settings, self.connections == 0);
        match self.meanwhile(dialled).await {
            Ok(Ok(taken)) => self.serve(server, taken).await,
            Ok(Err(not_taken)) => not_taken.into(),
            Err(end) => end,
        }
    }

    /// Waits for something while there is no connection; requests wait for the next one.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                order = self.orders.recv() => match order {
                    None => return Err(End::Unwanted(None)),
                    Some(Order::Close { reply }) => return Err(End::Unwanted(Some(reply))),
                    // What it says is sent with the next connection.
                    Some(order) => self.obey(order, &mut Vec::new()),
                },
            }
        }
    }

    /// A connection, from its CONNACK to its end.
    async fn serve(&mut self, server: String, taken: Taken) -> End {
        self.servers.accepted();
        self.failures = 0;
        self.connections += 1;
        let (server_window, server_bytes) = (taken.server_window, taken.server_bytes);
        let session_present = taken.session_present;
        let mut socket = Socket::new(server, &self.settings, taken);
        self.session.connected(
            session_present,
            server_window,
            server_bytes,
            &mut socket.out,
        );
        self.state.send_replace(State::Connected(Connected {
            server: socket.server.clone(),
            session_present,
            connection: self.connections,
        }));
        let end = match self.work(&mut socket).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        if let End::Unwanted(_) = end {
            self.say_good_bye(&mut socket).await;
        }
        if let Some(receipt) = self.held.take().and_then(|received| received.receipt) {
            self.session.not_given(receipt);
        }
        self.session.disconnected();
        end
    }

    async fn work(&mut self, socket: &mut Socket) -> Result<std::convert::Infallible, End> {
        let mut publishing = Vec::with_capacity(AT_ONCE);
        let inbox = self.inbox.clone();
        loop {
            self.take(socket)?;
            let room = if socket.out.len() < OUT_BYTES {
                self.session.room().min(AT_ONCE)
            } else {
                0
            };
            let reads = self.held.is_none();
            tokio::select! {
                moved = socket.moved(reads) => moved.map_err(End::Lost)?,
                permit = inbox.reserve(), if !reads => {
                    self.hand_over(permit.ok(), &mut socket.out);
                }
                order = self.orders.recv() => match order {
                    None => return Err(End::Unwanted(None)),
                    Some(Order::Close { reply }) => return Err(End::Unwanted(Some(reply))),
                    Some(order) => self.obey(order, &mut socket.out),
                },
                _ = self.publishes.recv_many(&mut publishing, room), if room > 0 => {
                    for Publishing { message, reply } in publishing.drain(..) {
                        let taken = self.session.publish(&message, reply, &mut socket.out);
                        settle(taken);
                    }
                }
            }
        }
    }

    /// Takes the packets that have come, until one is a message that has to wait.
    fn take(&mut self, socket: &mut Socket) -> Result<(), End> {
        while self.held.is_none() {
            let Self { session, .. } = self;
            let event = socket.next(|packet, out| session.handle(packet, out));
            match event.map_err(End::Lost)? {
                None => return Ok(()),
                Some(Event::None) => {}
                Some(Event::Message(received)) => self.held = Some(received),
                Some(Event::Published(reply, reason)) => answer(reply, reason),
                Some(Event::Answered(reply, reasons)) => {
                    // Whoever asked may have gone.
                    let _ = reply.send(Ok(reasons));
                }
                Some(Event::Disconnected(reason, reference)) => {
                    let server = socket.server.clone();
                    let error = ConnectError::Ended { server, reason };
                    return Err(match reference {
                        Some(reference) => End::Redirected(reference, error),
                        None => End::Lost(error),
                    });
                }
            }
        }
        Ok(())
    }

    /// Hands the message over that waited; without anybody who takes them, messages are dropped as
    /// they come.
    fn hand_over(&mut self, permit: Option<mpsc::Permit<'_, Received>>, out: &mut Vec<u8>) {
        let Some(received) = self.held.take() else {
            return;
        };
        let by_hand = self.settings.acknowledge_by_hand && permit.is_some();
        if let Some(receipt) = received.receipt.filter(|_| !by_hand) {
            // It is of this connection: what is held ends with it.
            let _ = self.session.acknowledge(receipt, out);
        }
        if let Some(permit) = permit {
            permit.send(received);
        }
    }

    fn obey(&mut self, order: Order, out: &mut Vec<u8>) {
        let taken = match order {
            Order::Subscribe { filters, id, reply } => {
                self.session.subscribe(&filters, id, reply, out)
            }
            Order::Unsubscribe { filters, reply } => self.session.unsubscribe(&filters, reply, out),
            Order::Acknowledge(receipt) => {
                // One of a session that is gone says nothing: the server has forgotten the message.
                let _ = self.session.acknowledge(receipt, out);
                return;
            }
            Order::Close { .. } => return,
        };
        let Err((reply, refused)) = taken else {
            return;
        };
        let error = match refused {
            NotNow::Encode(error) => AskError::Encode(error),
            NotNow::Full | NotNow::TooLarge => AskError::Full,
        };
        // Whoever asked may have gone.
        let _ = reply.send(Err(error));
    }

    /// DISCONNECT, as far as the socket takes it in time.
    async fn say_good_bye(&self, socket: &mut Socket) {
        let good_bye = Packet::Disconnect(Disconnect {
            reason: Reason::Success,
            properties: DisconnectProperties::default(),
        });
        if good_bye
            .encode(self.settings.version, &mut socket.out)
            .is_ok()
        {
            // The server notices in any case that the connection is gone.
            let _ = tokio::time::timeout(self.settings.patience, socket.flush()).await;
        }
    }
}

fn settle(taken: Result<Option<PublishReply>, (PublishReply, NotNow)>) {
    match taken {
        Ok(None) => {}
        Ok(Some(reply)) => answer(reply, Reason::Success),
        Err((reply, refused)) => {
            let error = match refused {
                NotNow::Encode(error) => PublishError::Encode(error),
                NotNow::TooLarge => PublishError::TooLarge,
                NotNow::Full => PublishError::Refused(Reason::QuotaExceeded),
            };
            // Whoever published it may have gone.
            let _ = reply.send(Err(error));
        }
    }
}

fn answer(reply: PublishReply, reason: Reason) {
    let result = if reason.is_failure() {
        Err(PublishError::Refused(reason))
    } else {
        Ok(Sent { reason })
    };
    // Whoever published it may have gone.
    let _ = reply.send(result);
}

/// Without randomness all clients wait as long, which is still a pause.
fn chance() -> u64 {
    getrandom::u64().unwrap_or_default()
}
