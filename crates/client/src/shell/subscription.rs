//! What an application holds of a subscription.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use parking_lot::RwLock;
use spica_live_proto::LimitChange;
use spica_model::Topic;
use tokio::sync::{Notify, mpsc};

use super::client::Command;
use crate::core::{Cost, Held, Item, Ledger, TrackId, Value};

/// A running subscription: [`next`](Self::next), or as a [`Stream`]. Dropping it ends it.
///
/// What is not taken holds back the credit of the whole session, so that memory is bounded: take
/// from every subscription, or drop it.
#[derive(Debug)]
pub struct Subscription {
    pub(super) id: TrackId,
    pub(super) held: Arc<RwLock<Held>>,
    pub(super) items: mpsc::Receiver<(Item, Cost)>,
    pub(super) commands: mpsc::WeakSender<Command>,
    pub(super) credit: Credit,
}

/// Gives credit back.
#[derive(Debug, Clone)]
pub(super) struct Credit {
    pub(super) ledger: Arc<Ledger>,
    pub(super) due: Arc<Notify>,
}

impl Credit {
    pub(super) fn taken(&self, cost: Cost) {
        if self.ledger.taken(cost) {
            self.due.notify_one();
        }
    }
}

impl Subscription {
    /// The next item; `None` when it is over or the client is closed. Safe to cancel.
    pub async fn next(&mut self) -> Option<Item> {
        let (item, cost) = self.items.recv().await?;
        self.credit.taken(cost);
        Some(item)
    }

    /// The current value of a topic.
    #[must_use]
    pub fn value(&self, topic: &Topic) -> Option<Arc<Value>> {
        self.held.read().values.get(topic).cloned()
    }

    /// The current values of all topics, in no order.
    #[must_use]
    pub fn values(&self) -> Vec<Arc<Value>> {
        self.held.read().values.values().cloned().collect()
    }

    /// Whether the values may be out of date: the connection is lost, or they come anew.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.held.read().stale
    }

    /// New limits from now on, for later connections too.
    pub async fn change(&self, limits: LimitChange) {
        if let Some(commands) = self.commands.upgrade() {
            // A client that is closed has nothing to limit.
            let _ = commands.send(Command::Change(Some(self.id), limits)).await;
        }
    }
}

impl Stream for Subscription {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        self.items.poll_recv(cx).map(|taken| {
            let (item, cost) = taken?;
            self.credit.taken(cost);
            Some(item)
        })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.items.close();
        while let Ok((_, cost)) = self.items.try_recv() {
            self.credit.taken(cost);
        }
        if let Some(commands) = self.commands.upgrade() {
            // If there is no room now, the next item finds that nobody takes it, which ends it too.
            let _ = commands.try_send(Command::Unsubscribe(self.id));
        }
    }
}
