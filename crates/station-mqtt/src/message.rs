//! A record as a message to subscribers.

use std::borrow::Cow;
use std::sync::Arc;

use spica_model::{ContentType, Op, Property, Record, Timestamp};
use spica_mqtt::Message as Deliverable;
use spica_mqtt_proto::{Publish, PublishProperties, QoS, UserProperties};

use crate::arrived::service;
use crate::mount::Mount;

/// What a message takes beside its texts and payload.
const OVERHEAD_BYTES: usize = 96;

/// One record of a batch that many share.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    batch: Arc<[Record]>,
    at: u32,
    /// Where the MQTT topic begins in the record's.
    name_at: u32,
    /// The MQTT topic, where it is no part of the record's.
    named: Option<Arc<str>>,
}

impl Message {
    /// The message that a record of the batch is; none if its topic is not the node's.
    pub(crate) fn of(mount: &Mount, batch: &Arc<[Record]>, at: usize) -> Option<Self> {
        let topic = &batch.get(at)?.topic;
        let (name_at, named) = match mount.outward(topic)? {
            Cow::Borrowed(name) => (topic.as_str().len() - name.len(), None),
            Cow::Owned(name) => (0, Some(name.into())),
        };
        Some(Self {
            batch: Arc::clone(batch),
            at: u32::try_from(at).ok()?,
            name_at: u32::try_from(name_at).ok()?,
            named,
        })
    }

    /// The message of a single record.
    pub(crate) fn single(mount: &Mount, record: Record) -> Option<Self> {
        Self::of(mount, &Arc::from([record]), 0)
    }

    pub(crate) fn record(&self) -> &Record {
        // Checked when it was made, and a batch does not change.
        &self.batch[self.at as usize]
    }

    /// The MQTT topic.
    pub(crate) fn topic(&self) -> &str {
        match &self.named {
            Some(name) => name,
            None => &self.record().topic.as_str()[self.name_at as usize..],
        }
    }

    /// With which quality of service it came, and whether it was to be retained. What did not come by
    /// MQTT is delivered as well as its subscribers want it.
    pub(crate) fn service(&self) -> (QoS, bool) {
        service(self.record().properties.as_ref()).unwrap_or((QoS::ExactlyOnce, false))
    }

    /// The client that published it, if one did.
    pub(crate) fn publisher(&self) -> Option<&str> {
        self.record().cause.as_ref()?.as_str().strip_prefix(CAUSE)
    }
}

/// How the cause of a record begins that an MQTT client published; its id follows.
pub(crate) const CAUSE: &str = "mqtt:";

impl Deliverable for Message {
    fn publish(&self) -> Publish<'_> {
        let record = self.record();
        let payload: &[u8] = match record.op {
            Op::Delete => &[],
            Op::Put | Op::Restate(_) => &record.payload,
        };
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: self.topic(),
            packet_id: None,
            properties: properties(record),
            payload,
        }
    }

    fn bytes(&self) -> usize {
        let record = self.record();
        let properties = record.properties.as_ref();
        let properties = properties.map_or(0, |it| it.as_bytes().len());
        OVERHEAD_BYTES + record.topic.as_bytes().len() + record.payload.len() + properties
    }

    fn expires(&self) -> Option<Timestamp> {
        let record = self.record();
        let seconds = record.properties.as_ref()?.iter().find_map(|it| match it {
            Property::Expiry(seconds) => Some(i64::from(seconds)),
            _ => None,
        })?;
        let micros = record
            .received
            .as_micros()
            .saturating_add(seconds * 1_000_000);
        Some(Timestamp::from_micros(micros))
    }
}

fn properties(record: &Record) -> PublishProperties<'_> {
    let mut list = PublishProperties::default();
    let Some(kept) = &record.properties else {
        list.content_type = named(&record.content_type);
        return list;
    };
    let mut is_mqtt = false;
    for property in kept {
        match property {
            Property::Service { .. } => is_mqtt = true,
            Property::ResponseTopic(topic) => list.response_topic = Some(topic),
            Property::Correlation(data) => list.correlation = Some(data),
            Property::Text => list.payload_is_utf8 = Some(true),
            Property::ContentType(name) => list.content_type = Some(name),
            // The session counts it down.
            Property::Expiry(_) => {}
            Property::User { .. } => break,
        }
    }
    if !is_mqtt {
        list.content_type = list.content_type.or_else(|| named(&record.content_type));
    }
    list.user = UserProperties::of(kept.user_section());
    list
}

/// What other protocols say of the payload, unless that is nothing.
fn named(content_type: &ContentType) -> Option<&str> {
    (*content_type != ContentType::Bytes).then(|| content_type.as_str())
}
