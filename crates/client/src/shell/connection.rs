//! The task of a client: chooses the server and the way, reads, writes, watches, begins anew.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use spica_live_proto::{ByeCode, Encoding, ServerFrame, Subscribe};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::asks::AskError;
use super::client::{Begun, Command, State};
use super::end::End;
use super::link::{Link, LinkError};
use super::subscription::Credit;
use crate::core::{Core, Cost, Endpoints, Event, Failed, Item, Settings, Told, TrackId, Way};

/// How long a connection may take until its welcome.
const CONNECT: Duration = Duration::from_secs(10);
/// After so long on another way, WebSocket is tried again.
const WS_AGAIN: Duration = Duration::from_secs(600);
/// Items that may wait, beside those that the credit allows: notes without rows.
const NOTES: usize = 1_024;
/// Items that may wait, whatever the credit.
const MAX_ITEMS: usize = 1 << 24;
/// No row is shorter.
const ROW_BYTES: u64 = 16;

type Items = mpsc::Sender<(Item, Cost)>;
type Reply = oneshot::Sender<Result<ServerFrame, AskError>>;

/// The state of the task.
pub(super) struct Connection {
    settings: Settings,
    core: Core,
    endpoints: Endpoints,
    inbox: mpsc::Receiver<Command>,
    due: Arc<Notify>,
    items: HashMap<TrackId, Items>,
    replies: HashMap<u64, Reply>,
    state: watch::Sender<State>,
    observer: Box<dyn FnMut(&State) + Send>,
    worked: Option<Way>,
    ws_at: Option<Instant>,
}

/// Nobody wants the client any more.
struct Unwanted;

impl Connection {
    pub(super) fn new(
        settings: Settings,
        urls: Vec<String>,
        inbox: mpsc::Receiver<Command>,
        state: watch::Sender<State>,
        observer: Box<dyn FnMut(&State) + Send>,
    ) -> Self {
        // Without randomness the jitter is the same everywhere, which is still a jitter.
        let seed = getrandom::u64().unwrap_or_default();
        Self {
            core: Core::new(&settings),
            endpoints: Endpoints::new(urls, settings.max_pause, seed),
            settings,
            inbox,
            due: Arc::default(),
            items: HashMap::new(),
            replies: HashMap::new(),
            state,
            observer,
            worked: None,
            ws_at: None,
        }
    }

    pub(super) fn credit(&self) -> Credit {
        Credit {
            ledger: Arc::clone(&self.core.ledger),
            due: Arc::clone(&self.due),
        }
    }

    /// Runs until nobody wants the client any more, or the server wants another token.
    pub(super) async fn run(mut self) {
        (self.observer)(&State::Connecting);
        let reason = self.keep_open().await;
        self.items.clear();
        self.replies.clear();
        self.set(State::Closed(reason));
    }

