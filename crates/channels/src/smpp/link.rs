//! Keeps a session up: connects, binds, runs it, and begins again with growing pauses.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusmpp::pdus::{BindTransceiver, SubmitSm};
use rustls_pki_types::ServerName;
use spica_clock::SharedClock;
use spica_notify::EventSink;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;

use super::book::{Book, Place};
use super::receipt::{Fate, Receipt};
use super::session::{Answer, Limits, Session, SessionError, Submit};
use crate::answer;
use crate::paths::Paths;

/// The name of the one path.
pub(super) const PATH: &str = "session";
/// The first and the longest pause before the next attempt to connect.
const PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// A session that lasted so long was a good one: the next attempt is made at once, and nobody is told
/// unless it fails.
const GOOD: Duration = Duration::from_secs(10);
/// How long stopping may take before the session is cut off.
const STOP: Duration = Duration::from_secs(3);

/// Where the message centre is, and who we are to it.
pub(super) struct Centre {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) bind: BindTransceiver,
    pub(super) limits: Limits,
}

/// The link to a message centre.
pub(super) struct Link {
    centre: Arc<Centre>,
    book: Arc<Mutex<Book>>,
    running: Mutex<Option<Running>>,
}

/// The task that keeps the session up.
struct Running {
    submits: mpsc::Sender<Submit>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// A connection, plain or encrypted.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Link {
    pub(super) fn new(centre: Centre) -> Self {
        Self {
            centre: Arc::new(centre),
            book: Arc::default(),
            running: Mutex::new(None),
        }
    }

    /// Begins, unless it has begun already.
    pub(super) fn start(&self, paths: &Arc<Paths>, events: EventSink, clock: &SharedClock) {
        let mut running = self.running.lock();
        if running.is_some() {
            return;
        }
        paths.begin(&[PATH], events, clock);
        let (submits, queue) = mpsc::channel(self.centre.limits.window);
        let (stop, stopped) = oneshot::channel();
        let keeper = Keeper {
            centre: Arc::clone(&self.centre),
            book: Arc::clone(&self.book),
            paths: Arc::clone(paths),
            clock: Arc::clone(clock),
            queue,
            stopped,
        };
        let task = tokio::spawn(keeper.keep());
        *running = Some(Running {
            submits,
            stop,
            task,
        });
    }

    /// Ends in order, or after a while in none.
    pub(super) async fn stop(&self, paths: &Paths) {
        let running = self.running.lock().take();
        if let Some(mut running) = running {
            // It may have ended by itself; there is nothing to stop then.
            let _ = running.stop.send(());
            if timeout(STOP, &mut running.task).await.is_err() {
                running.task.abort();
            }
        }
        paths.end();
    }

    /// Submits a message and waits for its answer; none if there is no session, or it was lost.
    pub(super) async fn submit(&self, message: SubmitSm) -> Option<Answer> {
        let submits = self.running.lock().as_ref()?.submits.clone();
        let (answer, answered) = oneshot::channel();
        let message = Box::new(message);
        submits.send(Submit { message, answer }).await.ok()?;
        answered.await.ok()
    }

    /// Remembers a message that was taken, and gives where its receipt will come.
    pub(super) fn note(&self, id: &str, key: &str) -> oneshot::Receiver<Receipt> {
        self.book.lock().note(id, key)
    }
}

impl Drop for Link {
    /// A channel that is dropped without being stopped leaves no task behind.
    fn drop(&mut self) {
        if let Some(running) = self.running.get_mut().take() {
            running.task.abort();
        }
    }
}

/// What the task has.
struct Keeper {
    centre: Arc<Centre>,
    book: Arc<Mutex<Book>>,
    paths: Arc<Paths>,
    clock: SharedClock,
    queue: mpsc::Receiver<Submit>,
    stopped: oneshot::Receiver<()>,
}

impl Keeper {
    async fn keep(mut self) {
        let [mut pause, longest] = PAUSE;
        loop {
            let begun = Instant::now();
            let Err(error) = self.once().await else {
                return;
            };
            tracing::warn!(centre = %self.centre.host, %error, "no SMPP session");
            if begun.elapsed() >= GOOD + self.centre.limits.answer {
                pause = PAUSE[0];
                continue;
            }
            self.paths
                .down(PATH, &answer::with_causes(&error), &self.clock);
            // Whoever waits in the queue is told at once; another channel can be tried.
            while let Ok(submit) = self.queue.try_recv() {
                drop(submit);
            }
            tokio::select! {
                _ = &mut self.stopped => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(longest);
        }
    }

    /// One session from connecting to its end; fine if it was told to stop.
    async fn once(&mut self) -> Result<(), SessionError> {
        let bound = tokio::select! {
            _ = &mut self.stopped => return Ok(()),
            bound = self.centre.session() => bound,
        };
        let mut session = bound?;
        self.paths.up(PATH, &self.clock);
        let (book, paths) = (&self.book, &self.paths);
        let on_receipt = |receipt: Receipt| settle(book, paths, receipt);
        let ended = session
            .run(&mut self.queue, &mut self.stopped, on_receipt)
            .await;
        if session.unreadable() > 0 {
            let count = session.unreadable();
            tracing::warn!(centre = %self.centre.host, count, "PDUs that could not be read");
        }
        ended
    }
}

fn settle(book: &Mutex<Book>, paths: &Paths, receipt: Receipt) {
    let (fate, words) = (receipt.fate, receipt.words.clone());
    let place = book.lock().settle(receipt);
    if let Place::News(key) = place {
        paths.receipt(key, fate == Fate::Arrived, &words);
    }
}

impl Centre {
    async fn session(&self) -> Result<Session<Box<dyn Stream>>, SessionError> {
        let limit = self.limits.answer;
        let silent = |_| SessionError::Silent("the connection", limit);
        let stream = timeout(limit, self.connect()).await.map_err(silent)??;
        Session::bind(stream, self.bind.clone(), self.limits).await
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, SessionError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some((tls, name)) => Ok(Box::new(tls.connect(name.clone(), stream).await?)),
        }
    }
}
