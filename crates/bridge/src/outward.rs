//! The handler of what goes out.

use std::collections::HashMap;
use std::time::Duration;

use spica_handler::{Factory, HandleError, Handler};
use spica_model::{Kind, Lane, Op, Property, Record, Seq};
use spica_mqtt_client::{Client, Inbox, Message, MessageProperties, Pending, PublishError, State};
use tokio::time::timeout;

use crate::bridge::Bridge;
use crate::route::{self, RECORD, VIA};

/// How long one call waits for the other side. What is on its way then stays on its way. A handler
/// that does not come back for half a minute would be taken for one that hangs.
const CALL: Duration = Duration::from_secs(10);

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

    fn make(&self, lane: Lane) -> Result<Box<dyn Handler>, HandleError> {
        Ok(Box::new(OutHandler {
            bridge: self.bridge.clone(),
            lane,
            link: None,
            flying: HashMap::new(),
        }))
    }
}

struct OutHandler {
    bridge: Bridge,
    lane: Lane,
    /// The connection, once something is to be said. Nothing comes in by it.
    link: Option<(Client, Inbox)>,
    /// What was handed to the client and is not acknowledged. It may be more than one call waits for:
    /// the same record that comes again is not handed over again.
    flying: HashMap<Seq, Pending>,
}

impl Handler for OutHandler {
    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        let runtime = self.bridge.0.parts.runtime.clone();
        let mut done = 0;
        let sent = runtime.block_on(async {
            let sending = self.send(batch, &mut done);
            timeout(CALL, sending).await
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
                && let Some(message) = self.message(record)
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
                    Err(error) => return Err(HandleError::refuse(at, error.to_string())),
                }
            }
            *done = at + 1;
        }
        Ok(())
    }

    fn client(&mut self) -> Client {
        if let Some((client, _)) = &self.link {
            return client.clone();
        }
        let settings = self.bridge.client(&format!("out-{}", self.lane));
        let (client, inbox) = Client::open(settings);
        self.link = Some((client.clone(), inbox));
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
        let state = self.link.as_ref().map(|(client, _)| client.state());
        let state = state.map(|state| state.borrow().clone());
        match state {
            Some(State::Connecting(Some(error)) | State::Ended(error)) => error.to_string(),
            Some(State::Connected(there)) => {
                format!("{} does not acknowledge", there.server)
            }
            Some(State::Connecting(None)) | None => "there is no connection".to_owned(),
        }
    }

    /// What the other side is told of a record, if anything.
    fn message(&self, record: &Record) -> Option<Message> {
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
            inner.metrics.circles.inc();
            return None;
        }
        let origin = format!("{}@{}", inner.here, record.origin());
        let via = route::through(&via, &inner.here);
        properties.user.push((VIA.to_owned(), via));
        properties.user.push((RECORD.to_owned(), origin));
        Some(Message {
            topic,
            payload: match record.op {
                Op::Delete => Default::default(),
                Op::Put | Op::Restate(_) => record.payload.clone(),
            },
            qos,
            retain: record.kind == Kind::State,
            properties,
        })
    }
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