    async fn keep_open(&mut self) -> &'static str {
        loop {
            let Some((url, pause)) = self.endpoints.next(now()) else {
                return "closed";
            };
            let wait = tokio::time::sleep(pause);
            if self.serve_while(wait).await.is_err() {
                return "closed";
            }
            let Ok(end) = self.at(&url).await else {
                return "closed";
            };
            if end.reason == ByeCode::Unauthorized.as_str() {
                return end.reason;
            }
            self.note(&url, end);
        }
    }

    /// Remembers how it went at an endpoint.
    fn note(&mut self, url: &str, end: End) {
        if end.reason == "upgrade" {
            return;
        }
        let now = now();
        match end.opened {
            Some(opened) => {
                let lived = now.duration_since(opened.into_std());
                self.endpoints.lost(url, now, lived, end.retry_after);
            }
            None => self.endpoints.failed(url, now, end.retry_after),
        }
        if let Some(active) = end.active {
            self.endpoints.prefer(url, &active, now);
        }
    }

    /// A session at this endpoint, by the first way that works.
    async fn at(&mut self, url: &str) -> Result<End, Unwanted> {
        let mut end = End::new("cut");
        for way in self.ways() {
            end = self.by(url, way).await?;
            if !end.way_failed {
                break;
            }
        }
        Ok(end)
    }

    /// The ways to try, in order: what has worked comes first, but WebSocket now and then.
    fn ways(&mut self) -> Vec<Way> {
        let mut ways = self.settings.ways.clone();
        let Some(worked) = self.worked else {
            return ways;
        };
        let due = self.ws_at.is_none_or(|at| Instant::now() >= at);
        if worked != Way::WebSocket && due {
            self.ws_at = Some(Instant::now() + WS_AGAIN);
        } else {
            ways.sort_by_key(|way| *way != worked);
        }
        ways
    }

    async fn by(&mut self, url: &str, way: Way) -> Result<End, Unwanted> {
        let encoding = match way {
            Way::WebSocket => self.settings.encoding,
            Way::Events | Way::Poll => Encoding::Json,
        };
        let hello = self.core.begin();
        let opening = timeout(CONNECT, Link::open(way, url.to_owned(), encoding, hello));
        let mut link = match self.serve_while(opening).await? {
            Ok(Ok(link)) => link,
            Ok(Err(error)) => return Ok(End::of_error(error)),
            Err(_) => return Ok(End::failed_way("silence")),
        };
        let end = self.talk(&mut link, way).await;
        self.leave(end.as_ref().ok().map(|end| end.reason));
        link.close().await;
        end
    }

    /// Obeys commands until `work` is done.
    async fn serve_while<F: Future>(&mut self, work: F) -> Result<F::Output, Unwanted> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                output = &mut work => return Ok(output),
                command = self.inbox.recv() => self.obey(command)?,
            }
        }
    }

    /// The life of a session.
    async fn talk(&mut self, link: &mut Link, way: Way) -> Result<End, Unwanted> {
        let mut heard = Instant::now();
        let mut opened = None;
        let due = Arc::clone(&self.due);
        let mut end = loop {
            let dead = heard + self.silence();
            let out = self.core.take_out();
            if !out.is_empty() && !matches!(timeout(CONNECT, link.send(&out)).await, Ok(Ok(()))) {
                break End::new("cut");
            }
            let upgrade = self.upgrade_at(way);
            tokio::select! {
                received = link.receive() => {
                    heard = Instant::now();
                    let event = match received {
                        Ok(received) => self.core.receive(received.frame, received.bytes),
                        Err(LinkError::Protocol) => break End::new("protocol"),
                        Err(_) => break End::new("cut"),
                    };
                    match event {
                        Ok(Some(Event::Ending(bye))) => break End::of_bye(*bye),
                        Ok(Some(Event::Welcomed)) => {
                            opened = Some(heard);
                            self.set(State::Open(way));
                        }
                        Ok(Some(event)) => if self.tell(event).is_err() {
                            break End::new("protocol");
                        },
                        Ok(None) => {}
                        Err(_) => break End::new("protocol"),
                    }
                    self.proven(link, way, opened.is_some());
                }
                command = self.inbox.recv() => self.obey(command)?,
                () = due.notified() => {}
                () = sleep_until(dead.min(upgrade)) => {
                    break End::new(if dead <= upgrade { "silence" } else { "upgrade" });
                }
            }
        };
        end.opened = opened;
        let broken = matches!(end.reason, "cut" | "silence");
        end.way_failed = broken && (opened.is_none() || !link.proven());
        Ok(end)
    }

    /// How long nothing may come.
    fn silence(&self) -> Duration {
        self.core.welcome().map_or(CONNECT, |welcome| {
            Duration::from_millis(welcome.heartbeat_ms.saturating_mul(5) / 2)
        })
    }

    /// When WebSocket is to be tried again.
    fn upgrade_at(&self, way: Way) -> Instant {
        let may = way != Way::WebSocket
            && self.worked == Some(way)
            && self.settings.ways.contains(&Way::WebSocket);
        let never = Instant::now() + WS_AGAIN * 2;
        self.ws_at.filter(|_| may).unwrap_or(never)
    }

    fn proven(&mut self, link: &Link, way: Way, open: bool) {
        if open && link.proven() && self.worked != Some(way) {
            self.worked = Some(way);
            self.ws_at = Some(Instant::now() + WS_AGAIN);
        }
    }

    /// The session is over, whatever becomes of its connection: lost for a reason, or not wanted.
    fn leave(&mut self, reason: Option<&'static str>) {
        let was_open = self.core.welcome().is_some();
        for id in self.core.lost() {
            self.answer(id, Err(AskError::Lost));
        }
        if was_open && let Some(reason) = reason {
            self.set(State::Lost(reason));
        }
    }

    fn set(&mut self, state: State) {
        (self.observer)(&state);
        self.state.send_replace(state);
    }

    /// Obeys a command; none comes when the handle is gone.
    fn obey(&mut self, command: Option<Command>) -> Result<(), Unwanted> {
        match command.ok_or(Unwanted)? {
            Command::Close => return Err(Unwanted),
            Command::Subscribe(wanted, reply) => self.subscribe(*wanted, reply),
            Command::Unsubscribe(id) => self.end(id),
            Command::Change(id, limits) => self.core.change(id, limits),
            Command::Ask(ask, reply) => {
                self.sweep();
                match self.core.ask(ask) {
                    Ok(id) => drop(self.replies.insert(id, reply)),
                    // Whoever asked may have gone.
                    Err(failed) => drop(reply.send(Err(failed.into()))),
                }
            }
        }
        Ok(())
    }

    fn subscribe(&mut self, wanted: Subscribe, reply: oneshot::Sender<Begun>) {
        let Some((id, held)) = self.core.subscribe(wanted) else {
            return;
        };
        let rows = usize::try_from(self.settings.credit / ROW_BYTES).unwrap_or(MAX_ITEMS);
        let (to, items) = mpsc::channel(rows.saturating_add(NOTES).min(MAX_ITEMS));
        self.items.insert(id, to);
        if reply.send(Begun { id, held, items }).is_err() {
            self.end(id);
        }
    }

    /// Forgets what nobody waits for any more.
    fn sweep(&mut self) {
        let core = &mut self.core;
        self.replies.retain(|id, reply| {
            let wanted = !reply.is_closed();
            if !wanted {
                core.forget(*id);
            }
            wanted
        });
    }

    fn end(&mut self, id: TrackId) {
        self.items.remove(&id);
        self.core.unsubscribe(id);
    }

    fn answer(&mut self, id: u64, answer: Result<ServerFrame, AskError>) {
        if let Some(reply) = self.replies.remove(&id) {
            // Whoever asked may have gone.
            let _ = reply.send(answer);
        }
    }

    fn tell(&mut self, event: Event) -> Result<(), Overrun> {
        match event {
            Event::Told(told) => return self.pass_on(told),
            Event::Answered(id, answer) => self.answer(id, answer.map_err(Failed::into)),
            Event::Welcomed | Event::Ending(_) => {}
        }
        Ok(())
    }

    fn pass_on(&mut self, told: Told) -> Result<(), Overrun> {
        let Some(to) = self.items.get(&told.track) else {
            self.core.ledger.taken(told.cost);
            return Ok(());
        };
        let count = told.items.len();
        if count == 0 {
            self.core.ledger.taken(told.cost);
        }
        let mut gone = false;
        for (nth, item) in told.items.into_iter().enumerate() {
            let cost = if nth + 1 == count {
                told.cost
            } else {
                Cost::default()
            };
            match to.try_send((item, cost)) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => return Err(Overrun),
                Err(mpsc::error::TrySendError::Closed(_)) => gone = true,
            }
        }
        if gone {
            self.core.ledger.taken(told.cost);
            self.end(told.track);
        } else if told.last {
            self.items.remove(&told.track);
        }
        Ok(())
    }
}

/// More came than the credit allowed.
struct Overrun;

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
