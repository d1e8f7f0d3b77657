//! What connections want of the router's thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::Thread;

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
        filters: Vec<(String, SubscribeOptions, Result<(), Reason>)>,
    },
    /// Unsubscribe and answer.
    Unsubscribe {
        session: Arc<Session>,
        connection: ConnectionId,
        packet_id: PacketId,
        filters: Vec<String>,
    },
    /// The session is behind and has room.
    Feed(Arc<Session>),
    /// Messages of shared groups are delivered: group, lane, record.
    Delivered(Vec<(u32, Lane, Seq)>),
    /// The session's connection is over.
    Left(Arc<Session>),
    /// The session is over.
    Remove(Arc<Session>),
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
