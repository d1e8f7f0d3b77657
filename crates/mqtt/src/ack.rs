//! The four acknowledgements as bytes: the machine writes them a hundred thousand times a second, so
//! without any detour.

use spica_mqtt_proto::{PacketId, Reason, Version};

/// Which acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum AckKind {
    /// PUBACK.
    PubAck = 0x40,
    /// PUBREC.
    PubRec = 0x50,
    /// PUBREL, with the flag that the standard wants.
    PubRel = 0x62,
    /// PUBCOMP.
    PubComp = 0x70,
}

impl AckKind {
    /// Writes the packet; before MQTT 5 the reason is left out.
    pub(crate) fn write(self, version: Version, id: PacketId, reason: Reason, out: &mut Vec<u8>) {
        let [high, low] = id.get().to_be_bytes();
        if version == Version::V5 && reason != Reason::Success {
            out.extend_from_slice(&[self as u8, 3, high, low, reason.code()]);
        } else {
            out.extend_from_slice(&[self as u8, 2, high, low]);
        }
    }
}

/// The nearest reason that PUBACK and PUBREC have.
pub(crate) const fn refusal(reason: Reason) -> Reason {
    match reason {
        Reason::NotAuthorized
        | Reason::TopicNameInvalid
        | Reason::PacketIdentifierInUse
        | Reason::QuotaExceeded
        | Reason::PayloadFormatInvalid
        // No refusal at all: it is taken, and goes to nobody.
        | Reason::NoMatchingSubscribers
        | Reason::UnspecifiedError => reason,
        Reason::Banned => Reason::NotAuthorized,
        Reason::MessageRateTooHigh | Reason::PacketTooLarge => Reason::QuotaExceeded,
        _ => Reason::ImplementationSpecificError,
    }
}

#[cfg(test)]
mod tests {
    use spica_mqtt_proto::{Ack, AckProperties, Packet};

    use super::*;

    #[test]
    fn every_refusal_can_be_said() {
        for reason in Reason::ALL {
            let ack = Ack {
                packet_id: PacketId::MIN,
                reason: refusal(*reason),
                properties: AckProperties::default(),
            };
            let is_taken = *reason == Reason::NoMatchingSubscribers;
            assert_eq!(ack.reason.is_failure(), !is_taken, "{reason:?}");
            for packet in [Packet::PubAck(ack), Packet::PubRec(ack)] {
                packet.encode(Version::V5, &mut Vec::new()).unwrap();
            }
        }
    }

    #[test]
    fn an_ack_is_written_as_any_packet_is() {
        let packet_id = PacketId::new(0x1234).unwrap();
        for version in Version::ALL {
            let (refused, unknown) = (Reason::QuotaExceeded, Reason::PacketIdentifierNotFound);
            for (kind, reason) in [
                (AckKind::PubAck, Reason::Success),
                (AckKind::PubAck, refused),
                (AckKind::PubRec, Reason::Success),
                (AckKind::PubRec, refused),
                (AckKind::PubRel, Reason::Success),
                (AckKind::PubRel, unknown),
                (AckKind::PubComp, Reason::Success),
                (AckKind::PubComp, unknown),
            ] {
                let ack = Ack {
                    packet_id,
                    reason,
                    properties: AckProperties::default(),
                };
                let packet = match kind {
                    AckKind::PubAck => Packet::PubAck(ack),
                    AckKind::PubRec => Packet::PubRec(ack),
                    AckKind::PubRel => Packet::PubRel(ack),
                    AckKind::PubComp => Packet::PubComp(ack),
                };
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                kind.write(version, packet_id, reason, &mut ours);
                packet.encode(version, &mut theirs).unwrap();
                assert_eq!(ours, theirs, "{version:?} {packet:?}");
            }
        }
    }
}
