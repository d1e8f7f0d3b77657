//! What connections want of the router's thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::Thread;
use std::time::Duration;

use parking_lot::Mutex;
use spica_model::{Lane, Seq};
use spica_mqtt_proto::{PacketId, Reason, SubscribeOptions};

use crate::session::{ConnectionId, Session};

/// One wish. They are done in order.
#[derive(Debug)]
pub(crate) enum Order {
    /// Subscribe, answer, and send what is retained.
    Subscribe {
        session: Arc<Session>,
        connection: ConnectionId,
        packet_id: PacketId,
        id: Option<u32>,
        /// How often at most each topic's newest message is wanted.
        conflate: Option<Duration>,
        filters: Vec<(String, SubscribeOptions, Result<(), Reason>)>,
    },
    /// Unsubscribe and answer.
    Unsubscribe {
        session: Arc<Session>,
        connection: ConnectionId,
        packet_id: PacketId,
        filters: Vec<String>,
    },
    /// Unsubscribe; nobody asked for it.
    Revoke {
        session: Arc<Session>,
        filters: Vec<String>,
    },
    /// Something of the session waits to be conflated.
    Conflate(Arc<Session>),
    /// The session is behind and has room.
    Feed(Arc<Session>),
    /// Messages of shared groups are delivered: group, lane, record.
    Delivered(Vec<(u32, Lane, Seq)>),
    /// The session's connection is over.
    Left(Arc<Session>),
    /// The session is over.
    Remove(Arc<Session>),
}

impl Order {
    /// Whether it changes who gets what.
    pub(crate) const fn is_about_subscriptions(&self) -> bool {
        matches!(self, Self::Subscribe { .. } | Self::Unsubscribe { .. })
    }
}

/// The way to the router's thread.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    orders: VecDeque<Order>,
    thread: Option<Thread>,
}

impl Orders {
    /// This thread takes orders from now on.
    pub(crate) fn serve(&self, thread: Thread) {
        self.waiting.lock().thread = Some(thread);
    }

    pub(crate) fn give(&self, order: Order) {
        let mut waiting = self.waiting.lock();
        waiting.orders.push_back(order);
        if let Some(thread) = &waiting.thread {
            thread.unpark();
        }
    }

    pub(crate) fn take(&self) -> VecDeque<Order> {
        std::mem::take(&mut self.waiting.lock().orders)
    }

    pub(crate) fn wake(&self) {
        if let Some(thread) = &self.waiting.lock().thread {
            thread.unpark();
        }
    }
}
