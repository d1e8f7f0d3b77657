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

use spica_model::{Lane, Record};
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
            is_closed: false,
        }
    }

    /// Runs until the station stops.
    pub(crate) fn run(mut self) {
        let thread = std::thread::current();
        self.station.orders.serve(thread.clone());
        let waker = Waker::from(Arc::new(Unpark(thread)));
        while !self.station.is_stopping() && !self.is_closed {
            let mut is_busy = self.orders();
            is_busy |= self.live_batches();
            is_busy |= self.retain();
            is_busy |= self.feed();
            is_busy |= self.feed_groups();
            self.note_groups();
            self.wake_touched();
            if !is_busy {
                self.wait(&waker);
            }
        }
    }

    fn orders(&mut self) -> bool {
        let orders = self.station.orders.take();
        let is_busy = !orders.is_empty();
        for order in orders {
            match order {
                Order::Subscribe {
                    session,
                    connection,
                    packet_id,
                    id,
                    filters,
                } => self.subscribe(&session, connection, packet_id, id, filters),
                Order::Unsubscribe {
                    session,
                    connection,
                    packet_id,
                    filters,
                } => self.unsubscribe(&session, connection, packet_id, &filters),
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
    fn wait(&mut self, waker: &Waker) {
        let mut cx = Context::from_waker(waker);
        let received = pin!(self.batches.recv()).as_mut().poll(&mut cx);
        match received {
            Poll::Ready(Ok(batch)) => self.give(&batch),
            Poll::Ready(Err(RecvError::Lagged(batches))) => self.lagged(batches),
            Poll::Ready(Err(RecvError::Closed)) => self.is_closed = true,
            Poll::Pending => std::thread::park_timeout(NAP),
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
