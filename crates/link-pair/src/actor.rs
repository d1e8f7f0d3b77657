//! The actor: gives events to the pair's core and does what it says.

mod links;
mod orders;
mod outputs;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use spica_clock::SharedClock;
use spica_journal::Journal as _;
use spica_journal_file::FileJournal;
use spica_model::{Epoch, Lane, Seq};
use spica_pair::witness::Answer;
use spica_pair::{Durable, Event, Output, Pair, Status, Time, Verdict};
use spica_pair_proto::{Control, Hello};
use spica_role::{Order, OrderError};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsStream;

use self::orders::Waiting;
use crate::handle::Restart;
use crate::link::{Link, LinkDeps};
use crate::notices::Notices;
use crate::pictures::Present;
use crate::reentry::{Desk, Shelf};
use crate::role::Shown;
use crate::scribe::Scribe;
use crate::witness::Asker;

/// How often the journal is asked whether it lives (DEAD?).
const LOOK: Duration = Duration::from_millis(20);

/// What comes to the actor.
pub(crate) enum Input {
    /// A connection whose hands are shaken.
    LinkUp {
        id: u64,
        stream: Box<TlsStream<TcpStream>>,
        theirs: Hello,
        /// Whether the backup dialled.
        by_backup: bool,
    },
    /// It has ended.
    LinkDown { link: u64, reason: String },
    /// The partner has said something. What comes after it is only read when it is done with.
    Said {
        link: u64,
        control: Control,
        done: oneshot::Sender<()>,
    },
    /// A request.
    Vote(oneshot::Sender<Verdict>),
    /// An operator's order.
    Order {
        order: Order,
        by: Arc<str>,
        answer: oneshot::Sender<Result<(), OrderError>>,
    },
    /// The witness has answered.
    Witness { epoch: Epoch, answer: Answer },
    /// What was to be remembered is.
    Stored(Durable),
    /// The journal has begun an epoch or refused it, or its disk does not answer.
    Begun(Option<Event>),
    /// All that was placed is on both nodes.
    Drained,
    /// The node stops.
    Stop,
    /// It ends at once, without a word.
    Abandon,
}

/// What the actor works with.
pub(crate) struct Parts {
    pub(crate) journal: Arc<FileJournal>,
    pub(crate) clock: SharedClock,
    pub(crate) origin: Instant,
    pub(crate) scribe: Scribe,
    pub(crate) damaged: [Option<Seq>; 2],
    pub(crate) notices: Notices,
    pub(crate) asker: Asker,
    pub(crate) link: LinkDeps,
    pub(crate) shelf: Shelf,
    pub(crate) present: Present,
    pub(crate) linked: Arc<AtomicBool>,
    pub(crate) stuck_after: Duration,
    pub(crate) restart: watch::Sender<Option<Restart>>,
}

/// See the module's page.
pub(crate) struct Actor {
    pair: Pair,
    parts: Parts,
    link: Option<Link>,
    shown: watch::Sender<Shown>,
    leads: bool,
    /// What was placed when the journal was last asked and had not answered, and since when.
    asked: [Option<(Seq, Instant)>; 2],
    /// What the partner had when it last took something, and when that was.
    partner_moved: ([Seq; 2], Instant),
    waiting: Waiting,
    /// Enters what was put aside, here or at the partner.
    reentry: Option<Reentry>,
    /// What follows from what is being done: given to the core when all that its last word wants is
    /// done.
    follows: VecDeque<Event>,
    acting: bool,
    ended: bool,
}

impl Actor {
    pub(crate) fn new(pair: Pair, parts: Parts) -> (Self, watch::Receiver<Shown>) {
        let (shown, seen) = watch::channel(Shown {
            status: pair.status(),
            leads: false,
            partner_http: None,
            notices: Arc::new([]),
        });
        let now = parts.clock.monotonic();
        let actor = Self {
            pair,
            parts,
            link: None,
            shown,
            leads: false,
            asked: [None; 2],
            partner_moved: ([Seq::ZERO; 2], now),
            waiting: Waiting::default(),
            reentry: None,
            follows: VecDeque::new(),
            acting: false,
            ended: false,
        };
        (actor, seen)
    }

