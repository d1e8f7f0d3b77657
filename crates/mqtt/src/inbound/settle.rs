//! What is durable is noted and answered.

use spica_model::Lane;
use spica_mqtt_proto::{Reason, Version};

use super::{Inbound, Ordinal};
use crate::ack::{AckKind, refusal};
use crate::{InNote, Uid, Violation};

impl Inbound {
    /// Whether the note of a lane says no more what is true.
    #[must_use]
    pub fn is_note_due(&self, lane: Lane) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.is_note_due(lane))
    }

    /// The note of a lane, to be submitted behind all that was accepted into it.
    pub fn take_note(&mut self, lane: Lane, uid: Uid) -> InNote {
        self.open.get_or_insert_default().take_note(lane, uid)
    }

    /// The last answer that is owed: what a submit of now covers, in its lane.
    #[must_use]
    pub fn last(&self) -> Ordinal {
        self.answers.last()
    }

    /// What a lane was given up to and with `through` is durable: the answers that are due are
    /// written, in the order in which the messages came [MQTT-4.6.0-2], [MQTT-4.6.0-3].
    pub fn committed(&mut self, lane: Lane, through: Ordinal, out: &mut Vec<u8>) {
        if let Some(open) = &mut self.open {
            open.settle(lane, through);
        }
        self.answers.settle(lane, through);
        self.flush(out);
    }

    /// Writes the answers that need not wait.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        let connection = &mut self.connection;
        self.answers.write(connection.version, out, |kind, reason| {
            let is_last = kind != AckKind::PubRec || reason.is_failure();
            let answered = u16::from(is_last);
            connection.unanswered = connection.unanswered.saturating_sub(answered);
        });
    }

    /// What was accepted into a lane after the last that is durable, up to and with `through`, will
    /// never be stored: it is answered with the reason, and may come again.
    ///
    /// Only for a submit that was refused as a whole. What was submitted and is of an uncertain end
    /// must not be told here.
    ///
    /// # Errors
    /// Where that cannot be said: before MQTT 5, or to a PUBREL. The connection ends.
    pub fn failed(
        &mut self,
        lane: Lane,
        through: Ordinal,
        reason: Reason,
        out: &mut Vec<u8>,
    ) -> Result<(), Violation> {
        let mut is_sayable = self.connection.version == Version::V5;
        if let Some(open) = &mut self.open {
            is_sayable &= open.fail(lane, through);
        }
        if !is_sayable {
            return Err(Violation::new(
                reason,
                "what the client sent could not be stored",
            ));
        }
        self.answers.fail(lane, through, refusal(reason));
        self.flush(out);
        Ok(())
    }
}
