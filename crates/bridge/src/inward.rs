//! What comes in.

use std::time::Duration;

use futures::stream::{FuturesOrdered, StreamExt as _};
use spica_journal::{CommitError, SubmitError, Ticket};
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, LimitError, NewRecord, Op, Properties, Property, Quality,
    Topic,
};
use spica_mqtt_client::{
    AskError, Client, Inbox, Message, QoS, ReceiptOf, Received, RetainHandling, SubscribeOptions,
};
use tokio::time::sleep;

use crate::bridge::Bridge;
use crate::map::is_reserved;
use crate::route::{self, RECORD, VIA};

/// Messages that wait for the disk at once.
const WAITING: usize = 1_024;
/// How long is waited when the journal is full.
const FULL: Duration = Duration::from_millis(20);
/// How long is waited before a client that has ended is made anew.
const ANEW: Duration = Duration::from_secs(5);

/// The journal takes nothing any more.
struct Closed;

/// Takes in until the journal takes nothing any more.
pub(crate) async fn run(bridge: &Bridge) {
    let connected = &bridge.0.metrics.connected;
    loop {
        let mut settings = bridge.client("in");
        settings.clean_start = false;
        settings.acknowledge_by_hand = true;
        let (client, inbox) = Client::open(settings);
        connected.set(1);
        let ended = serve(bridge, &client, inbox).await;
        connected.set(0);
        if ended.is_err() {
            return;
        }
        sleep(ANEW).await;
    }
}

/// Takes in until the client ends.
async fn serve(bridge: &Bridge, client: &Client, mut inbox: Inbox) -> Result<(), Closed> {
    // Messages may come before the answer to the subscription, and have to be taken.
    let subscribed = subscribe(bridge, client);
    tokio::pin!(subscribed);
    let mut is_subscribed = false;
    let mut waiting = FuturesOrdered::new();
    loop {
        tokio::select! {
            answer = &mut subscribed, if !is_subscribed => {
                is_subscribed = true;
                if let Err(error) = answer {
                    tracing::warn!(bridge = bridge.name(), %error, "cannot subscribe");
                    return Ok(());
                }
            }
            Some(settled) = waiting.next(), if !waiting.is_empty() => {
                let (durable, receipt): Settled = settled;
                let is_record = durable.map_err(|_| Closed)?;
                bridge.0.metrics.taken.inc_by(is_record.into());
                if let Some(receipt) = receipt {
                    client.acknowledge(receipt).await;
                }
            }
            received = inbox.next(), if waiting.len() < WAITING => {
                let Some(received) = received else {
                    return Ok(());
                };
                let receipt = received.receipt;
                let ticket = take(bridge, &received).await?;
                // Also of what says nothing: acknowledgements go in the order of receipt.
                waiting.push_back(settled(ticket, receipt));
            }
        }
    }
}

/// Whether a record was made that is durable now, and what acknowledges the message.
type Settled = (Result<bool, CommitError>, Option<ReceiptOf>);

async fn settled(ticket: Option<Ticket>, receipt: Option<ReceiptOf>) -> Settled {
    let durable = match ticket {
        Some(ticket) => ticket.durable().await.map(|_| true),
        None => Ok(false),
    };
    (durable, receipt)
}

async fn subscribe(bridge: &Bridge, client: &Client) -> Result<(), AskError> {
    for (mapping, qos, _) in &bridge.0.inward {
        let options = SubscribeOptions {
            qos: *qos,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::SendIfNew,
        };
        let filters = mapping.filters().map(|it| (it.to_owned(), options));
        for (filter, options) in filters {
            let granted = client.subscribe(vec![(filter.clone(), options)], None);
            for reason in granted.await? {
                if reason as u8 >= 0x80 {
                    let bridge = bridge.name();
                    tracing::error!(bridge, filter, %reason, "the other side refuses a subscription");
                }
            }
        }
    }
    Ok(())
}

