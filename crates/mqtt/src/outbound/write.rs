//! A message as it goes to this client.

use spica_model::Timestamp;
use spica_mqtt_proto::{Packet, PacketId, Publish, PublishProperties, QoS, SubscriptionIds};

use super::Outbound;
use super::aliases::Named;
use super::delivery::Message;
use super::flight::Held;

/// How a message is sent.
pub(super) struct Way {
    pub(super) qos: QoS,
    pub(super) id: Option<PacketId>,
    pub(super) dup: bool,
}

impl<M: Message> Outbound<M> {
    /// Writes a message that has an id. One that is too large for the client is as if delivered
    /// [MQTT-3.1.2-25].
    pub(super) fn send_entry(&mut self, at: usize, dup: bool, now: Timestamp, out: &mut Vec<u8>) {
        let entry = self.busy.as_mut().and_then(|busy| busy.flight.get_mut(at));
        let Some((entry, held)) = entry.and_then(|entry| {
            let held = entry.held.take()?;
            Some((entry, held))
        }) else {
            return;
        };
        let way = Way {
            qos: entry.qos,
            id: Some(entry.id),
            dup,
        };
        if self.write(&held, &way, now, out) {
            let entry = self.busy.as_mut().and_then(|busy| busy.flight.get_mut(at));
            if let Some(entry) = entry {
                entry.held = Some(held);
            }
            return;
        }
        self.dropped.too_large = self.dropped.too_large.saturating_add(1);
        if let Some(busy) = &mut self.busy {
            match dup {
                true => busy.give_up(at),
                false => busy.finish(at),
            }
        }
        self.forget_passed();
        self.pass_gates_if_free();
    }

    /// Whether the client takes it; otherwise nothing is written.
    pub(super) fn write(
        &mut self,
        held: &Held<M>,
        way: &Way,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> bool {
        let publish = held.message.publish();
        let aliases = self.aliases.as_ref();
        let named = aliases.map_or(Named::Plain, |aliases| aliases.name(publish.topic));
        let is_written = self.write_as(named, held, way, now, out);
        // An alias may be just what is too much.
        let plainly = Named::Plain;
        if !is_written && named != plainly && self.write_as(plainly, held, way, now, out) {
            return true;
        }
        if let Some(aliases) = self.aliases.as_mut().filter(|_| is_written) {
            aliases.sent(publish.topic, named);
        }
        is_written
    }

    fn write_as(
        &self,
        named: Named,
        held: &Held<M>,
        way: &Way,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> bool {
        let begin = out.len();
        let packet = Packet::Publish(dressed(held, way, named, now));
        let is_encoded = packet.encode(self.version, out).is_ok();
        let is_taken = is_encoded && out.len() - begin <= self.packet_bytes as usize;
        if !is_taken {
            out.truncate(begin);
        }
        is_taken
    }
}

/// The message as it goes to this client.
fn dressed<'a, M: Message>(
    held: &'a Held<M>,
    way: &Way,
    named: Named,
    now: Timestamp,
) -> Publish<'a> {
    let publish = held.message.publish();
    let (topic, alias) = match named {
        Named::Plain => (publish.topic, None),
        Named::Introduced(alias) => (publish.topic, Some(alias)),
        Named::Known(alias) => ("", Some(alias)),
    };
    let left = |expires: Timestamp| {
        // Of a second that has begun nothing has passed yet.
        let left = expires.since(now).as_micros().div_ceil(1_000_000);
        u32::try_from(left).unwrap_or(u32::MAX)
    };
    Publish {
        dup: way.dup,
        qos: way.qos,
        retain: held.retain,
        topic,
        packet_id: way.id,
        properties: PublishProperties {
            expiry: held.message.expires().map(left),
            alias,
            subscription_ids: SubscriptionIds::of(held.ids.as_deref().unwrap_or_default()),
            ..publish.properties
        },
        payload: publish.payload,
    }
}
