//! PUBACK, PUBREC, PUBREL, PUBCOMP.

use super::Context;
use super::properties::{self, read};
use crate::read::{Read, Reader, fault};
use crate::{Ack, AckProperties, Reason};

impl Context<'_> {
    pub(super) fn ack<'a>(&self, body: &mut Reader<'a>, reasons: &[Reason]) -> Read<Ack<'a>> {
        let packet_id = body.packet_id()?;
        let mut ack = Ack {
            packet_id,
            reason: Reason::Success,
            properties: AckProperties::default(),
        };
        if self.version.is_v5() && !body.is_empty() {
            ack.reason = reason(body, reasons)?;
            if !body.is_empty() {
                ack.properties = self.ack_properties(body)?;
            }
        }
        Ok(ack)
    }

    pub(super) fn ack_properties<'a>(&self, body: &mut Reader<'a>) -> Read<AckProperties<'a>> {
        let mut of = AckProperties::default();
        let limit = self.limits.user_properties;
        let repeated = read(body, properties::ACK, limit, |_, value| {
            of.reason_text = value.text();
        })?;
        of.user = repeated.user;
        Ok(of)
    }
}

/// A reason code that the packet may have.
pub(super) fn reason(body: &mut Reader<'_>, allowed: &[Reason]) -> Read<Reason> {
    match Reason::of(body.byte()?) {
        Some(reason) if allowed.contains(&reason) => Ok(reason),
        _ => Err(fault!("a reason code that this packet does not have")),
    }
}
