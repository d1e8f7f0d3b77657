//! What is noted of an edge node.

use std::mem::take;

use spica_model::{ContentType, Seq, Topic, TopicError, limits};

use super::Edge;
use crate::birth::Birth;
use crate::note::{Note, Notes};
use crate::topics::{Subject, Topics};

impl Edge {
    /// Notes how it is: births, then itself, then which births are no more. So any beginning of it is
    /// something to go on from: what a later note would say is said by its messages once more.
    pub(crate) fn write_notes(&mut self, id: &str, topics: &Topics) {
        let mut gone = Notes::new();
        for device in take(&mut self.unnoted) {
            let device = device.as_deref();
            let birth = match device {
                None => self.node.as_ref(),
                Some(device) => self.devices.get(device),
            };
            let payload = birth.map(|birth: &Birth| birth.encode(Seq(self.note.session)));
            // One that no record can carry is forgotten at the next start, and asked for then.
            let payload = payload.filter(|bytes| bytes.len() <= limits::PAYLOAD_BYTES);
            let topic = topics.birth_note(Subject { id, device });
            let list = match payload {
                Some(_) => &mut self.notes,
                None => &mut gone,
            };
            list.extend(note(topic, ContentType::Bytes, payload));
        }
        let payload = serde_json::to_vec(&self.note).ok();
        self.notes
            .extend(note(topics.edge_note(id), ContentType::Json, payload));
        self.notes.append(&mut gone);
    }

    /// Notes that it is forgotten.
    pub(crate) fn forget(mut self, id: &str, topics: &Topics) -> Notes {
        self.write_notes(id, topics);
        self.notes
            .extend(note(topics.edge_note(id), ContentType::Json, None));
        self.notes
    }
}

fn note(
    topic: Result<Topic, TopicError>,
    content_type: ContentType,
    payload: Option<Vec<u8>>,
) -> Option<Note> {
    Some(Note {
        topic: topic.ok()?,
        content_type,
        payload,
    })
}