/// Submits what a message says; none if it says nothing here.
async fn take(bridge: &Bridge, received: &Received) -> Result<Option<Ticket>, Closed> {
    let metrics = &bridge.0.metrics;
    let message = &received.message;
    let user = |wanted: &str| {
        let mut user = message.properties.user.iter();
        user.find(|(name, _)| name == wanted)
            .map_or("", |(_, value)| value.as_str())
    };
    if route::is_circle(user(VIA), &bridge.0.here) {
        metrics.circles.inc();
        return Ok(None);
    }
    let Some((lane, topic)) = mapped(bridge, &message.topic) else {
        metrics.refused.inc();
        tracing::warn!(
            bridge = bridge.name(),
            topic = message.topic,
            "a message can be no record"
        );
        return Ok(None);
    };
    let entry = match Entry::new(bridge, message, topic, user(RECORD)) {
        Ok(entry) => entry,
        Err(error) => {
            metrics.refused.inc();
            tracing::warn!(bridge = bridge.name(), topic = message.topic, %error, "a message can be no record");
            return Ok(None);
        }
    };
    loop {
        let now = bridge.0.parts.clock.wall();
        let record = NewRecord {
            received: now,
            ..entry.as_new(message)
        };
        match bridge.0.parts.journal.submit(lane, &[record]) {
            Ok(ticket) => return Ok(Some(ticket)),
            Err(SubmitError::Full { .. }) => sleep(FULL).await,
            Err(SubmitError::Limit(error)) => {
                metrics.refused.inc();
                tracing::warn!(bridge = bridge.name(), topic = message.topic, %error, "a message can be no record");
                return Ok(None);
            }
            Err(SubmitError::Failed(_) | SubmitError::Passive | SubmitError::Closed) => {
                return Err(Closed);
            }
        }
    }
}

/// Where a topic of the other side belongs here.
fn mapped(bridge: &Bridge, topic: &str) -> Option<(Lane, Topic)> {
    let mut inward = bridge.0.inward.iter();
    let (lane, below) = inward.find_map(|(map, _, lane)| Some((*lane, map.map(topic)?)))?;
    if is_reserved(&below) {
        return None;
    }
    Some((lane, bridge.0.parts.node.join(&below).ok()?))
}

/// What a message says, as a record has it.
struct Entry {
    topic: Topic,
    kind: Kind,
    op: Op,
    content_type: ContentType,
    key: Option<Key>,
    cause: Cause,
    properties: Option<Properties>,
}

impl Entry {
    fn new(
        bridge: &Bridge,
        message: &Message,
        topic: Topic,
        record: &str,
    ) -> Result<Self, LimitError> {
        // Whoever has no name for a message may send it twice.
        let key = (!record.is_empty()).then(|| Key::new(format!("{}:{record}", bridge.cause())));
        Ok(Self {
            topic,
            kind: if message.retain {
                Kind::State
            } else {
                Kind::Event
            },
            op: if message.retain && message.payload.is_empty() {
                Op::Delete
            } else {
                Op::Put
            },
            content_type: content_type(message),
            key: key.and_then(Result::ok),
            cause: Cause::new(bridge.cause())?,
            properties: properties(message)?,
        })
    }

    fn as_new<'a>(&'a self, message: &'a Message) -> NewRecord<'a> {
        NewRecord {
            topic: &self.topic,
            kind: self.kind,
            op: self.op,
            quality: Quality::Good,
            received: spica_model::Timestamp::EPOCH,
            source_time: None,
            content_type: &self.content_type,
            payload: &message.payload,
            key: self.key.as_ref(),
            cause: Some(&self.cause),
            properties: self.properties.as_ref(),
        }
    }
}

fn properties(message: &Message) -> Result<Option<Properties>, LimitError> {
    let given = &message.properties;
    let service = Property::Service {
        qos: match message.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => 1,
            QoS::ExactlyOnce => 2,
        },
        retain: message.retain,
    };
    let topic = given.response_topic.as_deref();
    let text = given.payload_is_utf8 == Some(true);
    let user = given.user.iter();
    Properties::new(
        [service]
            .into_iter()
            .chain(topic.map(Property::ResponseTopic))
            .chain(given.correlation.as_deref().map(Property::Correlation))
            .chain(given.expiry.map(Property::Expiry))
            .chain(text.then_some(Property::Text))
            .chain(given.content_type.as_deref().map(Property::ContentType))
            .chain(user.map(|(name, value)| Property::User { name, value })),
    )
}

/// What the sender calls the payload, if that is a media type; else what it looks like.
fn content_type(message: &Message) -> ContentType {
    let named = message.properties.content_type.as_deref();
    let named = named.filter(|name| name.contains('/'));
    if let Some(Ok(named)) = named.map(ContentType::parse) {
        return named;
    }
    if message.payload.is_empty() || std::str::from_utf8(&message.payload).is_err() {
        return ContentType::Bytes;
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&message.payload) {
        Ok(_) => ContentType::Json,
        Err(_) => ContentType::Text,
    }
}
