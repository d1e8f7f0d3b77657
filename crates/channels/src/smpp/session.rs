//! One bound session: one loop over what the centre says, what is to be submitted, and time.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use rusmpp::pdus::{BindTransceiver, DeliverSmResp, SubmitSm};
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, interval, timeout, timeout_at};
use tokio_util::codec::Framed;

use super::answers;
use super::receipt::Receipt;
use super::wire::{Incoming, Wire};

/// How long the centre may take to say good-bye.
const UNBIND: Duration = Duration::from_secs(1);
/// How often time is looked at.
const TICK: Duration = Duration::from_millis(250);

/// What the centre said to a `submit_sm`: its status, and the identifier that it gave.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: CommandStatus,
    pub(super) id: String,
}

/// A message on its way into the session.
#[derive(Debug)]
pub(super) struct Submit {
    pub(super) message: Box<SubmitSm>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The connection broke, or could not be made.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The centre closed it.
    #[error("the message centre closed the connection")]
    Closed,
    /// No answer in time.
    #[error("no answer to {0} within {1:?}")]
    Silent(&'static str, Duration),
    /// The bind was refused.
    #[error("the message centre refused the bind with status {0:#010x}{1}")]
    Bind(u32, &'static str),
}

/// The times of a session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// After so much silence, the centre is asked whether it is there.
    pub(super) enquire: Duration,
    /// How long an answer may take.
    pub(super) answer: Duration,
    /// How many messages may be without an answer.
    pub(super) window: usize,
}

/// A bound session.
pub(super) struct Session<S> {
    stream: Framed<S, Wire>,
    limits: Limits,
    sequence: u32,
    /// Messages without an answer, by sequence number.
    pending: BTreeMap<u32, oneshot::Sender<Answer>>,
    /// When anything last came.
    heard: Instant,
    /// When the centre was asked whether it is there, if it has said nothing since.
    asked: Option<Instant>,
    /// PDUs that could not be read.
    unreadable: u64,
}

/// What the loop meets.
enum Event {
    Incoming(Incoming),
    Submit(Submit),
    Tick,
    Stop,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Binds as a transceiver.
    pub(super) async fn bind(
        stream: S,
        bind: BindTransceiver,
        limits: Limits,
    ) -> Result<Self, SessionError> {
        let mut session = Self {
            stream: Framed::new(stream, Wire),
            limits,
            sequence: 0,
            pending: BTreeMap::new(),
            heard: Instant::now(),
            asked: None,
            unreadable: 0,
        };
        let until = Instant::now() + limits.answer;
        let sequence = session.request(bind.into()).await?;
        loop {
            let next = timeout_at(until, session.stream.next());
            let silent = |_| SessionError::Silent("the bind", limits.answer);
            let Incoming::Command(command) =
                next.await.map_err(silent)?.ok_or(SessionError::Closed)??
            else {
                continue;
            };
            if command.sequence_number != sequence {
                continue;
            }
            return match command.status {
                CommandStatus::EsmeRok if command.id() == CommandId::BindTransceiverResp => {
                    Ok(session)
                }
                status => Err(bind_error(status)),
            };
        }
    }

    /// Runs until the connection ends, or `stop` resolves and the session is closed in order.
    pub(super) async fn run(
        &mut self,
        submits: &mut mpsc::Receiver<Submit>,
        stop: &mut oneshot::Receiver<()>,
        mut on_receipt: impl FnMut(Receipt),
    ) -> Result<(), SessionError> {
        let mut ticks = interval(TICK.min(self.limits.enquire));
        loop {
            let has_room = self.pending.len() < self.limits.window;
            let event = tokio::select! {
                biased;
                _ = &mut *stop => Event::Stop,
                incoming = self.stream.next() => {
                    Event::Incoming(incoming.ok_or(SessionError::Closed)??)
                }
                Some(submit) = submits.recv(), if has_room => Event::Submit(submit),
                _ = ticks.tick() => Event::Tick,
            };
            match event {
                Event::Stop => return self.unbind().await,
                Event::Incoming(incoming) => {
                    self.heard = Instant::now();
                    self.asked = None;
                    self.take(incoming, &mut on_receipt).await?;
                }
                Event::Submit(submit) => self.submit(submit).await?,
                Event::Tick => self.look_at_time().await?,
            }
        }
    }