    /// Runs until the node stops or begins again.
    pub(crate) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        self.look();
        while !self.ended {
            let now = self.now();
            let until = self.pair.deadline().saturating_sub(now).min(LOOK);
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => return,
                },
                () = tokio::time::sleep(until) => self.look(),
            }
            self.show();
        }
        // What was said last must get out.
        self.part().await;
    }

    fn now(&self) -> Time {
        self.parts.clock.monotonic() - self.parts.origin
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::LinkUp {
                id,
                stream,
                theirs,
                by_backup,
            } => self.link_up(id, *stream, theirs, by_backup),
            Input::LinkDown { link, reason } => self.link_down(link, &reason),
            Input::Said {
                link,
                control,
                done,
            } => {
                self.said(link, control);
                // A link that has ended meanwhile reads nothing more.
                let _ = done.send(());
            }
            Input::Vote(answer) => {
                let (mut out, now) = (Vec::new(), self.now());
                let verdict = self.pair.vote(now, &mut out);
                self.carry_out(out);
                self.show();
                // Who does not wait for it any more does not need it.
                let _ = answer.send(verdict);
            }
            Input::Order { order, by, answer } => self.ordered(order, &by, answer),
            Input::Witness { epoch, answer } => self.event(Event::Witness { epoch, answer }),
            Input::Stored(durable) => self.event(Event::Stored(durable)),
            Input::Begun(event) => self.begun(event),
            Input::Drained => self.event(Event::Drained),
            Input::Stop => self.stop(),
            Input::Abandon => {
                self.link = None;
                self.leads = false;
                self.ended = true;
            }
        }
    }

    /// Gives an event to the core and does what it says; later, if that was caused by what the core
    /// has said: what is said to the partner must not overtake what was to be said before.
    fn event(&mut self, event: Event) {
        self.follows.push_back(event);
        if !self.acting {
            self.carry_out(Vec::new());
        }
    }

    fn carry_out(&mut self, mut outputs: Vec<Output>) {
        self.acting = true;
        loop {
            for output in outputs.drain(..) {
                self.output(output);
            }
            let Some(event) = self.follows.pop_front() else {
                break;
            };
            self.pair.step(self.now(), event, &mut outputs);
        }
        self.acting = false;
    }

    /// Begins to enter what was put aside; whatever tried it elsewhere stops.
    fn enter_aside(&mut self, desk: Desk) {
        let task = desk.enter_all(self.parts.shelf.clone());
        self.reentry = Some(Reentry(tokio::spawn(task)));
    }

    /// Asks the journal, and the link how far the partner is.
    fn look(&mut self) {
        if self.answers() {
            let ends = Lane::ALL.map(|lane| self.parts.journal.durable_here(lane).durable());
            let epoch = self.parts.journal.epoch();
            self.event(Event::Answered { ends, epoch });
        } else {
            self.event(Event::Tick);
        }
        self.look_at_partner();
        self.look_at_damage();
        if self.leads {
            self.parts.notices.record();
            let awaited = self.parts.notices.others_wait();
            self.event(Event::Awaited(awaited));
        }
        self.look_at_orders();
    }

    /// Whether both lanes commit: what was placed is durable here within the time after which the
    /// partner would count as gone.
    fn answers(&mut self) -> bool {
        let now = self.parts.clock.monotonic();
        let patience = self.parts.link.silence / 5;
        Lane::ALL.into_iter().all(|lane| {
            let here = self.parts.journal.durable_here(lane);
            if here.failure().is_some() {
                return false;
            }
            let asked = &mut self.asked[lane.index()];
            match asked {
                Some((placed, since)) if here.durable() < *placed => now - *since < patience,
                _ => {
                    let placed = self.parts.journal.status(lane).last;
                    *asked = (here.durable() < placed).then_some((placed, now));
                    true
                }
            }
        })
    }

    /// Says how far the partner is, and whether it is stuck.
    fn look_at_partner(&mut self) {
        let lag = self.link.as_ref().and_then(|link| link.shared.lag());
        self.event(Event::Lag(lag.map(|(lag, _)| lag)));
        let now = self.parts.clock.monotonic();
        let Some((lag, has)) = lag else {
            self.partner_moved.1 = now;
            return;
        };
        if lag == [0, 0] || has != self.partner_moved.0 {
            self.partner_moved = (has, now);
        } else if now - self.partner_moved.1 > self.parts.stuck_after {
            self.partner_moved.1 = now;
            self.event(Event::PartnerStuck);
        }
    }

    /// Shows the other parts how this node stands.
    fn show(&mut self) {
        let status = self.pair.status();
        let (leads, notices) = (self.leads, self.parts.notices.said());
        let http = self.link.as_ref().and_then(|link| link.theirs.http.clone());
        self.shown.send_if_modified(|shown| {
            let changed = is_news(&shown.status, &status)
                || shown.leads != leads
                || shown.notices.len() != notices.len();
            shown.status = status;
            shown.leads = leads;
            shown.notices = notices.into();
            if let Some(http) = http {
                shown.partner_http = Some(http.into());
            }
            changed
        });
    }
}

/// A task that ends with its owner.
struct Reentry(JoinHandle<()>);

impl Drop for Reentry {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether anybody who waits for a change must look.
fn is_news(old: &Status, new: &Status) -> bool {
    (old.state, old.phase, old.epoch, old.gate, old.partner_alive)
        != (new.state, new.phase, new.epoch, new.gate, new.partner_alive)
}
