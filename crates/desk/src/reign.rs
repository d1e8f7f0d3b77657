//! One reign of the desk: from the moment at which this node serves until it does no more.

use std::time::Duration;

use spica_alarms::Alarms;
use spica_alarms::link::{Claim, Links};
use spica_alerts::{NoticeId, Reason};
use spica_cases::{Draft, Severity, Trouble};
use spica_clock::Steady;
use spica_journal::{CommitError, FollowError};
use spica_model::{Lane, Seq, Timestamp};

use crate::error::DeskError;
use crate::feed::{Fed, Feed};
use crate::handle::Request;
use crate::queue::Queue;
use crate::start::{BeginError, Begun, CURSOR};
use crate::store::{StoreError, store};
use crate::worker::Worker;

/// Drafts after which a batch is closed: it must fit into one commit.
const ENOUGH: usize = 64;
/// The longest sleep: so a wall clock that is set ahead is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// How often cursors are moved and the status is shown.
const CHORES: Duration = Duration::from_millis(500);

/// How a reign has ended.
pub(crate) enum Ended {
    /// The desk is stopped.
    Stopped,
    /// The node does not serve any more.
    NotServing,
    /// Something is wrong with the journal.
    Failed(String),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<FollowError> for Ended {
    fn from(error: FollowError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What happens next.
enum Event {
    Request(Request),
    Answer(crate::channels::Answer),
    Records,
    Time,
    /// A lane has failed.
    Failed(CommitError),
}

/// A reign.
pub(crate) struct Reign<'a> {
    pub(crate) worker: &'a mut Worker,
    alarms: Alarms,
    time: Steady,
    links: Links,
    feed: Feed,
    queue: Queue,
    chores_at: Timestamp,
}

impl<'a> Reign<'a> {
    /// A reign that goes on with what has begun.
    ///
    /// # Errors
    /// If the journal cannot be followed from the mark.
    pub(crate) fn new(worker: &'a mut Worker, begun: Begun) -> Result<Self, BeginError> {
        let Begun {
            alarms,
            time,
            links,
        } = begun;
        let feed = Feed::new(&*worker.deps.journal, alarms.mark())?;
        Ok(Self {
            worker,
            alarms,
            time,
            links,
            feed,
            queue: Queue::default(),
            chores_at: Timestamp::EPOCH,
        })
    }

    /// Decides on whatever happens, until the journal takes no more.
    pub(crate) async fn serve(&mut self) -> Ended {
        let begun = self.standing_troubles().await;
        if let Err(ended) = begun {
            return ended;
        }
        loop {
            let event = self.next().await;
            if let Err(ended) = self.turn(event).await {
                return ended;
            }
            // With work without end, who stops the desk still gets a word in.
            tokio::task::yield_now().await;
        }
    }

    async fn next(&mut self) -> Event {
        let now = self.now();
        let due = self.alarms.next_due().filter(|due| *due <= now);
        if due.is_some() || self.feed.has_more() {
            return if due.is_some() {
                Event::Time
            } else {
                Event::Records
            };
        }
        let sleep = self
            .alarms
            .next_due()
            .map_or(SLEEP_MAX, |due| due.since(now).min(SLEEP_MAX));
        let looked = self.worker.deps.clock.monotonic();
        tokio::select! {
            biased;
            Some(request) = self.worker.inbox.recv() => Event::Request(request),
            Some(answer) = self.worker.answers.recv() => Event::Answer(answer),
            more = self.feed.more(looked) => more.map_or_else(Event::Failed, |()| Event::Records),
            () = tokio::time::sleep(sleep) => Event::Time,
        }
    }

    /// One event, and then whatever else has come: what is decided is durable before anything leaves.
    async fn turn(&mut self, event: Event) -> Result<(), Ended> {
        match event {
            Event::Request(request) => self.request(request).await?,
            Event::Answer(answer) => self.answers(answer).await?,
            Event::Failed(error) => return Err(Ended::Failed(error.to_string())),
            Event::Records | Event::Time => {}
        }
        self.records().await?;
        let now = self.now();
        if self.alarms.next_due().is_some_and(|due| due <= now) {
            let drafts = self.alarms.on_time(now);
            self.store(&drafts).await?;
        }
        self.dispatch();
        self.chores();
        Ok(())
    }

    fn now(&mut self) -> Timestamp {
        self.time.now(&*self.worker.deps.clock)
    }

    async fn store(&mut self, drafts: &[Draft]) -> Result<(), Ended> {
        let now = self.now();
        Ok(store(&*self.worker.deps.journal, drafts, now).await?)
    }

    /// A share of the records of each lane, the critical one first.
    async fn records(&mut self) -> Result<(), Ended> {
        for lane in Lane::ALL {
            match self.feed.next(lane, self.worker.deps.clock.monotonic())? {
                Fed::Nothing => {}
                Fed::Records(lane, records) => self.decide(lane, records).await?,
                Fed::Gap(lane, from, to) => {
                    self.unreadable(lane, from, to, "retention has removed them")
                        .await?;
                }
                Fed::Damaged(damage) => {
                    let (lane, from, to) = (damage.lane, damage.from, damage.to);
                    let why = format!("{} at {} of {}", damage.reason, damage.offset, damage.file);
                    self.unreadable(lane, from, to, &why).await?;
                }
            }
        }
        Ok(())
    }

    async fn decide(
        &mut self,
        lane: Lane,
        mut records: Vec<spica_model::Record>,
    ) -> Result<(), Ended> {
        let now = self.now();
        let (taken, drafts) = self.alarms.on_records(lane, &records, ENOUGH, now);
        self.worker.metrics.decided.inc_by(taken as u64);
        let rest = records.split_off(taken);
        self.feed.put_back(lane, rest);
        self.store(&drafts).await
    }

    /// Nobody can decide on what cannot be read: people must know.
    async fn unreadable(&mut self, lane: Lane, from: Seq, to: Seq, why: &str) -> Result<(), Ended> {
        tracing::error!(%lane, %from, %to, why, "the alarm desk cannot read records");
        let count = to.0.saturating_sub(from.0).saturating_add(1);
        self.worker.metrics.unreadable.inc_by(count);
        self.alarms.pass(lane, to);
        let severity = match lane {
            Lane::Critical => Severity::Emergency,
            Lane::Normal => Severity::High,
        };
        let trouble = Trouble {
            source: "system/desk".into(),
            condition: format!("unreadable-{lane}-records"),
            severity,
            active: true,
            text: format!(
                "{count} {lane} records ({from} to {to}) could not be read: {why}. There may be alarms among them"
            ),
            detail: serde_json::Value::Null,
        };
        self.trouble(&trouble).await
    }

    async fn trouble(&mut self, trouble: &Trouble) -> Result<(), Ended> {
        let now = self.now();
        let drafts = self.alarms.trouble(trouble, now);
        self.store(&drafts).await
    }

    /// What stood before this node served, and what may have ended meanwhile.
    async fn standing_troubles(&mut self) -> Result<(), Ended> {
        let stand = self.worker.troubles.all();
        for trouble in &stand {
            self.trouble(trouble).await?;
        }
        Ok(())
    }

    async fn changed_troubles(&mut self) -> Result<(), Ended> {
        let changed = self.worker.troubles.changed();
        for trouble in &changed {
            self.trouble(trouble).await?;
        }
        Ok(())
    }

    async fn request(&mut self, request: Request) -> Result<(), Ended> {
        let now = self.now();
        match request {
            Request::Troubles => return self.changed_troubles().await,
            Request::Order(order, answer) => {
                let (done, drafts) = self.alarms.order(order, now);
                self.store(&drafts).await?;
                let metrics = &self.worker.metrics;
                let counter = match &done {
                    Ok(_) => &metrics.orders,
                    Err(_) => &metrics.orders_refused,
                };
                counter.inc();
                let answered = done.map_err(DeskError::from);
                self.shown_before(answer, answered).await;
            }
            Request::Test(target, answer) => {
                let answered = match self.alarms.test(&target, now) {
                    Ok((notices, drafts)) => {
                        self.store(&drafts).await?;
                        Ok(notices)
                    }
                    Err(error) => Err(DeskError::Test(error)),
                };
                self.shown_before(answer, answered).await;
            }
        }
        Ok(())
    }

    /// Answers once the views show what was done: whoever asks next sees it.
    async fn shown_before<T>(
        &self,
        answer: tokio::sync::oneshot::Sender<Result<T, DeskError>>,
        answered: Result<T, DeskError>,
    ) {
        let durable = self.worker.deps.journal.status(Lane::Critical).durable;
        self.worker
            .deps
            .views
            .applied(Lane::Critical, durable)
            .await;
        // Whoever asked may have gone.
        let _ = answer.send(answered);
    }

    /// Notes an answer, and those that have come meanwhile, with one commit.
    async fn answers(&mut self, first: crate::channels::Answer) -> Result<(), Ended> {
        let now = self.now();
        let answers = &mut self.worker.answers;
        let more = std::iter::from_fn(|| answers.try_recv().ok());
        let all: Vec<_> = std::iter::once(first).chain(more.take(ENOUGH)).collect();
        let drafts = self.alarms.on_attempts(all, now);
        self.store(&drafts).await
    }

    /// Lets go out what is due, as far as the channels have room: the severest first.
    fn dispatch(&mut self) {
        let now = self.now();
        for id in self.alarms.ready(now, usize::MAX) {
            self.queue.push(&self.alarms, id);
        }
        while let Some((channel, id)) = self
            .queue
            .pop(|channel| self.worker.dispatcher.room(channel))
        {
            self.send(&channel, id, now);
        }
    }

    fn send(&mut self, channel: &str, id: NoticeId, now: Timestamp) {
        let link = self.link(id, now);
        // What nobody needs any more has no message.
        let Some(message) = self.alarms.message(id, now, link) else {
            return;
        };
        if message.attempt <= 1 && message.reason == Reason::Raised {
            let received = message.case.received_at;
            self.worker.metrics.left_after(now.since(received));
        }
        self.worker.dispatcher.send(channel, message);
    }

    /// The link by which the case of a notice can be acknowledged.
    fn link(&self, id: NoticeId, now: Timestamp) -> Option<String> {
        let base = self.worker.deps.plans.link_base()?;
        // A test has no case that could be acknowledged.
        let notice = self.alarms.notice(id).filter(|_| !id.is_test())?;
        let person = notice.person.clone()?;
        let valid = self.worker.settings.link_valid.as_duration();
        let token = self.links.sign(&Claim {
            case: id.case,
            person,
            until: now.saturating_add(valid),
        });
        Some(format!(
            "{}/acknowledge/{token}",
            base.trim_end_matches('/')
        ))
    }

    /// Moves the cursors, and shows how things stand.
    fn chores(&mut self) {
        let now = self.now();
        if now < self.chores_at {
            return;
        }
        self.chores_at = now.saturating_add(CHORES);
        let (journal, mark) = (&self.worker.deps.journal, self.alarms.mark());
        let mut behind = [0; 2];
        for lane in Lane::ALL {
            if let Err(error) = journal.advance_cursor(CURSOR, lane, mark.of(lane)) {
                tracing::warn!(%lane, %error, "the alarm desk cannot move its cursor: the journal grows");
            }
            let durable = journal.status(lane).durable.0;
            behind[lane.index()] = durable.saturating_sub(mark.of(lane).0);
        }
        self.show(behind);
    }

    fn show(&mut self, behind: [u64; 2]) {
        let metrics = &self.worker.metrics;
        let total: u64 = behind.iter().sum();
        metrics.behind.set(i64::try_from(total).unwrap_or(i64::MAX));
        let mut open = Severity::ALL.map(|severity| (severity, 0));
        for case in self.alarms.cases().open() {
            for (severity, count) in &mut open {
                *count += usize::from(*severity == case.severity);
            }
        }
        metrics.open(&open);
        let mark = self.alarms.mark();
        let (next_due, open_cases) = (
            self.alarms.next_due(),
            open.iter().map(|(_, count)| count).sum(),
        );
        self.worker.shown.send_modify(|status| {
            status.serves = true;
            status.mark = Lane::ALL.map(|lane| mark.of(lane));
            status.behind = behind;
            status.open_cases = open_cases;
            status.next_due = next_due;
        });
    }
}
