//! What the client publishes: each message is answered when it is durable, in the order in which they
//! came, and a QoS 2 message is taken once.

mod aliases;
mod answers;
mod key;
mod open;
mod settle;

use spica_model::Lane;
use spica_mqtt_proto::{Ack, PacketId, Publish, QoS, Reason, Version};

use self::aliases::Aliases;
use self::answers::Answers;
use self::open::{Open, Taken};
use crate::ack::{AckKind, refusal};
use crate::{InNote, Terms, Violation};

pub use self::answers::Ordinal;
pub use self::key::publish_key;

/// The client's half of a session: what it publishes.
///
/// For each PUBLISH: [`Self::publish`], and of what is new with QoS 1 and 2, after it was decided
/// where it belongs, [`Self::accept`] or [`Self::refuse`]. For each PUBREL: [`Self::release`]. After
/// all packets of one read, per lane: the records and behind them, if [`Self::is_note_due`], the note
/// of [`Self::take_note`], in one submit; with it goes [`Self::last`], and when the submit is
/// durable, [`Self::committed`] gives the answers.
#[derive(Debug, Default)]
pub struct Inbound {
    answers: Answers,
    /// Only of a client that has sent QoS 2.
    open: Option<Box<Open>>,
    aliases: Option<Box<Aliases>>,
    connection: Connection,
}

#[derive(Debug)]
struct Connection {
    version: Version,
    receive_maximum: u16,
    aliases: u16,
    /// What the client counts against our receive maximum.
    unanswered: u16,
    open_ids: u16,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            version: Version::V5,
            receive_maximum: 0,
            aliases: 0,
            unanswered: 0,
            open_ids: 0,
        }
    }
}

/// What to do with a PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// It is new: decide where it belongs, and accept or refuse it.
    New,
    /// A QoS 2 message that is here already: it is answered again, and not stored.
    Duplicate,
    /// It cannot be taken, and is answered so.
    Refused(Reason),
}

/// A message that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its place among the answers.
    pub ordinal: Ordinal,
    /// Of a QoS 2 message: its number in the lane, for its key.
    pub n: Option<u64>,
}

impl Inbound {
    /// The client's half of a session as its notes leave it, critical lane first; without notes, of a
    /// session that never had any.
    #[must_use]
    pub fn restore(notes: [Option<&InNote>; 2]) -> Self {
        let open = notes.iter().any(Option::is_some);
        Self {
            open: open.then(|| Box::new(Open::restore(notes))),
            ..Self::default()
        }
    }

    /// A connection begins. What the one before left open is noted again before it is answered.
    pub fn connected(&mut self, terms: &Terms, open_ids: u16) {
        self.disconnected();
        // The answer to a PUBREL of before gives the client one more to send, which it may count
        // otherwise than we do if more of both are on their way.
        let of_before = self.open.as_ref().map_or(0, |open| open.len());
        let of_before = u16::try_from(of_before).unwrap_or(u16::MAX);
        self.connection = Connection {
            version: terms.version,
            receive_maximum: terms.receive_maximum.saturating_add(of_before),
            aliases: terms.aliases_in,
            unanswered: 0,
            open_ids,
        };
        if let Some(open) = &mut self.open {
            open.unsettle(self.answers.skip());
        }
    }

    /// The connection is over: nothing is answered any more. What is submitted is still to be told
    /// by [`Self::committed`], if it is known; if not, the next connection makes up for it.
    pub fn disconnected(&mut self) {
        self.answers.clear();
        self.aliases = None;
        self.connection.unanswered = 0;
    }