    /// How many PDUs could not be read.
    pub(super) const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    async fn take(
        &mut self,
        incoming: Incoming,
        on_receipt: &mut impl FnMut(Receipt),
    ) -> Result<(), SessionError> {
        let command = match incoming {
            Incoming::Command(command) => command,
            Incoming::Unreadable(answer) => {
                self.unreadable += 1;
                return match answer {
                    Some(answer) => self.send(*answer).await,
                    None => Ok(()),
                };
            }
        };
        let sequence = command.sequence_number;
        match command.id() {
            CommandId::EnquireLink => self.answer(sequence, Pdu::EnquireLinkResp).await,
            CommandId::DeliverSm => {
                // What a phone writes is taken and dropped; nobody reads it here.
                if let Some(receipt) = answers::receipt(&command) {
                    on_receipt(receipt);
                }
                self.answer(sequence, DeliverSmResp::default().into()).await
            }
            CommandId::Unbind => {
                self.answer(sequence, Pdu::UnbindResp).await?;
                Err(SessionError::Closed)
            }
            CommandId::SubmitSmResp | CommandId::GenericNack => {
                self.settle(&command);
                Ok(())
            }
            CommandId::EnquireLinkResp | CommandId::AlertNotification => Ok(()),
            id if u32::from(id) & 0x8000_0000 != 0 => Ok(()),
            _ => {
                let nack = Command::new(CommandStatus::EsmeRinvcmdid, sequence, Pdu::GenericNack);
                self.send(nack).await
            }
        }
    }

    /// Passes an answer on to whoever waits for it.
    fn settle(&mut self, command: &Command) {
        let Some(waiting) = self.pending.remove(&command.sequence_number) else {
            return;
        };
        let id = match command.pdu() {
            Some(Pdu::SubmitSmResp(response)) => response.message_id().as_str().to_owned(),
            _ => String::new(),
        };
        let status = match (command.id(), command.status) {
            (CommandId::GenericNack, CommandStatus::EsmeRok) => CommandStatus::EsmeRunknownerr,
            (_, status) => status,
        };
        // Whoever waited may have given up; the message is repeated then.
        let _ = waiting.send(Answer { status, id });
    }

    async fn submit(&mut self, submit: Submit) -> Result<(), SessionError> {
        // Waited for too long: whoever asked will ask again.
        if submit.answer.is_closed() {
            return Ok(());
        }
        let sequence = self.request(Pdu::SubmitSm(*submit.message)).await?;
        self.pending.insert(sequence, submit.answer);
        Ok(())
    }

    async fn look_at_time(&mut self) -> Result<(), SessionError> {
        self.pending.retain(|_, waiting| !waiting.is_closed());
        match self.asked {
            Some(asked) if asked.elapsed() >= self.limits.answer => {
                Err(SessionError::Silent("enquire_link", self.limits.answer))
            }
            None if self.heard.elapsed() >= self.limits.enquire => {
                self.asked = Some(Instant::now());
                self.request(Pdu::EnquireLink).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn unbind(&mut self) -> Result<(), SessionError> {
        let good_bye = async {
            let sequence = self.request(Pdu::Unbind).await?;
            while let Some(Ok(incoming)) = self.stream.next().await {
                if let Incoming::Command(command) = incoming
                    && command.sequence_number == sequence
                    && command.id() == CommandId::UnbindResp
                {
                    break;
                }
            }
            self.stream.close().await.map_err(SessionError::Io)
        };
        // A centre that does not answer is left without one.
        timeout(UNBIND, good_bye).await.unwrap_or(Ok(()))
    }

    async fn request(&mut self, pdu: Pdu) -> Result<u32, SessionError> {
        // From 1 to 0x7fffffff, by the standard.
        self.sequence = if self.sequence >= 0x7fff_ffff {
            1
        } else {
            self.sequence + 1
        };
        let sequence = self.sequence;
        self.send(Command::new(CommandStatus::EsmeRok, sequence, pdu))
            .await?;
        Ok(sequence)
    }

    async fn answer(&mut self, sequence: u32, pdu: Pdu) -> Result<(), SessionError> {
        self.send(Command::new(CommandStatus::EsmeRok, sequence, pdu))
            .await
    }

    /// Writes a PDU; a centre that takes nothing for too long has lost the session.
    async fn send(&mut self, command: Command) -> Result<(), SessionError> {
        let written = timeout(self.limits.answer, self.stream.send(command)).await;
        written.map_err(|_| SessionError::Silent("what was written", self.limits.answer))??;
        Ok(())
    }
}

fn bind_error(status: CommandStatus) -> SessionError {
    let meaning = match status {
        CommandStatus::EsmeRbindfail => ": bind failed; see `system_id` and `password`",
        CommandStatus::EsmeRinvpaswd => ": wrong password",
        CommandStatus::EsmeRinvsysid => ": unknown system_id",
        CommandStatus::EsmeRalybnd => ": already bound; another session uses this `system_id`",
        CommandStatus::EsmeRinvsystyp => ": wrong system_type",
        _ => "",
    };
    SessionError::Bind(status.into(), meaning)
}
