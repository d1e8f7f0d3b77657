//! The handler of what goes out.

use std::collections::HashMap;
use std::time::Duration;

use spica_handler::{Factory, HandleError, Handler};
use spica_model::{Kind, Lane, Op, Property, Record, Seq, Timestamp};
use spica_mqtt_client::{
    Client, Inbox, Message, MessageProperties, Pending, PublishError, Reason, State,
};
use tokio::time::timeout;

use crate::bridge::Bridge;
use crate::route::{self, RECORD, VIA};
use crate::watch::Watch;

/// How long one call waits for the other side. What is on its way then stays on its way. A handler
/// that does not come back for half a minute would be taken for one that hangs.
const CALL: Duration = Duration::from_secs(10);
/// Records of one batch: twice what may be on its way at once.
const READ: usize = 512;

/// Makes the handlers of both lanes.
pub(crate) struct OutFactory {
    name: String,
    bridge: Bridge,
}

impl OutFactory {
    pub(crate) fn new(bridge: Bridge) -> Self {
        Self {
            name: format!("bridge-{}", bridge.name()),
            bridge,
        }
    }
}

impl Factory for OutFactory {
    fn name(&self) -> &str {
        &self.name
    }

    fn batch_records(&self) -> usize {
        READ
    }

    fn make(&self, lane: Lane) -> Result<Box<dyn Handler>, HandleError> {
        Ok(Box::new(OutHandler {
            bridge: self.bridge.clone(),
            lane,
            link: None,
            flying: HashMap::new(),
            passed: Seq::ZERO,
        }))
    }
}

struct OutHandler {
    bridge: Bridge,
    lane: Lane,
    /// The connection; none after it has ended for good. Nothing comes in by it.
    link: Option<Link>,
    /// What was handed to the client and is not acknowledged. It may be more than one call waits for:
    /// the same record that comes again is not handed over again.
    flying: HashMap<Seq, Pending>,
    /// Up to here, what was passed over is counted.
    passed: Seq,
}

struct Link {
    client: Client,
    _inbox: Inbox,
    _watch: Watch,
}

/// What becomes of a record.
enum Outgoing {
    Message(Message),
    /// Not wanted by this bridge.
    Nothing,
    /// It has been there.
    Circle,
    /// Its time is over.
    Expired,
}

impl Handler for OutHandler {
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        // Before there is anything to say: whoever looks sees whether the other side is there.
        let _ = self.client();
        Ok(cursor)
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        let parts = &self.bridge.0.parts;
        let (runtime, patience) = (parts.runtime.clone(), CALL.min(parts.hang_after / 3));
        let mut done = 0;
        let sent = runtime.block_on(async {
            let sending = self.send(batch, &mut done);
            timeout(patience, sending).await
        });
        sent.unwrap_or_else(|_| Err(HandleError::unavailable(done, self.silence())))
    }
}

impl OutHandler {
    /// Hands a batch over and waits for all of it; `done` records are acknowledged.
    async fn send(&mut self, batch: &[Record], done: &mut usize) -> Result<(), HandleError> {
        // What was done before it was cut short needs no message a second time, only its wait.
        let client = self.client();
        let mut filled = 0;
        for (at, record) in batch.iter().enumerate() {
            // Acknowledgements make room for the next ones: they are looked for all the time by the
            // client's own task.
            let seq = record.position.seq;
            if !self.flying.contains_key(&seq)
                && let Some(message) = self.outgoing(record)
            {
                match client.enqueue(message).await {
                    Ok(pending) => drop(self.flying.insert(seq, pending)),
                    Err(_) => return Err(self.ended(0)),
                }
            }
            filled = at + 1;
        }
        for (at, record) in batch[..filled].iter().enumerate() {
            let seq = record.position.seq;
            if let Some(pending) = self.flying.get_mut(&seq) {
                let answer = pending.await;
                self.flying.remove(&seq);
                match answer {
                    Ok(_) => drop(self.bridge.0.metrics.sent.inc()),
                    Err(PublishError::Ended) => return Err(self.ended(at)),
                    Err(error @ PublishError::Refused(reason)) if is_passing(reason) => {
                        return Err(HandleError::retry(at, error.to_string()));
                    }
                    Err(error) => return Err(HandleError::refuse(at, error.to_string())),
                }
            }
            *done = at + 1;
        }
        Ok(())
    }

    fn client(&mut self) -> Client {
        if let Some(link) = &self.link {
            return link.client.clone();
        }
        let _runtime = self.bridge.0.parts.runtime.enter();
        let name = format!("out-{}", self.lane);
        let (client, inbox) = Client::open(self.bridge.client(&name));
        self.link = Some(Link {
            client: client.clone(),
            _inbox: inbox,
            _watch: Watch::begin(&self.bridge, &name, &client),
        });
        client
    }

