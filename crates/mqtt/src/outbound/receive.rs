//! Acknowledgements of the client.

use spica_mqtt_proto::{Ack, PacketId, QoS, Reason};

use super::Outbound;
use super::delivery::{Message, Origin};
use super::flight::Stage;
use crate::Violation;
use crate::ack::AckKind;

/// What an acknowledgement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// The message is delivered, or the client has refused it for good.
    Finished(Option<Origin>),
    /// The delivery goes on.
    Continues,
    /// There is no such message: what was acknowledged twice, or before the server was restarted.
    Unknown,
}

impl<M: Message> Outbound<M> {
    /// PUBACK, PUBREC or PUBCOMP has come. What is to be answered at once is written.
    ///
    /// # Errors
    /// An acknowledgement that the message's quality of service, or how far it is, does not allow.
    pub fn ack(
        &mut self,
        kind: AckKind,
        ack: &Ack<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Acked, Violation> {
        let id = ack.packet_id;
        let busy = self.busy.as_mut();
        // What was never sent cannot be acknowledged: it is another message's answer that is late.
        let found = busy.and_then(|busy| {
            let at = busy.flight.find(id)?;
            let entry = busy.flight.get(at)?;
            (entry.stage != Stage::Assigned).then_some((at, entry.stage, entry.qos, entry.origin))
        });
        let Some((at, stage, qos, origin)) = found else {
            if kind == AckKind::PubRec && !ack.reason.is_failure() {
                let reason = Reason::PacketIdentifierNotFound;
                AckKind::PubRel.write(self.version, id, reason, out);
            }
            return Ok(Acked::Unknown);
        };
        match (kind, qos, stage) {
            (AckKind::PubAck, QoS::AtLeastOnce, _)
            | (AckKind::PubComp, QoS::ExactlyOnce, Stage::Released) => self.finish(at),
            (AckKind::PubRec, QoS::ExactlyOnce, Stage::Sent) if ack.reason.is_failure() => {
                self.finish(at);
            }
            (AckKind::PubRec, QoS::ExactlyOnce, Stage::Sent) => {
                self.received(at, id);
                return Ok(Acked::Continues);
            }
            (AckKind::PubRec, QoS::ExactlyOnce, Stage::Received) => return Ok(Acked::Continues),
            (AckKind::PubRec, QoS::ExactlyOnce, _) => {
                AckKind::PubRel.write(self.version, id, Reason::Success, out);
                return Ok(Acked::Continues);
            }
            _ => {
                let what = "an acknowledgement that does not belong to what was sent";
                return Err(Violation::protocol(what));
            }
        }
        Ok(Acked::Finished(origin))
    }

    fn finish(&mut self, at: usize) {
        if let Some(busy) = &mut self.busy {
            busy.finish(at);
        }
        self.forget_passed();
    }

    /// The client has a QoS 2 message; it is told to forget the id once that is noted.
    fn received(&mut self, at: usize, id: PacketId) {
        if let Some(busy) = &mut self.busy {
            busy.received(at, id);
        }
        self.pass_gates_if_free();
    }
}
