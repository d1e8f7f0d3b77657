//! The handle of a client, and what it hands over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use spica_mqtt_proto::{Reason, SubscribeOptions};
use tokio::sync::{mpsc, oneshot, watch};

use super::connection::{Connection, Order, Publishing};
use super::error::{AskError, ConnectError, PublishError};
use super::settings::Settings;
use crate::core::{Message, ReceiptOf, Received, Sent};

/// Publishes and orders that wait for the task, beside the window.
const ORDERS: usize = 16;

/// How a client stands.
#[derive(Debug, Clone)]
pub enum State {
    /// It tries; the last failure, if there was one.
    Connecting(Option<ConnectError>),
    /// It is connected.
    Connected(Connected),
    /// It has ended for good.
    Ended(ConnectError),
}

/// What the server said when it took the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Which one it is.
    pub server: String,
    /// Whether it has kept the session.
    pub session_present: bool,
    /// Which connection this is, from 1.
    pub connection: u64,
}

/// The answer to a request: one for each filter (none from MQTT 3.1.1 when unsubscribing).
pub type Granted = Vec<Reason>;

/// A client. When the last one of its clones is dropped, its connection ends.
#[derive(Debug, Clone)]
pub struct Client {
    publishes: mpsc::Sender<Publishing>,
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<State>,
}

/// Messages that come in. While nobody takes them, no more are read.
#[derive(Debug)]
pub struct Inbox(mpsc::Receiver<Received>);

/// What becomes of a message that is on its way.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Sent, PublishError>>);

impl Client {
    /// Starts a client on the current runtime; it begins to connect at once.
    #[must_use]
    pub fn open(settings: Settings) -> (Self, Inbox) {
        let (publishes, publishing) = mpsc::channel(ORDERS);
        let (orders, ordered) = mpsc::channel(ORDERS);
        let (received, inbox) = mpsc::channel(usize::from(settings.receive_maximum.get()));
        let (told, state) = watch::channel(State::Connecting(None));
        let connection = Connection::new(settings, publishing, ordered, received, told);
        tokio::spawn(connection.run());
        let client = Self {
            publishes,
            orders,
            state,
        };
        (client, Inbox(inbox))
    }

    /// How it stands, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Waits until it is connected.
    ///
    /// # Errors
    /// If it has ended.
    pub async fn connected(&self) -> Result<Connected, ConnectError> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| !matches!(state, State::Connecting(_)));
        match settled.await.as_deref() {
            Ok(State::Connected(connected)) => Ok(connected.clone()),
            Ok(State::Ended(error)) => Err(error.clone()),
            Ok(State::Connecting(_)) | Err(_) => Err(ConnectError::Closed),
        }
    }

    /// Publishes, and waits until the server has it (QoS 0: until it is handed to the socket).
    ///
    /// # Errors
    /// If the message is refused, or the client ends before.
    pub async fn publish(&self, message: Message) -> Result<Sent, PublishError> {
        self.enqueue(message).await?.await
    }

    /// Publishes: waits until there is room in the window, and gives what waits for the rest.
    /// Messages leave in the order of these calls.
    ///
    /// # Errors
    /// If the client has ended.
    pub async fn enqueue(&self, message: Message) -> Result<Pending, PublishError> {
        let (reply, pending) = oneshot::channel();
        let sent = self.publishes.send(Publishing { message, reply }).await;
        sent.map_err(|_| PublishError::Ended)?;
        Ok(Pending(pending))
    }

    /// Subscribes, with the identifier `id` (MQTT 5). Subscriptions are made anew when the server has
    /// lost them.
    ///
    /// # Errors
    /// If a filter cannot be said, there are too many, or the client ends before the answer.
    pub async fn subscribe(
        &self,
        filters: Vec<(String, SubscribeOptions)>,
        id: Option<u32>,
    ) -> Result<Granted, AskError> {
        self.ask(|reply| Order::Subscribe { filters, id, reply })
            .await
    }

    /// Unsubscribes.
    ///
    /// # Errors
    /// As [`Self::subscribe`].
    pub async fn unsubscribe(&self, filters: Vec<String>) -> Result<Granted, AskError> {
        self.ask(|reply| Order::Unsubscribe { filters, reply })
            .await
    }

    async fn ask(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<Granted, AskError>>) -> Order,
    ) -> Result<Granted, AskError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.orders.send(order(reply)).await;
        sent.map_err(|_| AskError::Ended)?;
        answer.await.unwrap_or(Err(AskError::Ended))
    }

    /// Acknowledges a message, if the settings leave that to the caller; in the order of receipt, as
    /// MQTT wants it. If its connection is gone meanwhile, the server says it again, and the caller is
    /// not given it a second time; unless the server has lost the session.
    pub async fn acknowledge(&self, receipt: ReceiptOf) {
        // A client that has ended has nothing to say any more.
        let _ = self.orders.send(Order::Acknowledge(receipt)).await;
    }

    /// Says good-bye, without a will, and ends the client. What is not acknowledged is given up.
    pub async fn close(self) {
        let (reply, done) = oneshot::channel();
        if self.orders.send(Order::Close { reply }).await.is_ok() {
            // The task has ended either way.
            let _ = done.await;
        }
    }
}

impl Inbox {
    /// The next message; none when the client has ended.
    pub async fn next(&mut self) -> Option<Received> {
        self.0.recv().await
    }
}

impl Future for Pending {
    type Output = Result<Sent, PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(context);
        answer.map(|answer| answer.unwrap_or(Err(PublishError::Ended)))
    }
}
