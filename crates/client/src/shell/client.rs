//! The handle of a client.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use serde_json::{Value, json};
use spica_live_proto::{LimitChange, ServerFrame, Stats, Subscribe};
use spica_model::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::asks::{Answer, AskError, Publish, call};
use super::connection::Connection;
use super::http::escaped;
use super::subscription::{Credit, Subscription};
use crate::core::{Ask, Cost, Held, Item, Settings, TrackId, Way, address};

/// Commands that wait for the connection's task.
const COMMANDS: usize = 256;

/// How a client stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There was no session yet.
    Connecting,
    /// A session is open, by this way.
    Open(Way),
    /// The session is lost: `cut`, `silence`, `protocol`, `upgrade`, or the code of the server's bye.
    Lost(&'static str),
    /// It was closed, or the server wants a valid token (`unauthorized`).
    Closed(&'static str),
}

impl State {
    const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// There is no address.
    #[error("no server is named")]
    NoEndpoint,
    /// An address cannot be read.
    #[error("{0:?} is no address of a server; allowed is http(s)://host:port")]
    Address(String),
    /// No way is allowed.
    #[error("none of the ways to a server may be used")]
    NoWay,
}

/// What the handle tells the task.
#[derive(Debug)]
pub(super) enum Command {
    Subscribe(Box<Subscribe>, oneshot::Sender<Begun>),
    Unsubscribe(TrackId),
    Change(Option<TrackId>, LimitChange),
    Ask(Ask, oneshot::Sender<Result<ServerFrame, AskError>>),
    Close,
}

/// A subscription that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) id: TrackId,
    pub(super) held: Arc<RwLock<Held>>,
    pub(super) items: mpsc::Receiver<(Item, Cost)>,
}

/// A client of live sessions. It connects by itself from the beginning, and ends when it is dropped.
#[derive(Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    credit: Credit,
    state: watch::Receiver<State>,
    timeout: Duration,
}

impl Client {
    /// A client with these settings; within a Tokio runtime.
    ///
    /// # Errors
    /// If the settings name no server, no way, or what is no address.
    pub fn new(settings: Settings) -> Result<Self, ClientError> {
        Self::observed(settings, |_| {})
    }

    /// The same; `observer` is told each change of the state, from the client's task.
    ///
    /// # Errors
    /// If the settings name no server, no way, or what is no address.
    pub fn observed(
        settings: Settings,
        observer: impl FnMut(&State) + Send + 'static,
    ) -> Result<Self, ClientError> {
        if settings.endpoints.is_empty() {
            return Err(ClientError::NoEndpoint);
        }
        if settings.ways.is_empty() {
            return Err(ClientError::NoWay);
        }
        let read =
            |text: &String| address(text, "http").ok_or_else(|| ClientError::Address(text.clone()));
        let urls: Vec<String> = settings
            .endpoints
            .iter()
            .map(read)
            .collect::<Result<_, _>>()?;
        let timeout = settings.timeout;
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (state, watched) = watch::channel(State::Connecting);
        let connection = Connection::new(settings, urls, inbox, state, Box::new(observer));
        let credit = connection.credit();
        tokio::spawn(connection.run());
        Ok(Self {
            commands,
            credit,
            state: watched,
            timeout,
        })
    }

    /// How it stands now. The receiver also tells when that changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Begins a subscription; a refusal comes as its last item. `None` if the client is closed.
    pub async fn subscribe(&self, wanted: Subscribe) -> Option<Subscription> {
        let (reply, begun) = oneshot::channel();
        let command = Command::Subscribe(Box::new(wanted), reply);
        self.commands.send(command).await.ok()?;
        let Begun { id, held, items } = begun.await.ok()?;
        Some(Subscription {
            id,
            held,
            items,
            commands: self.commands.downgrade(),
            credit: self.credit.clone(),
        })
    }

    /// New limits of the session, for later connections too.
    pub async fn change(&self, limits: LimitChange) {
        // A client that is closed has nothing to limit.
        let _ = self.commands.send(Command::Change(None, limits)).await;
    }

    /// A request to the HTTP interface (`docs/http-api.md`) over this connection. After an
    /// interruption it is asked again if it has a `key` or is GET, PUT or DELETE.
    ///
    /// # Errors
    /// If there is no answer. A refusal by an HTTP status is an answer.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        key: Option<String>,
    ) -> Result<Answer, AskError> {
        let again = key.is_some() || matches!(method, "GET" | "PUT" | "DELETE");
        self.answer(call(method, path, body, key, again)).await
    }

    /// Publishes a record; with a success it is on disk. Asked again after an interruption.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn publish(&self, record: Publish) -> Result<Answer, AskError> {
        self.answer(record.ask(new_key())).await
    }

    /// Queues a command for a device. Never asked twice.
    ///
    /// # Errors
    /// If there is no answer; after [`AskError::Lost`] it may be queued or not.
    pub async fn command(
        &self,
        device: &str,
        name: &str,
        arguments: Option<Value>,
    ) -> Result<Answer, AskError> {
        let mut body = json!({ "name": name });
        if let Some(arguments) = arguments {
            body["arguments"] = arguments;
        }
        let path = format!("/v1/devices/{}/commands", escaped(device));
        self.answer(call("POST", &path, Some(body), None, false))
            .await
    }

    /// Acknowledges a case: someone takes care. Asked again after an interruption.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn acknowledge(&self, case: &str, why: Option<&str>) -> Result<Answer, AskError> {
        let mut body = json!({ "do": "acknowledge" });
        if let Some(why) = why {
            body["why"] = why.into();
        }
        let path = format!("/v1/cases/{}/steps", escaped(case));
        self.answer(call("POST", &path, Some(body), None, true))
            .await
    }

    /// The server's time, answered at once.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn ping(&self) -> Result<Timestamp, AskError> {
        match self.ask(Ask::Ping).await? {
            ServerFrame::Pong { time, .. } => Ok(Timestamp::from_micros(time)),
            _ => Err(AskError::Lost),
        }
    }

    /// What the server counts about this session.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn stats(&self) -> Result<Stats, AskError> {
        match self.ask(Ask::Stats).await? {
            ServerFrame::Stats { stats, .. } => Ok(*stats),
            _ => Err(AskError::Lost),
        }
    }

    /// Ends the session, and returns when it has ended; what waits for answers is told that the client
    /// is closed.
    pub async fn close(&self) {
        // Either is an error if it is closed already.
        let _ = self.commands.send(Command::Close).await;
        let _ = self.state.clone().wait_for(State::is_closed).await;
    }

    async fn answer(&self, ask: Ask) -> Result<Answer, AskError> {
        match self.ask(ask).await? {
            ServerFrame::Result { status, body, .. } => Ok(Answer { status, body }),
            _ => Err(AskError::Lost),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<ServerFrame, AskError> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            let sent = self.commands.send(Command::Ask(ask, reply)).await;
            sent.map_err(|_| AskError::Closed)?;
            answer.await.unwrap_or(Err(AskError::Closed))
        };
        let answer = tokio::time::timeout(self.timeout, asked).await;
        answer.unwrap_or(Err(AskError::TimedOut))
    }
}

/// 128 random bits. Without randomness a key of zeros would make different facts one: better none.
fn new_key() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return String::new();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
