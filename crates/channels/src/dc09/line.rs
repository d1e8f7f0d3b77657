//! The line of one account: one loop over jobs, what its connections say, and time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use spica_alerts::Outcome;
use spica_clock::SharedClock;
use spica_dc09_proto::sender::{EventId, Input, Now, Output, Path, Sender};
use spica_dc09_proto::{Account, Event, Sequence};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::settings::Setup;
use super::socket::{News, Socket, Told};
use crate::answer;
use crate::paths::Paths;

/// Most jobs that wait to be looked at.
const JOBS: usize = 100;
/// Most news of connections that wait.
const NEWS: usize = 16;
/// How many outcomes are remembered that nobody waited for.
const SETTLED: usize = 1_000;
/// The longest that the loop sleeps.
const SLEEP: Duration = Duration::from_secs(60);

/// An event to deliver.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: String,
    pub(super) is_urgent: bool,
    pub(super) event: Event,
    pub(super) settled: oneshot::Sender<Outcome>,
}

/// The line of an account.
#[derive(Debug)]
pub(super) struct Line {
    jobs: mpsc::Sender<Job>,
    task: JoinHandle<()>,
}

impl Line {
    /// Begins: the receivers are polled at once.
    pub(super) fn begin(
        setup: &Arc<Setup>,
        account: Account,
        paths: &Arc<Paths>,
        clock: &SharedClock,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(JOBS);
        let supervises = account == *setup.default_account();
        let keeper = Keeper::new(
            setup,
            account,
            supervises.then(|| Arc::clone(paths)),
            paths,
            clock,
        );
        let task = tokio::spawn(async move {
            if let Some(keeper) = keeper {
                keeper.run(queue).await;
            }
        });
        Self { jobs, task }
    }

    /// Gives a job, unless too many wait.
    pub(super) fn give(&self, job: Job) -> Result<(), ()> {
        self.jobs.try_send(job).map_err(drop)
    }

    /// Ends, and cuts off what takes too long.
    pub(super) async fn end(self, within: Duration) {
        drop(self.jobs);
        let mut task = self.task;
        if timeout(within, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// Whoever waits for an event, and its key.
struct Waiting {
    key: String,
    settled: Option<oneshot::Sender<Outcome>>,
}

/// What the task has.
struct Keeper {
    setup: Arc<Setup>,
    sender: Sender,
    sockets: [Option<Socket>; 2],
    /// Connections so far.
    connections: u64,
    waiting: BTreeMap<EventId, Waiting>,
    /// What became of events when nobody waited, the oldest first.
    settled: VecDeque<(EventId, Outcome)>,
    /// Where path failures are told; none if another line does.
    supervision: Option<Arc<Paths>>,
    paths: Arc<Paths>,
    clock: SharedClock,
    begun: Instant,
    news: mpsc::Sender<Told>,
    told: mpsc::Receiver<Told>,
}

impl Keeper {
    fn new(
        setup: &Arc<Setup>,
        account: Account,
        supervision: Option<Arc<Paths>>,
        paths: &Arc<Paths>,
        clock: &SharedClock,
    ) -> Option<Self> {
        let (news, told) = mpsc::channel(NEWS);
        // Nobody keeps the last number. One that goes with the time does not repeat those before a
        // restart, at least of the last hours.
        let seconds = clock
            .wall()
            .as_micros()
            .div_euclid(1_000_000)
            .rem_euclid(9_999);
        let last = u16::try_from(seconds).ok().and_then(Sequence::new)?;
        // The configuration was checked when the channel was opened.
        let sender = Sender::new(setup.config(account), last).ok()?;
        Some(Self {
            setup: Arc::clone(setup),
            sender,
            sockets: [None, None],
            connections: 0,
            waiting: BTreeMap::new(),
            settled: VecDeque::new(),
            supervision,
            paths: Arc::clone(paths),
            clock: Arc::clone(clock),
            begun: clock.monotonic(),
            news,
            told,
        })
    }

    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        self.handle(Input::Tick);
        loop {
            let pause = self.sender.deadline().saturating_sub(self.now().steady);
            tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => self.take(job),
                    None => return,
                },
                Some((path, number, news)) = self.told.recv() => self.hear(path, number, &news),
                () = sleep(pause.min(SLEEP)) => self.handle(Input::Tick),
            }
        }
    }

