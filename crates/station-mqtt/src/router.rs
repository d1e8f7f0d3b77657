//! The thread that gives records to sessions: to those that are live what the views have just folded,
//! to those that are behind what the journal holds. It is the only one that changes the routes.

mod feed;
mod live;
mod retained;
mod sharing;
mod subscribing;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use spica_model::{Lane, Record, Seq};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use self::feed::Feeding;
use self::retained::Retaining;
use self::sharing::Sharing;
pub(crate) use self::sharing::shared_group;
use crate::orders::Order;
use crate::session::Session;
use crate::station::Station;

/// How long the thread sleeps at most.
const NAP: Duration = Duration::from_millis(250);
/// How long a subscription waits for the views to show what was durable before it.
const PATIENCE_MS: u64 = 1_000;
/// Batches that are given to live sessions before those that are behind have their turn.
const LIVE_BATCHES: usize = 16;

/// Gives records to sessions.
pub(crate) struct Router {
    station: Arc<Station>,
    batches: Receiver<Arc<[Record]>>,
    /// Sessions that have been given something, to be woken.
    touched: Vec<Arc<Session>>,
    feeding: Feeding,
    /// Retained messages that there was no room for yet.
    retaining: VecDeque<Retaining>,
    sharing: Sharing,
    /// Sessions for which something waits to be conflated.
    conflating: Vec<Arc<Session>>,
    is_closed: bool,
}

impl Router {
    /// A router that goes on with what the views fold from now on. What they have folded already is
    /// the past: sessions of before are behind.
    pub(crate) fn new(station: Arc<Station>) -> Self {
        let batches = station.views.subscribe();
        let applied = station.views.status().applied;
        for lane in Lane::ALL {
            station.set_routed(lane, applied[lane.index()]);
        }
        Self {
            station,
            batches,
            touched: Vec::new(),
            feeding: Feeding::default(),
            retaining: VecDeque::new(),
            sharing: Sharing::default(),
            conflating: Vec::new(),
            is_closed: false,
        }
    }

    /// Runs until the station stops.
    pub(crate) fn run(mut self) {
        let thread = std::thread::current();
        self.station.orders.serve(thread.clone());
        let waker = Waker::from(Arc::new(Unpark(thread)));
        while !self.station.is_stopping() && !self.is_closed {
            let mut is_busy = self.orders(&waker);
            // What was retained before a subscription comes before what is published after it.
            is_busy |= self.retain();
            is_busy |= self.live_batches();
            is_busy |= self.feed();
            is_busy |= self.feed_groups();
            self.note_groups();
            let nap = self.flush();
            self.wake_touched();
            if !is_busy {
                self.wait(&waker, nap);
            }
        }
    }

    fn orders(&mut self, waker: &Waker) -> bool {
        let orders = self.station.orders.take();
        let is_busy = !orders.is_empty();
        if orders.iter().any(Order::is_about_subscriptions) {
            self.catch_up(waker);
        }
        for order in orders {
            match order {
                Order::Subscribe {
                    session,
                    connection,
                    packet_id,
                    id,
                    conflate,
                    filters,
                } => {
                    self.subscribe(&session, connection, packet_id, id, conflate, filters);
                }
                Order::Unsubscribe {
                    session,
                    connection,
                    packet_id,
                    filters,
                } => self.unsubscribe(&session, connection, packet_id, &filters),
                Order::Revoke { session, filters } => self.revoke(&session, &filters),
                Order::Conflate(session) => self.conflating.push(session),
                Order::Feed(session) => self.hungry(session),
                Order::Delivered(list) => self.sharing.delivered(&list),
                Order::Left(session) => self.left(&session),
                Order::Remove(session) => self.remove(&session),
            }
        }
        is_busy
    }

    /// Gives the next batches to the live sessions.
    fn live_batches(&mut self) -> bool {
        for done in 0..LIVE_BATCHES {
            match self.batches.try_recv() {
                Ok(batch) => self.give(&batch),
                Err(TryRecvError::Empty) => return done > 0,
                Err(TryRecvError::Lagged(batches)) => self.lagged(batches),
                Err(TryRecvError::Closed) => {
                    self.is_closed = true;
                    return false;
                }
            }
        }
        true
    }

    /// Gives the live sessions what is durable by now. What was acknowledged before a client asked to
    /// subscribe comes before its subscription: it is no news to it, and if it is retained, it is there
    /// to be looked up. Views that do not come along are waited for a while only.
    fn catch_up(&mut self, waker: &Waker) {
        let goal = Lane::ALL.map(|lane| self.station.watermarks[lane.index()].durable());
        let is_there = |places: [Seq; 2]| places[0] >= goal[0] && places[1] >= goal[1];
        let until = self.station.now_ms() + PATIENCE_MS;
        loop {
            // Asked before the batches are: what the views show was sent here before.
            let is_shown = is_there(self.station.views.status().applied);
            let has_given = self.live_batches();
            let is_stopping = self.is_closed || self.station.is_stopping();
            if is_there(self.station.routed()) || is_stopping || self.station.now_ms() >= until {
                return;
            }
            if !has_given {
                if is_shown {
                    return;
                }
                self.wait(waker, NAP);
            }
        }
    }

    /// Sends what is due of what is conflated; how long there is time until more is.
    fn flush(&mut self) -> Duration {
        let mut nap = NAP;
        let now = Duration::from_millis(self.station.now_ms());
        self.conflating.retain(|session| {
            let mut state = session.state.lock();
            let chunks = match &mut state.conflator {
                Some(conflator) => conflator.flush(now),
                None => Vec::new(),
            };
            for chunk in chunks {
                // Without room it is dropped and counted: it was not to be delivered for certain.
                let _ = state.outbound.push_chunk(chunk);
            }
            let due = state
                .conflator
                .as_ref()
                .and_then(|conflator| conflator.due());
            state.is_conflating = due.is_some();
            nap = nap.min(due.map_or(nap, |due| due.saturating_sub(now)));
            drop(state);
            session.waker.wake();
            due.is_some()
        });
        nap
    }

    fn touch(&mut self, session: &Arc<Session>) {
        self.touched.push(Arc::clone(session));
    }

    fn wake_touched(&mut self) {
        for session in self.touched.drain(..) {
            session.state.lock().is_touched = false;
            session.waker.wake();
        }
    }

    /// The session's connection is over: what it was to be given by shared subscriptions goes to
    /// others.
    fn left(&mut self, session: &Arc<Session>) {
        self.retaining.retain(|it| !it.is_for(session));
        self.share_again(session);
    }

    /// The session is over.
    fn remove(&mut self, session: &Arc<Session>) {
        self.left(session);
        self.station.routes.write().remove(session.slot);
        self.station.sessions.free(session.slot);
    }

    /// Sleeps until an order, a batch, or the end of a nap.
    fn wait(&mut self, waker: &Waker, nap: Duration) {
        let mut cx = Context::from_waker(waker);
        let received = {
            let mut receiving = pin!(self.batches.recv());
            match receiving.as_mut().poll(&mut cx) {
                Poll::Ready(received) => Some(received),
                Poll::Pending => {
                    // A batch wakes this thread only as long as `receiving` is there.
                    std::thread::park_timeout(nap);
                    None
                }
            }
        };
        match received {
            Some(Ok(batch)) => self.give(&batch),
            Some(Err(RecvError::Lagged(batches))) => self.lagged(batches),
            Some(Err(RecvError::Closed)) => self.is_closed = true,
            None => {}
        }
        self.wake_touched();
    }
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
