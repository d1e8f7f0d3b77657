//! The state at the beginning of a stream, or after a gap.

use std::collections::HashMap;

use spica_model::{Kind, Position, Record, Topic};

use super::{Live, PIECE_BYTES, Phase};
use crate::place::Place;
use crate::record_json;
use crate::sse;

/// Topics that are asked for at once.
const TOPICS: usize = 500;

/// A snapshot under way.
pub(super) struct Snapshot {
    /// Where the views stood when it began.
    place: Place,
    /// The last topic that was looked at.
    after: Option<String>,
    /// Topics whose record is newer than `place`: it will come again from the views.
    newer: HashMap<Topic, Position>,
}

impl Live {
    /// Begins with the state, of which everything up to `place` is a part.
    pub(super) fn begin_snapshot(&mut self, place: Place) {
        self.phase = Phase::Snapshot(Snapshot {
            place,
            after: None,
            newer: HashMap::new(),
        });
    }

    /// Some more of the state.
    pub(super) fn snapshot(&mut self, out: &mut Vec<u8>, mut snapshot: Snapshot) {
        let prefix = self.filter.literal_prefix();
        let views = &self.app.parts.views;
        let records = views.subtree(prefix, snapshot.after.as_deref(), TOPICS);
        let mut last = records.len() < TOPICS;
        for record in records {
            if out.len() >= PIECE_BYTES {
                last = false;
                break;
            }
            snapshot.after = Some(record.topic.as_str().to_owned());
            if record.kind == Kind::State && self.wanted.matches(&record) {
                sse::event(out, "record", None, &record_json::encode(&record));
                self.app.parts.metrics.stream_records.inc();
                if !snapshot.place.covers(record.position) {
                    snapshot.newer.insert(record.topic, record.position);
                }
            }
        }
        if last {
            self.newer = snapshot.newer;
            self.ready(out, snapshot.place);
        } else {
            self.phase = Phase::Snapshot(snapshot);
        }
    }

    /// Whether the snapshot had this record of its topic, or a later one.
    pub(super) fn was_shown(&self, record: &Record) -> bool {
        let Some(shown) = self.newer.get(&record.topic) else {
            return false;
        };
        let before = shown.lane == record.position.lane && record.position.seq <= shown.seq;
        before && record.kind == Kind::State
    }
}