    fn now(&self) -> Now {
        Now {
            steady: self.clock.monotonic().saturating_duration_since(self.begun),
            wall: self.clock.wall(),
        }
    }

    fn take(&mut self, job: Job) {
        let id = id(&job.key);
        if let Some(place) = self.settled.iter().position(|(settled, _)| *settled == id)
            && let Some((_, outcome)) = self.settled.remove(place)
        {
            // Whoever asked may have given up again; then it is told at the next attempt.
            if let Err(outcome) = job.settled.send(outcome) {
                self.remember(id, outcome);
            }
            return;
        }
        let now = self.now();
        match self.sender.push(id, job.event, job.is_urgent, None, now) {
            Ok(outputs) => {
                let waiting = Waiting {
                    key: job.key,
                    settled: Some(job.settled),
                };
                self.waiting.insert(id, waiting);
                self.act(outputs);
            }
            // Whoever asked may have given up.
            Err(full) => drop(job.settled.send(answer::retry(&full.to_string()))),
        }
    }

    fn hear(&mut self, path: Path, number: u64, news: &News) {
        let current = self.sockets[path as usize].as_ref();
        if current.is_none_or(|socket| socket.number != number) {
            return;
        }
        match news {
            News::Connected => self.handle(Input::Connected(path)),
            News::Bytes(bytes) => {
                let before = self.answers();
                self.handle(Input::Bytes(path, bytes));
                if let Some(paths) = &self.supervision
                    && self.answers() > before
                {
                    paths.up(path.as_str(), &self.clock);
                }
            }
            News::Gone(error) => {
                tracing::debug!(receiver = self.setup.receiver(path), %error, "connection gone");
                self.sockets[path as usize] = None;
                self.handle(Input::Disconnected(path));
            }
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let outputs = self.sender.handle(input, self.now());
        self.act(outputs);
    }

    fn act(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Connect(path) => {
                    self.connections += 1;
                    let news = self.news.clone();
                    let socket = Socket::connect(&self.setup, path, self.connections, news);
                    self.sockets[path as usize] = Some(socket);
                }
                Output::Close(path) => self.sockets[path as usize] = None,
                Output::Send { path, bytes, .. } => {
                    if let Some(socket) = &self.sockets[path as usize] {
                        socket.send(bytes);
                    }
                }
                Output::Delivered { id, path, sequence } => {
                    let said = format!("ACK of message {sequence} by the {path} path");
                    self.settle(id, answer::delivered(&said));
                }
                Output::Refused { id, reason } => {
                    self.settle(id, answer::refused(&reason.to_string()));
                }
                Output::PathFailed(path) => self.failed(path),
                // Told when its answer was counted.
                Output::PathRestored(_) => {}
                Output::Ignored { path, why } => {
                    let receiver = self.setup.receiver(path);
                    tracing::warn!(receiver, %why, "something came that does not count");
                }
            }
        }
    }

    /// How often a receiver has answered.
    fn answers(&self) -> u64 {
        let counters = self.sender.status().counters;
        counters.delivered + counters.refused + counters.polls
    }

    fn failed(&self, path: Path) {
        if let Some(paths) = &self.supervision {
            let receiver = self.setup.receiver(path);
            let text = format!("the receiver at {receiver} does not answer");
            paths.down(path.as_str(), &text, &self.clock);
        }
    }

    fn settle(&mut self, id: EventId, outcome: Outcome) {
        let Some(waiting) = self.waiting.remove(&id) else {
            return;
        };
        let unheard = match waiting.settled {
            Some(settled) => settled.send(outcome).err(),
            None => Some(outcome),
        };
        if let Some(outcome) = unheard {
            let arrived = matches!(outcome, Outcome::Delivered { .. });
            self.paths.receipt(waiting.key, arrived, outcome.answer());
            self.remember(id, outcome);
        }
    }

    fn remember(&mut self, id: EventId, outcome: Outcome) {
        if self.settled.len() >= SETTLED {
            self.settled.pop_front();
        }
        self.settled.push_back((id, outcome));
    }
}

/// The machine's name of a message: equal for all its attempts.
fn id(key: &str) -> EventId {
    let digest = Sha256::digest(key.as_bytes());
    EventId(
        digest
            .iter()
            .take(8)
            .fold(0, |id, byte| id << 8 | u64::from(*byte)),
    )
}
