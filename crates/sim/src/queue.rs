//! What is going to happen, in order of time; what happens at the same time, in the order in which
//! it was foreseen.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use spica_model::Epoch;
use spica_pair::witness::Answer;

use crate::words::{Outcome, Us};

/// Something that happens. Small and without pointers: millions of them are made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Happens {
    /// A fault of the plan begins, or ends.
    Fault { index: u16, ends: bool },
    /// A process is started.
    Start { node: u8, boot: u32 },
    /// The time that the core asked for has come.
    Tick { node: u8, boot: u32 },
    /// The node's journal and core are asked whether they live.
    Ping { node: u8, boot: u32 },
    /// A lane's flush is over, as the disk sees it.
    Flushed { node: u8, disk: u32, lane: u8 },
    /// The process hears of it.
    Synced { node: u8, boot: u32, lane: u8 },
    /// The small file of facts is durable.
    Stored { node: u8, disk: u32, boot: u32 },
    /// The journal has begun an epoch.
    Begun {
        node: u8,
        disk: u32,
        boot: u32,
        epoch: Epoch,
    },
    /// The handler's turn.
    Handle { node: u8, boot: u32 },
    /// The handler's cursor is durable.
    CursorSaved {
        node: u8,
        boot: u32,
        lane: u8,
        place: u32,
    },
    /// A suffix that parted is put aside and the process may start.
    PutAside {
        node: u8,
        disk: u32,
        lane: u8,
        common: u32,
    },
    /// The next frame of the link to this node has arrived.
    Deliver { node: u8 },
    /// One side of the link gives the connection up.
    LinkBroken { node: u8, connection: u32 },
    /// The link is dialled.
    Dial,
    /// The link is established.
    LinkUp { connection: u32, boots: [u32; 2] },
    /// A client's request reaches a node.
    Arrive { node: u8, client: u8, request: u32 },
    /// A reply reaches the client.
    Reply {
        client: u8,
        request: u32,
        outcome: Outcome,
    },
    /// A client has waited long enough.
    TimedOut { client: u8, request: u32 },
    /// A client goes on.
    Next { client: u8, request: u32 },
    /// A question reaches the witness.
    Asked {
        node: u8,
        boot: u32,
        epoch: Epoch,
        basis: Epoch,
    },
    /// The witness's answer, or its absence, reaches the node.
    Answered {
        node: u8,
        boot: u32,
        epoch: Epoch,
        answer: Answer,
    },
    /// The desk's turn.
    Desk { node: u8, boot: u32 },
    /// What became of a message reaches the desk.
    Told { node: u8, boot: u32, answer: u32 },
    /// The world is looked at: has it converged?
    Look,
}

impl Happens {
    /// The process that has to run for this to happen, if it is a process's matter: a paused one
    /// gets it later, another life of it never.
    pub(crate) const fn process(&self) -> Option<(usize, Option<u32>)> {
        match *self {
            Self::Tick { node, boot }
            | Self::Ping { node, boot }
            | Self::Synced { node, boot, .. }
            | Self::Handle { node, boot }
            | Self::Desk { node, boot }
            | Self::Told { node, boot, .. }
            | Self::CursorSaved { node, boot, .. }
            | Self::Answered { node, boot, .. } => Some((node as usize, Some(boot))),
            Self::Deliver { node } | Self::Arrive { node, .. } | Self::LinkBroken { node, .. } => {
                Some((node as usize, None))
            }
            _ => None,
        }
    }

    /// Whether it is a timer of the process, and not news from outside.
    pub(crate) const fn is_timer(&self) -> bool {
        matches!(
            self,
            Self::Tick { .. } | Self::Ping { .. } | Self::Desk { .. }
        )
    }
}

#[derive(Debug)]
struct Item {
    at: Us,
    order: u64,
    happens: Happens,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    /// The earliest is the greatest: the heap gives that first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// The queue of what is going to happen.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Item>,
    order: u64,
}

impl Queue {
    pub(crate) fn with_capacity(items: usize) -> Self {
        Self {
            heap: BinaryHeap::with_capacity(items),
            order: 0,
        }
    }

    pub(crate) fn push(&mut self, at: Us, happens: Happens) {
        self.order += 1;
        let order = self.order;
        self.heap.push(Item { at, order, happens });
    }

    pub(crate) fn pop(&mut self) -> Option<(Us, Happens)> {
        self.heap.pop().map(|item| (item.at, item.happens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_equals_in_the_order_they_were_foreseen() {
        let mut queue = Queue::default();
        for (at, client) in [(5, 0), (3, 1), (5, 2), (3, 3)] {
            queue.push(at, Happens::Next { client, request: 0 });
        }
        let mut clients = Vec::new();
        while let Some((_, Happens::Next { client, .. })) = queue.pop() {
            clients.push(client);
        }
        assert_eq!(clients, [1, 3, 0, 2]);
    }
}
