//! What comes in.

use std::time::Duration;

use futures::stream::{FuturesOrdered, StreamExt as _};
use sha2::{Digest as _, Sha256};
use spica_handler::{Severity, Trouble};
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
use crate::watch::Watch;

/// Messages that wait for the disk at once.
const WAITING: usize = 1_024;
/// How long is waited when the journal is full.
const FULL: Duration = Duration::from_millis(20);
/// How long is waited before a client that has ended is made anew.
const ANEW: Duration = Duration::from_secs(5);

/// How long is waited before subscribing again where the other side refuses.
const AGAIN: Duration = Duration::from_secs(60);
/// The condition of that.
const BRIDGE_REFUSED: &str = "bridge-refused";

/// The journal takes nothing any more.
struct Closed;

/// Takes in what belongs to a lane, until that takes nothing any more; without end if nothing does.
pub(crate) async fn run(bridge: &Bridge, lane: Lane) {
    if bridge.0.inward.iter().all(|(_, _, its)| *its != lane) {
        return std::future::pending().await;
    }
    let link = format!("in-{lane}");
    loop {
        let mut settings = bridge.client(&link);
        settings.clean_start = false;
        settings.acknowledge_by_hand = true;
        let (client, inbox) = Client::open(settings);
        let _watch = Watch::begin(bridge, &link, &client);
        if serve(bridge, lane, &client, inbox).await.is_err() {
            return;
        }
        sleep(ANEW).await;
    }
}

/// Takes in until the client ends.
async fn serve(
    bridge: &Bridge,
    lane: Lane,
    client: &Client,
    mut inbox: Inbox,
) -> Result<(), Closed> {
    // Messages may come before the answer to the subscription, and have to be taken.
    let subscribed = subscribe(bridge, lane, client);
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
                let ticket = take(bridge, lane, &received).await?;
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

/// Subscribes, and again now and then while the other side refuses.
async fn subscribe(bridge: &Bridge, lane: Lane, client: &Client) -> Result<(), AskError> {
    loop {
        let refused = ask(bridge, lane, client).await?;
        bridge.0.parts.troubles.tell(Trouble {
            source: format!("system/bridges/{}/in-{lane}", bridge.name()),
            condition: BRIDGE_REFUSED,
            severity: Severity::Medium,
            active: refused.is_some(),
            text: refused
                .clone()
                .unwrap_or_else(|| "all subscriptions are made".to_owned()),
        });
        let Some(refused) = refused else {
            return Ok(());
        };
        tracing::error!(bridge = bridge.name(), %lane, "{refused}");
        sleep(AGAIN).await;
    }
}

/// Subscribes; says which filters the other side refuses, if it does.
async fn ask(bridge: &Bridge, lane: Lane, client: &Client) -> Result<Option<String>, AskError> {
    let mut refused = Vec::new();
    for (mapping, qos, _) in bridge.0.inward.iter().filter(|(_, _, its)| *its == lane) {
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
                if reason.is_failure() {
                    refused.push(format!("{filter} ({reason})"));
                }
            }
        }
    }
    let list = refused.join(", ");
    Ok(
        (!refused.is_empty())
            .then(|| format!("the other side refuses to be subscribed to: {list}")),
    )
}

/// Submits what a message says; none if it says nothing here.
async fn take(bridge: &Bridge, lane: Lane, received: &Received) -> Result<Option<Ticket>, Closed> {
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
    let topic = match mapped(bridge, &message.topic) {
        // It comes by the connection of that lane as well.
        Some((its, _)) if its != lane => return Ok(None),
        Some((_, topic)) => topic,
        None => {
            refused(
                bridge,
                message,
                "nothing is taken in from, or to, such a topic",
            );
            return Ok(None);
        }
    };
    let entry = match Entry::new(bridge, message, topic, user(RECORD)) {
        Ok(entry) => entry,
        Err(error) => {
            refused(bridge, message, &error.to_string());
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
                refused(bridge, message, &error.to_string());
                return Ok(None);
            }
            Err(SubmitError::Failed(_) | SubmitError::Passive | SubmitError::Closed) => {
                return Err(Closed);
            }
        }
    }
}

/// Counts a message that is dropped, and says so ever more seldom.
fn refused(bridge: &Bridge, message: &Message, why: &str) {
    let count = bridge.0.metrics.refused.inc() + 1;
    if count.is_power_of_two() {
        let (bridge, topic) = (bridge.name(), &message.topic);
        tracing::warn!(bridge, topic, count, "a message can be no record: {why}");
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
        let key = (!record.is_empty()).then(|| key(bridge, record, &topic));
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
            key: key.transpose()?,
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

/// What a record that comes twice is known by, whatever the length of its parts.
fn key(bridge: &Bridge, record: &str, topic: &Topic) -> Result<Key, LimitError> {
    let mut hash = Sha256::new();
    for part in [bridge.name(), topic.as_str(), record] {
        // No text has this byte.
        hash.update(part.as_bytes());
        hash.update([0xFF]);
    }
    let mut key = b"bridge:".to_vec();
    key.extend(hash.finalize());
    Key::new(key)
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