    /// How many answers are owed. A station reads no more from a client while there are too many.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.answers.len()
    }

    /// A PUBLISH has come. Aliases are noted and followed; its topic is [`Self::topic`].
    ///
    /// # Errors
    /// An alias that stands for nothing or is too high; more messages than the receive maximum; before
    /// MQTT 5, what can only be refused by ending the connection.
    pub fn publish(&mut self, publish: &Publish<'_>) -> Result<Arrived, Violation> {
        self.follow_alias(publish)?;
        let Some(id) = publish.packet_id else {
            return Ok(Arrived::New);
        };
        let connection = &mut self.connection;
        let is_v5 = connection.version == Version::V5;
        if is_v5 && connection.unanswered >= connection.receive_maximum {
            let what = "more messages at once than the receive maximum";
            return Err(Violation::new(Reason::ReceiveMaximumExceeded, what));
        }
        if publish.qos != QoS::ExactlyOnce {
            return Ok(Arrived::New);
        }
        self.publish_once(id)
    }

    fn publish_once(&mut self, id: PacketId) -> Result<Arrived, Violation> {
        let Some(open) = &mut self.open else {
            return Ok(Arrived::New);
        };
        let reason = match open.find(id) {
            None if open.len() < usize::from(self.connection.open_ids) => return Ok(Arrived::New),
            None => Reason::QuotaExceeded,
            Some((_, Taken::Releasing)) => Reason::PacketIdentifierInUse,
            Some((lane, taken)) => {
                let is_ready = taken == Taken::Noted;
                self.answers.push(AckKind::PubRec, id, lane, is_ready);
                if !is_ready {
                    open.note_again(lane);
                }
                self.connection.unanswered = self.connection.unanswered.saturating_add(1);
                return Ok(Arrived::Duplicate);
            }
        };
        self.refuse_once(id, reason)
    }

    fn refuse_once(&mut self, id: PacketId, reason: Reason) -> Result<Arrived, Violation> {
        if self.connection.version != Version::V5 {
            let what = "a QoS 2 message that cannot be taken: its id is in use, or too many are";
            return Err(Violation::new(reason, what));
        }
        self.answer(AckKind::PubRec, id, reason);
        Ok(Arrived::Refused(reason))
    }

    /// The topic of a PUBLISH that [`Self::publish`] has taken: its own, or what its alias stands for.
    #[must_use]
    pub fn topic<'a>(&'a self, publish: &Publish<'a>) -> &'a str {
        match (publish.properties.alias, &self.aliases) {
            (Some(alias), Some(aliases)) if publish.topic.is_empty() => {
                aliases.get(alias).unwrap_or_default()
            }
            _ => publish.topic,
        }
    }

    /// A new QoS 1 or 2 message is taken into a lane: its record is submitted with this read.
    pub fn accept(&mut self, qos: QoS, id: PacketId, lane: Lane) -> Accepted {
        self.connection.unanswered = self.connection.unanswered.saturating_add(1);
        if qos != QoS::ExactlyOnce {
            let ordinal = self.answers.push(AckKind::PubAck, id, lane, false);
            return Accepted { ordinal, n: None };
        }
        let ordinal = self.answers.push(AckKind::PubRec, id, lane, false);
        let n = self.open.get_or_insert_default().take(lane, id, ordinal);
        Accepted {
            ordinal,
            n: Some(n),
        }
    }

    /// A new QoS 1 or 2 message is not taken. Before MQTT 5 the answer cannot say so: whoever does not
    /// want it to look taken ends the connection instead [MQTT-3.3.5-2]. A reason that the answer does not
    /// have is told by the nearest one.
    pub fn refuse(&mut self, qos: QoS, id: PacketId, reason: Reason) {
        let kind = match qos {
            QoS::ExactlyOnce => AckKind::PubRec,
            _ => AckKind::PubAck,
        };
        self.answer(kind, id, reason);
    }

    fn answer(&mut self, kind: AckKind, id: PacketId, reason: Reason) {
        self.connection.unanswered = self.connection.unanswered.saturating_add(1);
        self.answers.push_ready(kind, id, refusal(reason));
    }

    /// A PUBREL has come: the id is given up, which is answered when that is noted. The lane in which
    /// a note is due now; none if the id is not known, which is answered so.
    ///
    /// # Errors
    /// If the message has not been answered with PUBREC yet.
    pub fn release(&mut self, ack: &Ack<'_>) -> Result<Option<Lane>, Violation> {
        let id = ack.packet_id;
        let known = self
            .open
            .as_mut()
            .and_then(|open| Some((open.find(id)?, open)));
        let Some(((lane, taken), open)) = known else {
            let reason = Reason::PacketIdentifierNotFound;
            self.answers.push_ready(AckKind::PubComp, id, reason);
            self.connection.receive_maximum = self.connection.receive_maximum.saturating_add(1);
            return Ok(None);
        };
        if taken == Taken::Submitted {
            return Err(Violation::protocol(
                "PUBREL of a message that has no PUBREC",
            ));
        }
        let ordinal = self.answers.push(AckKind::PubComp, id, lane, false);
        open.release(id, lane, ordinal);
        Ok(Some(lane))
    }

    /// Gives back memory of a client that has fallen silent.
    pub fn rest(&mut self) {
        self.answers.rest();
    }

    fn follow_alias(&mut self, publish: &Publish<'_>) -> Result<(), Violation> {
        let Some(alias) = publish.properties.alias else {
            return Ok(());
        };
        if alias == 0 || alias > self.connection.aliases {
            let what = "a topic alias above the topic alias maximum";
            return Err(Violation::new(Reason::TopicAliasInvalid, what));
        }
        if !publish.topic.is_empty() {
            let aliases = self.aliases.get_or_insert_default();
            aliases.set(alias, publish.topic);
            return Ok(());
        }
        let known = self.aliases.as_ref().and_then(|aliases| aliases.get(alias));
        match known {
            Some(_) => Ok(()),
            None => Err(Violation::protocol("a topic alias that stands for nothing")),
        }
    }
}

#[cfg(test)]
mod tests;
