//! What waits for the client in one lane.

use std::collections::VecDeque;

use spica_model::Seq;
use spica_mqtt_proto::QoS;

use super::delivery::{Chunk, Delivery, Message};

/// A bounded queue. What the journal has and what it has not are bounded apart: neither can keep the
/// other out.
#[derive(Debug)]
pub(super) struct Queue<M> {
    items: VecDeque<Item<M>>,
    placed: Load,
    other: Load,
}

#[derive(Debug, Clone, Copy, Default)]
struct Load {
    messages: u32,
    bytes: usize,
}

/// Which of the bounds counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// What the low-water place speaks of.
    Placed,
    /// What it does not.
    Other,
}

#[derive(Debug)]
pub(super) enum Item<M> {
    Delivery(Delivery<M>),
    Chunk(Chunk),
}

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) messages: u32,
    pub(super) bytes: u32,
    pub(super) tracked: u16,
}

impl<M> Default for Queue<M> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            placed: Load::default(),
            other: Load::default(),
        }
    }
}

impl<M: Message> Queue<M> {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) const fn messages(&self) -> u32 {
        self.placed.messages + self.other.messages
    }

    pub(super) const fn bytes(&self) -> usize {
        self.placed.bytes + self.other.bytes
    }

    /// Whether there is room; where nothing waits there is room for anything.
    pub(super) fn has_room(
        &self,
        class: Class,
        messages: u32,
        bytes: usize,
        bounds: Bounds,
    ) -> bool {
        let load = match class {
            Class::Placed => self.placed,
            Class::Other => self.other,
        };
        let in_count = load.messages.saturating_add(messages) <= bounds.messages;
        let in_bytes = load.bytes.saturating_add(bytes) <= bounds.bytes as usize;
        load.messages == 0 || (in_count && in_bytes)
    }

    /// Whether so little waits that it is worth fetching more.
    pub(super) const fn is_low(&self, bounds: Bounds) -> bool {
        self.placed.messages <= bounds.messages / 2
            && self.placed.bytes <= bounds.bytes as usize / 2
    }

    pub(super) fn push(&mut self, item: Item<M>) {
        let load = self.load_of(&item);
        load.messages += item.messages();
        load.bytes += item.bytes();
        self.items.push_back(item);
    }

    fn load_of(&mut self, item: &Item<M>) -> &mut Load {
        match item.placed() {
            Some(_) => &mut self.placed,
            None => &mut self.other,
        }
    }

    pub(super) fn front(&self) -> Option<&Item<M>> {
        self.items.front()
    }

    pub(super) fn pop(&mut self) -> Option<Item<M>> {
        let item = self.items.pop_front()?;
        let load = self.load_of(&item);
        load.messages -= item.messages();
        load.bytes -= item.bytes();
        Some(item)
    }

    /// The first message that the low-water place has to stay before.
    pub(super) fn first_placed(&self) -> Option<Seq> {
        self.items.iter().find_map(Item::placed)
    }

    /// The client is gone: what the journal has is not kept, nor QoS 0, which is counted.
    pub(super) fn keep_apart(&mut self) -> u32 {
        let mut lost = 0;
        let mut kept = Self::default();
        for item in std::mem::take(&mut self.items) {
            match &item {
                Item::Delivery(delivery) if delivery.placed().is_some() => {}
                Item::Delivery(delivery) if delivery.qos != QoS::AtMostOnce => kept.push(item),
                _ => lost += item.messages(),
            }
        }
        *self = kept;
        lost
    }

    /// Takes out what `wanted` says.
    pub(super) fn take(
        &mut self,
        mut wanted: impl FnMut(&Delivery<M>) -> bool,
    ) -> Vec<Delivery<M>> {
        let mut taken = Vec::new();
        let mut kept = Self::default();
        for item in std::mem::take(&mut self.items) {
            match item {
                Item::Delivery(delivery) if wanted(&delivery) => taken.push(delivery),
                item => kept.push(item),
            }
        }
        *self = kept;
        taken
    }
}

impl<M: Message> Item<M> {
    fn messages(&self) -> u32 {
        match self {
            Self::Delivery(_) => 1,
            Self::Chunk(chunk) => chunk.messages,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Delivery(delivery) => delivery.message.bytes(),
            Self::Chunk(chunk) => chunk.bytes.len(),
        }
    }

    fn placed(&self) -> Option<Seq> {
        match self {
            Self::Delivery(delivery) => delivery.placed(),
            Self::Chunk(_) => None,
        }
    }
}
