//! SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK.

use super::Context;
use super::properties::{self, read};
use crate::allowed::{SUBSCRIBED, SUBSCRIBED_V3, UNSUBSCRIBED};
use crate::read::{Fault, Read, Reader, fault};
use crate::{
    AckProperties, Filters, QoS, Reason, ReasonCodes, SubAck, Subscribe, SubscribeOptions,
    SubscribeProperties, Topics, Unsubscribe, UserProperties, Version, check_filter, split_share,
};

const EMPTY: &Fault = fault!(ProtocolError, "a request without a filter");
const TOO_MANY: &Fault = fault!(QuotaExceeded, "more filters in a packet than are taken");
const BEYOND: &Fault = fault!(
    TopicFilterInvalid,
    "a filter with more bytes or levels than are taken"
);

impl Context<'_> {
    pub(super) fn subscribe<'a>(&self, body: &mut Reader<'a>) -> Read<Subscribe<'a>> {
        let packet_id = body.packet_id()?;
        let mut properties = SubscribeProperties::default();
        if self.version.is_v5() {
            let limit = self.limits.user_properties;
            let repeated = read(body, properties::SUBSCRIBE, limit, |_, value| {
                properties.subscription_id = value.number();
            })?;
            properties.user = repeated.user;
        }
        let filters = self.filters(body, |filter, body| {
            let options = self.options(body.byte()?)?;
            if options.no_local && split_share(filter).is_some() {
                return Err(fault!(ProtocolError, "no-local on a shared subscription"));
            }
            Ok(())
        })?;
        Ok(Subscribe {
            packet_id,
            properties,
            filters: Filters::of_wire(filters, self.version),
        })
    }

    fn options(&self, byte: u8) -> Read<SubscribeOptions> {
        let options = match self.version {
            Version::V5 => SubscribeOptions::of(byte),
            Version::V311 if byte > 3 => None,
            Version::V311 | Version::V31 => QoS::of(byte & 3).map(|qos| SubscribeOptions {
                qos,
                ..SubscribeOptions::default()
            }),
        };
        let fault = fault!("QoS 3, or reserved bits of the subscription options");
        options.ok_or(fault)
    }

    pub(super) fn unsubscribe<'a>(&self, body: &mut Reader<'a>) -> Read<Unsubscribe<'a>> {
        let packet_id = body.packet_id()?;
        let mut user = UserProperties::default();
        if self.version.is_v5() {
            let limit = self.limits.user_properties;
            user = read(body, properties::UNSUBSCRIBE, limit, |_, _| {})?.user;
        }
        let filters = self.filters(body, |_, _| Ok(()))?;
        Ok(Unsubscribe {
            packet_id,
            user,
            filters: Topics::of(filters),
        })
    }

    /// Checks one filter or more, to the end of the packet, each with what stands after it.
    fn filters<'a>(
        &self,
        body: &mut Reader<'a>,
        after: impl Fn(&str, &mut Reader<'a>) -> Read<()>,
    ) -> Read<&'a [u8]> {
        let filters = body.rest();
        let mut count = 0;
        while !body.is_empty() {
            count += 1;
            if count > self.limits.filters {
                return Err(TOO_MANY);
            }
            let filter = body.text()?;
            if check_filter(filter).is_err() {
                let fault = fault!(TopicFilterInvalid, "a filter that is not well formed");
                return Err(fault);
            }
            self.check_topic(filter, BEYOND)?;
            after(filter, body)?;
        }
        match count {
            0 => Err(EMPTY),
            _ => Ok(filters),
        }
    }

    pub(super) fn suback<'a>(&self, body: &mut Reader<'a>) -> Read<SubAck<'a>> {
        let reasons = match self.version {
            Version::V5 => SUBSCRIBED,
            Version::V31 | Version::V311 => SUBSCRIBED_V3,
        };
        self.answer(body, reasons)
    }

    pub(super) fn unsuback<'a>(&self, body: &mut Reader<'a>) -> Read<SubAck<'a>> {
        if self.version.is_v5() {
            return self.answer(body, UNSUBSCRIBED);
        }
        Ok(SubAck {
            packet_id: body.packet_id()?,
            properties: AckProperties::default(),
            reasons: ReasonCodes::default(),
        })
    }

    fn answer<'a>(&self, body: &mut Reader<'a>, allowed: &[Reason]) -> Read<SubAck<'a>> {
        let packet_id = body.packet_id()?;
        let properties = if self.version.is_v5() {
            self.ack_properties(body)?
        } else {
            AckProperties::default()
        };
        let codes = body.take(body.rest().len())?;
        if codes.is_empty() {
            return Err(fault!(ProtocolError, "an answer without a reason code"));
        }
        let is_allowed = |code: &u8| Reason::of(*code).is_some_and(|code| allowed.contains(&code));
        if !codes.iter().all(is_allowed) {
            return Err(fault!("a reason code that this packet does not have"));
        }
        Ok(SubAck {
            packet_id,
            properties,
            reasons: ReasonCodes::of_wire(codes),
        })
    }
}
