//! A journal of two lanes, of which a crash leaves what was durable, and perhaps a little more.

use std::collections::HashSet;
use std::sync::Arc;

use spica_model::{Lane, Seq, Timestamp};
use spica_mqtt::{InNote, Message, OutNote};
use spica_mqtt_proto::{Publish, PublishProperties, QoS};

use crate::random::Random;

#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    /// Names the fact in all books.
    pub(crate) number: u32,
    payload: [u8; 4],
    pub(crate) key: Option<[u8; 44]>,
}

impl Fact {
    pub(crate) fn new(topic: &str, qos: QoS, number: u32, key: Option<[u8; 44]>) -> Arc<Self> {
        Arc::new(Self {
            topic: topic.to_owned(),
            qos,
            number,
            payload: number.to_be_bytes(),
            key,
        })
    }

    /// What the client subscribes to.
    pub(crate) fn is_for_client(&self) -> bool {
        self.topic.starts_with("out/")
    }
}

/// A fact as a message.
#[derive(Debug, Clone)]
pub(crate) struct Note(pub(crate) Arc<Fact>);

impl Message for Note {
    fn publish(&self) -> Publish<'_> {
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: &self.0.topic,
            packet_id: None,
            properties: PublishProperties::default(),
            payload: &self.0.payload,
        }
    }

    fn bytes(&self) -> usize {
        100
    }

    fn expires(&self) -> Option<Timestamp> {
        None
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Fact(Arc<Fact>),
    In(InNote),
    Out(OutNote),
}

/// Two lanes; a record's number is its place in its lane, from 1.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    lanes: [Vec<Entry>; 2],
    durable: [usize; 2],
}

impl Journal {
    /// A fact with the key of one that is there is that one.
    pub(crate) fn append(&mut self, lane: Lane, entry: Entry) {
        let is_known = match &entry {
            Entry::Fact(fact) => fact.key.is_some() && self.has_key(lane, fact.key.as_ref()),
            _ => false,
        };
        if !is_known {
            self.lanes[lane.index()].push(entry);
        }
    }

    fn has_key(&self, lane: Lane, key: Option<&[u8; 44]>) -> bool {
        let mut entries = self.lanes[lane.index()].iter();
        entries.any(|entry| matches!(entry, Entry::Fact(fact) if fact.key.as_ref() == key))
    }

    pub(crate) fn len(&self, lane: Lane) -> usize {
        self.lanes[lane.index()].len()
    }

    pub(crate) fn durable(&self, lane: Lane) -> usize {
        self.durable[lane.index()]
    }

    pub(crate) fn commit(&mut self, lane: Lane, most: usize) {
        let durable = &mut self.durable[lane.index()];
        *durable = (*durable + most).min(self.lanes[lane.index()].len());
    }

    pub(crate) fn get(&self, lane: Lane, seq: Seq) -> Option<&Entry> {
        self.lanes[lane.index()].get(seq.0 as usize - 1)
    }

    /// Everything is lost but what was durable and perhaps something after it.
    pub(crate) fn crash(&mut self, random: &mut Random) {
        for (lane, durable) in self.lanes.iter_mut().zip(&mut self.durable) {
            let more = random.below(lane.len() - *durable + 1);
            lane.truncate(*durable + more);
            *durable = lane.len();
        }
    }

    /// All durable facts, in the order of each lane.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (Lane, Seq, &Arc<Fact>)> {
        Lane::ALL.into_iter().flat_map(|lane| {
            let durable = &self.lanes[lane.index()][..self.durable(lane)];
            durable
                .iter()
                .zip(1..)
                .filter_map(move |(entry, seq)| match entry {
                    Entry::Fact(fact) => Some((lane, Seq(seq), fact)),
                    _ => None,
                })
        })
    }

    pub(crate) fn durable_numbers(&self) -> HashSet<u32> {
        self.facts().map(|(_, _, fact)| fact.number).collect()
    }

    pub(crate) fn last_in(&self, lane: Lane) -> Option<&InNote> {
        self.lanes[lane.index()]
            .iter()
            .rev()
            .find_map(|entry| match entry {
                Entry::In(note) => Some(note),
                _ => None,
            })
    }

    pub(crate) fn last_out(&self) -> Option<&OutNote> {
        self.lanes[1].iter().rev().find_map(|entry| match entry {
            Entry::Out(note) => Some(note),
            _ => None,
        })
    }
}
