//! What has come and is not all in the file, and how records find their lists.

use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashSet;
use spica_model::{Record, Seq, Topic};

use super::cache::{Cache, Info};
use super::head::Head;
use super::lane::LaneIndex;
use super::{OTHERS, event_key};
use crate::bucket::{Bucket, Resolution};
use crate::error::HistoryError;
use crate::number::number_of;
use crate::posting::Posting;
use crate::settings::SeriesTime;

/// What has come and is not all in the file.
pub(crate) struct State {
    /// What comes now.
    pub(crate) head: Head,
    /// What is being written.
    pub(crate) frozen: Option<Arc<Head>>,
    /// Since when something has come that is not given to the flusher.
    pub(super) since: Option<Instant>,
    /// Up to where the file holds everything.
    pub(crate) base: Seq,
    pub(super) next: u32,
    pub(super) series: HashSet<u32>,
    pub(super) series_refused: u64,
    pub(super) cache: Cache,
    /// Why the last write failed.
    pub(super) error: Option<String>,
    pub(super) stopping: bool,
}

impl State {
    /// Puts a record into the lists and series that it belongs to. A copy belongs to none.
    pub(super) fn index(
        &mut self,
        index: &LaneIndex,
        record: &Record,
        late: bool,
    ) -> Result<(), HistoryError> {
        self.head.records += 1;
        self.head.replayed |= late;
        if record.is_restated() {
            return Ok(());
        }
        let info = self.info(index, &record.topic)?;
        let posting = Posting {
            seq: record.position.seq,
            received: record.received,
        };
        self.head.post(info.list, posting);
        if let Some(event) = info.event.filter(|event| *event != info.list) {
            self.head.post(event, posting);
        }
        if let Some(rule) = info.series.and_then(|rule| index.rules.series(rule))
            && info.list != OTHERS
            && let Some(value) = number_of(record, &rule.pointer)
            && self.has_series(info.list, index.rules.settings.max_series)
        {
            let at = match rule.time {
                SeriesTime::Received => record.received,
                SeriesTime::Source => record.source_time.unwrap_or(record.received),
            };
            let minute = Resolution::Minute.floor(at).as_micros();
            let bucket = Bucket::of(value, at, record.position.seq);
            self.head.count(info.list, minute, bucket);
        }
        Ok(())
    }

    /// Whether a list has a series, or may have one from now on.
    fn has_series(&mut self, list: u32, limit: usize) -> bool {
        if self.series.contains(&list) {
            return true;
        }
        if self.series.len() >= limit {
            self.series_refused += 1;
            return false;
        }
        self.series.insert(list)
    }

    fn info(&mut self, index: &LaneIndex, topic: &Topic) -> Result<Info, HistoryError> {
        if let Some(info) = self.cache.get(topic) {
            return Ok(info);
        }
        let event = index.rules.event_of(topic).map(event_key);
        let event = event.map(|key| self.list(index, key)).transpose()?;
        let info = Info {
            list: self.list(index, topic.as_bytes().to_vec())?,
            event,
            series: index.rules.series_of(topic),
        };
        // A copy of its text: the topic is a part of a buffer with many records.
        if let Ok(topic) = Topic::new(topic.as_str()) {
            self.cache.put(topic, info);
        }
        Ok(info)
    }

    /// The list of a name; a new one if there is room.
    fn list(&mut self, index: &LaneIndex, name: Vec<u8>) -> Result<u32, HistoryError> {
        let fresh = self.head.names.get(&name);
        let frozen = self
            .frozen
            .as_ref()
            .and_then(|frozen| frozen.names.get(&name));
        if let Some(list) = fresh.or(frozen) {
            return Ok(*list);
        }
        if let Some(list) = index.store.list_of(&name)? {
            return Ok(list);
        }
        if self.next as usize > index.rules.settings.max_topics {
            return Ok(OTHERS);
        }
        let list = self.next;
        self.next += 1;
        self.head.names.insert(name, list);
        Ok(list)
    }

    /// The heads that are not in the file, the older one first.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &Head> {
        self.frozen.as_deref().into_iter().chain([&self.head])
    }
}
