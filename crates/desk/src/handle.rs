//! The desk as the rest of the node sees it.

use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use spica_alarms::link::{Claim, LinkError, Links};
use spica_alerts::{NoticeId, Plans, TestTarget};
use spica_cases::{CaseId, Order, Rules, Trouble};
use spica_clock::SharedClock;
use spica_journal::SharedJournal;
use spica_role::SharedRole;
use spica_views::Views;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::channels::{Channels, Dispatcher};
use crate::config::Settings;
use crate::error::DeskError;
use crate::metrics::Metrics;
use crate::start::links;
use crate::status::DeskStatus;
use crate::troubles::Reporter;
use crate::worker::Worker;

/// Orders that may wait; more are refused.
const ORDERS: usize = 1_024;

/// What the desk needs of its node.
#[derive(Clone)]
pub struct Deps {
    /// The journal.
    pub journal: SharedJournal,
    /// The views that follow it.
    pub views: Arc<Views>,
    /// Whether this node serves.
    pub role: SharedRole,
    /// The clock.
    pub clock: SharedClock,
    /// What is a case.
    pub rules: Rules,
    /// Who is told.
    pub plans: Arc<Plans>,
    /// How.
    pub channels: Channels,
}

/// What the worker is asked to do.
pub(crate) enum Request {
    Order(Order, oneshot::Sender<Result<Vec<CaseId>, DeskError>>),
    /// The troubles have changed: see [`Reporter`].
    Troubles,
    Test(
        TestTarget,
        oneshot::Sender<Result<Vec<NoticeId>, DeskError>>,
    ),
}

/// The alarm desk. Shared as `Arc<Desk>`.
pub struct Desk {
    requests: mpsc::Sender<Request>,
    troubles: Reporter,
    status: watch::Receiver<DeskStatus>,
    channels: Channels,
    views: Arc<Views>,
    clock: SharedClock,
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Desk {
    /// Starts the desk's thread. It decides only while the node serves. Messages are sent on the
    /// current tokio runtime.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(deps: Deps, settings: Settings, metrics: Metrics) -> std::io::Result<Arc<Self>> {
        let (requests, inbox) = mpsc::channel(ORDERS);
        let (stop, stopped) = watch::channel(false);
        let (shown, status) = watch::channel(DeskStatus::default());
        let (dispatcher, answers) =
            Dispatcher::new(deps.channels.clone(), Handle::current(), metrics.clone());
        let channels = deps.channels.clone();
        let troubles = Reporter::new(requests.clone());
        let (views, clock) = (Arc::clone(&deps.views), Arc::clone(&deps.clock));
        let worker = Worker {
            deps,
            settings,
            metrics,
            inbox,
            answers,
            dispatcher,
            troubles: troubles.clone(),
            shown,
            stopped,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("desk".into())
            .spawn(move || runtime.block_on(worker.run()))?;
        Ok(Arc::new(Self {
            requests,
            troubles,
            status,
            channels,
            views,
            clock,
            stop,
            thread: Mutex::new(Some(thread)),
        }))
    }

    /// Carries an order out; returns the cases that it is about once it is durable.
    ///
    /// # Errors
    /// If it cannot be carried out.
    pub async fn order(&self, order: Order) -> Result<Vec<CaseId>, DeskError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Order(order, answer))?;
        answered.await.unwrap_or(Err(DeskError::Unknown))
    }

    /// Sends a message that is only a test; says by which notices, once they are durable.
    ///
    /// # Errors
    /// If nobody can be told so, or this node does not serve.
    pub async fn test(&self, target: TestTarget) -> Result<Vec<NoticeId>, DeskError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Test(target, answer))?;
        answered.await.unwrap_or(Err(DeskError::Unknown))
    }

    /// Takes notice of a trouble of the node itself, or of its end. Never waits; a node that does not
    /// serve remembers what stands, and decides on it when it does.
    pub fn report(&self, trouble: Trouble) {
        self.troubles.report(trouble);
    }

    /// Where troubles can be reported, for parts that are older than the desk's handle.
    #[must_use]
    pub fn reporter(&self) -> Reporter {
        self.troubles.clone()
    }

    /// Who may acknowledge what by a link of a message.
    ///
    /// # Errors
    /// If the link is not one of this node, or its time is over.
    pub fn claim(&self, token: &str) -> Result<Claim, LinkError> {
        let links: Option<Links> = links(&self.views);
        links
            .ok_or(LinkError::Forged)?
            .read(token, self.clock.wall())
    }

    /// How the desk stands.
    #[must_use]
    pub fn status(&self) -> DeskStatus {
        let status = self.status.borrow().clone();
        DeskStatus {
            channels: self.channels.status(),
            ..status
        }
    }

    /// Ends the thread; blocks until it is gone. Messages that are on their way are sent, but what
    /// becomes of them is not noted: they may go out once more after a restart, with the same key.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        if thread.join().is_err() {
            tracing::error!("the alarm desk's thread has panicked");
        }
    }

    fn ask(&self, request: Request) -> Result<(), DeskError> {
        self.requests
            .try_send(request)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => DeskError::Busy,
                mpsc::error::TrySendError::Closed(_) => DeskError::NotServing,
            })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
