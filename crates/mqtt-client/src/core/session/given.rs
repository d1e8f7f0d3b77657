//! What the caller was given and has not acknowledged.

use spica_mqtt_proto::{AckKind, PacketId, QoS, Reason, encode_ack};

use super::Session;
use crate::core::ReceiptOf;

/// A message that the caller has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// Of its receipt.
    number: u64,
    /// The connection that has brought it last.
    connection: u64,
}

impl<P, R> Session<P, R> {
    /// Acknowledges a message: now, or when it comes again. Says whether the server still has the
    /// session that it came by.
    pub(crate) fn acknowledge(&mut self, receipt: ReceiptOf, out: &mut Vec<u8>) -> bool {
        let id = receipt.id;
        let open = self.open.get(&id).copied();
        let Some(open) = open.filter(|open| open.number == receipt.number) else {
            return false;
        };
        self.open.remove(&id);
        let kind = if receipt.qos == QoS::ExactlyOnce {
            self.received.insert(id);
            AckKind::PubRec
        } else {
            AckKind::PubAck
        };
        if open.connection == self.connection {
            encode_ack(kind, id, Reason::Success, self.version, out);
        } else if kind == AckKind::PubAck {
            self.settled.insert(id);
        }
        true
    }

    /// A message was not given to the caller after all: it is a new one when it comes again.
    pub(crate) fn not_given(&mut self, receipt: ReceiptOf) {
        self.open.remove(&receipt.id);
    }

    /// The connection is gone: nothing can be said until there is another.
    pub(crate) const fn disconnected(&mut self) {
        self.connection += 1;
    }

    /// Whether a message says what the caller was given before.
    pub(super) fn is_repeated(&mut self, id: PacketId, dup: bool, out: &mut Vec<u8>) -> bool {
        let is_settled = self.settled.remove(&id);
        if !dup {
            // The server has given up the one of before, and this is another.
            return false;
        }
        if is_settled {
            encode_ack(AckKind::PubAck, id, Reason::Success, self.version, out);
            return true;
        }
        let Some(open) = self.open.get_mut(&id) else {
            return false;
        };
        open.connection = self.connection;
        true
    }

    /// Notes that the caller gets a message, and what acknowledges it.
    pub(super) fn receipt(&mut self, id: PacketId, qos: QoS) -> ReceiptOf {
        self.receipts += 1;
        let (number, connection) = (self.receipts, self.connection);
        self.open.insert(id, Open { number, connection });
        ReceiptOf { id, qos, number }
    }
}