    /// The client is no more: the next call makes another one.
    fn ended(&mut self, at: usize) -> HandleError {
        let why = self.silence();
        self.link = None;
        self.flying.clear();
        HandleError::unavailable(at, why)
    }

    /// Why nothing is acknowledged.
    fn silence(&self) -> String {
        let state = self.link.as_ref().map(|link| link.client.state());
        let state = state.map(|state| state.borrow().clone());
        match state {
            Some(State::Connecting(Some(error)) | State::Ended(error)) => error.to_string(),
            Some(State::Connected(there)) => {
                format!("{} does not acknowledge", there.server)
            }
            Some(State::Connecting(None)) | None => "there is no connection".to_owned(),
        }
    }

    /// What the other side is told of a record, if anything; what is passed over is counted once.
    fn outgoing(&mut self, record: &Record) -> Option<Message> {
        let metrics = &self.bridge.0.metrics;
        let counter = match self.message(record).unwrap_or(Outgoing::Nothing) {
            Outgoing::Message(message) => return Some(message),
            Outgoing::Nothing => return None,
            Outgoing::Circle => &metrics.circles,
            Outgoing::Expired => &metrics.expired,
        };
        let seq = record.position.seq;
        if seq > self.passed {
            self.passed = seq;
            counter.inc();
        }
        None
    }

    fn message(&self, record: &Record) -> Option<Outgoing> {
        let inner = &self.bridge.0;
        let below = record.topic.below(inner.parts.node.as_str())?;
        let came_by_it = || {
            let cause = record.cause.as_ref();
            cause.is_some_and(|cause| cause.as_str() == self.bridge.cause())
        };
        if record.is_restated() {
            return None;
        }
        let mut found = inner.out.iter();
        let (topic, qos) = found.find_map(|(map, qos)| Some((map.map(below)?, *qos)))?;
        let (mut properties, via) = properties(record);
        if came_by_it() || route::is_circle(&via, &inner.here) {
            return Some(Outgoing::Circle);
        }
        if let Some(seconds) = &mut properties.expiry {
            let Some(left) = left_of(*seconds, record.received, inner.parts.clock.wall()) else {
                return Some(Outgoing::Expired);
            };
            *seconds = left;
        }
        let origin = format!("{}@{}", inner.here, record.origin());
        let via = route::through(&via, &inner.here);
        properties.user.push((VIA.to_owned(), via));
        properties.user.push((RECORD.to_owned(), origin));
        Some(Outgoing::Message(Message {
            topic,
            payload: match record.op {
                Op::Delete => Default::default(),
                Op::Put | Op::Restate(_) => record.payload.clone(),
            },
            qos,
            retain: record.kind == Kind::State,
            properties,
        }))
    }
}

/// Whether a message that was refused may be taken another time, as it is.
const fn is_passing(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::QuotaExceeded | Reason::ImplementationSpecificError | Reason::UnspecifiedError
    )
}

/// What is left of the time of a message that has waited since `received`; none if it is over.
fn left_of(seconds: u32, received: Timestamp, now: Timestamp) -> Option<u32> {
    let waited = now.as_micros().saturating_sub(received.as_micros()).max(0) / 1_000_000;
    let left = i64::from(seconds).saturating_sub(waited);
    u32::try_from(left).ok().filter(|left| *left > 0)
}

/// The properties of a record as a message has them, and where it has come through.
fn properties(record: &Record) -> (MessageProperties, String) {
    let mut list = MessageProperties::default();
    let mut via = String::new();
    for property in record.properties.iter().flatten() {
        match property {
            Property::Service { .. } => {}
            Property::User { name: VIA, value } => via = value.to_owned(),
            Property::User { name: RECORD, .. } => {}
            Property::User { name, value } => {
                list.user.push((name.to_owned(), value.to_owned()));
            }
            Property::ResponseTopic(topic) => list.response_topic = Some(topic.to_owned()),
            Property::Correlation(data) => list.correlation = Some(data.to_vec().into()),
            Property::Expiry(seconds) => list.expiry = Some(seconds),
            Property::Text => list.payload_is_utf8 = Some(true),
            Property::ContentType(name) => list.content_type = Some(name.to_owned()),
        }
    }
    (list, via)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_message_goes_on_while_it_waits() {
        let at = Timestamp::from_secs;
        for (waited, left) in [(0, Some(60)), (59, Some(1)), (60, None), (1_000, None)] {
            assert_eq!(left_of(60, at(100), at(100 + waited)), left, "{waited}");
        }
        assert_eq!(
            left_of(60, at(100), at(50)),
            Some(60),
            "a clock that was set back"
        );
    }
}
