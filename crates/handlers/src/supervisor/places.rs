//! How far handlers are that only run on the active, for the partner that may take over.

use serde::{Deserialize, Serialize};
use spica_model::{Seq, Topic};

use super::Supervisor;
use crate::post::{Base, Post};
use crate::records::Draft;

/// How far a handler is, for the partner.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    critical: u64,
    normal: u64,
}

impl Supervisor {
    /// Notes for the partner how far the handlers are; or follows what the partner noted, so that
    /// retention keeps what they will want.
    pub(super) fn exchange_places(&mut self) {
        let serving = self.base.is_serving();
        for (crew, posts) in &self.crews {
            if crew.factory.everywhere() {
                continue;
            }
            if !serving {
                let place = self.base.noted_place(&crew.name);
                posts
                    .iter()
                    .for_each(|post| post.follow_partner(place[post.lane.index()]));
                continue;
            }
            let worked = posts
                .iter()
                .filter(|post| std::mem::take(&mut post.inner.lock().worked));
            if worked.count() == 0 {
                continue;
            }
            let mut place = self.places.get(&crew.name).copied().unwrap_or_default();
            for post in posts {
                place[post.lane.index()] = post.inner.lock().cursor;
            }
            self.places.insert(crew.name.clone(), place);
            let topic = format!("{}/place", self.base.scribe.folder(&crew.name));
            let [critical, normal] = place.map(|seq| seq.0);
            // Numbers in a struct always are JSON.
            let payload = serde_json::to_vec(&Place { critical, normal }).unwrap_or_default();
            let by = format!("handler:{}", crew.name);
            if let Err(error) = self.base.scribe.append(&by, &[Draft::put(topic, payload)]) {
                tracing::debug!(%error, "the partner is not told how far a handler is");
            }
        }
    }
}

impl Base {
    /// How far a handler was when this was last noted.
    pub(crate) fn noted_place(&self, name: &str) -> [Seq; 2] {
        let topic = Topic::new(format!("{}/place", self.scribe.folder(name)));
        let record = topic.ok().and_then(|topic| self.standing.get(&topic));
        let place: Place = record
            .and_then(|record| serde_json::from_slice(&record.payload).ok())
            .unwrap_or_default();
        [Seq(place.critical), Seq(place.normal)]
    }
}

impl Post {
    /// Opens the durable cursor, where this node or its partner has come to.
    pub(crate) fn open_cursor(&self) -> Result<Seq, String> {
        let base = &self.base;
        let mut place = base.before_first(self.lane);
        if !self.crew.factory.everywhere() {
            let noted = base.noted_place(&self.crew.name)[self.lane.index()];
            place = place.max(noted.min(base.journal.status(self.lane).durable));
        }
        let opened = base.journal.open_cursor(&self.cursor, self.lane, place);
        let cursor = opened.map_err(|error| error.to_string())?;
        Ok(if self.crew.factory.everywhere() {
            cursor
        } else {
            cursor.max(place)
        })
    }

    /// While the partner handles: lets this node's cursor follow.
    fn follow_partner(&self, noted: Seq) {
        let durable = self.base.journal.status(self.lane).durable;
        if noted == Seq::ZERO || noted > durable {
            return;
        }
        let moved = self.open_cursor().and_then(|_| {
            let moved = self
                .base
                .journal
                .advance_cursor(&self.cursor, self.lane, noted);
            moved.map_err(|error| error.to_string())
        });
        match moved {
            Ok(()) => {
                let mut inner = self.inner.lock();
                inner.cursor = inner.cursor.max(noted);
                inner.through = inner.through.max(noted);
            }
            Err(error) => self.inner.lock().note_error(self.base.clock.wall(), &error),
        }
    }
}
