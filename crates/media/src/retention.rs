//! Removing pictures that are old.

use std::collections::HashMap;
use std::time::Duration;

use redb::ReadableDatabase;
use spica_devices::{DeviceTopics, Serial};
use spica_model::Timestamp;
use spica_objects::{Address, ReadError};
use tokio::runtime::Handle;

use crate::index::{DEVICES, Index, TIMES, entry};
use crate::{Entry, IndexError, Media};

/// Entries that are decided about at a time.
const CHUNK: usize = 256;
/// A picture that was stored so lately is not removed: its record may be on its way.
const FRESH: Duration = Duration::from_secs(3_600);

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Entries that were removed.
    pub entries: u64,
    /// Pictures that were removed, with their thumbnails.
    pub pictures: u64,
    /// Bytes of those pictures.
    pub bytes: u64,
    /// Entries that are old enough but held.
    pub held: u64,
    /// Entries that are old enough, of pictures that were stored again just now.
    pub fresh: u64,
    /// Pictures that the store did not remove; they are tried again by the next sweep.
    pub failed: u64,
}

impl Swept {
    fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.pictures += other.pictures;
        self.bytes += other.bytes;
        self.held += other.held;
        self.fresh += other.fresh;
        self.failed += other.failed;
    }
}

/// The key of `times` behind which a sweep goes on.
type Mark = (i64, String, u32, u64);

impl Media {
    /// Removes pictures whose time is over by the settings at `now`, but none of a device of which
    /// `held` says so: one with an open case. The object of a picture goes when no other entry of the
    /// index names it. Without rules it does nothing. At most `limit` entries are removed.
    ///
    /// Blocks on disks and on the store: for a thread of its own, not an async worker. `runtime` is
    /// where the store's requests run.
    ///
    /// # Errors
    /// If the index cannot be read or written. What was removed before is removed.
    pub fn sweep(
        &self,
        now: Timestamp,
        limit: usize,
        runtime: &Handle,
        held: &dyn Fn(Serial) -> bool,
    ) -> Result<Swept, IndexError> {
        let mut swept = Swept::default();
        let Some(shortest) = self.0.rules.shortest() else {
            return Ok(swept);
        };
        let before = now.saturating_sub(shortest.as_duration());
        let mut holds = HashMap::new();
        let mut is_held = |serial| *holds.entry(serial).or_insert_with(|| held(serial));
        let mut after = None;
        while swept.entries < limit as u64 {
            let (chunk, mark) = self.0.index.older(before, after.as_ref())?;
            let room = limit - usize::try_from(swept.entries).unwrap_or(limit);
            let mut over: Vec<_> = chunk
                .into_iter()
                .filter(|entry| self.is_over(entry, now))
                .collect();
            let all = over.len();
            over.retain(|entry| !is_held(entry.place.serial));
            swept.held += (all - over.len()) as u64;
            over.truncate(room);
            swept.add(runtime.block_on(self.remove(&over, now))?);
            match mark {
                Some(mark) => after = Some(mark),
                None => break,
            }
        }
        let counters = &self.0.counters;
        counters.swept_entries.add(swept.entries);
        counters.swept_pictures.add(swept.pictures);
        counters.swept_bytes.add(swept.bytes);
        Ok(swept)
    }

    /// Whether the time of a picture is over.
    fn is_over(&self, entry: &Entry, now: Timestamp) -> bool {
        let topics = DeviceTopics::new(&self.0.node, &entry.place.serial);
        let keep = topics
            .ok()
            .and_then(|topics| self.0.rules.keep(&topics.pictures()));
        keep.is_some_and(|keep| now.since(entry.place.received) >= keep.as_duration())
    }

    /// Removes entries, and each picture that only they name: first the picture, so that a crash
    /// leaves an entry that is swept again and never a picture that nobody knows.
    async fn remove(&self, over: &[Entry], now: Timestamp) -> Result<Swept, IndexError> {
        let mut swept = Swept::default();
        let mut gone = Vec::new();
        for entry in over {
            // Entries of this chunk that are gone already do not keep a picture.
            let others = self.0.index.of_address(&entry.address)?;
            let is_other = |other: &Entry| {
                let same = |gone: &Entry| gone.place == other.place;
                other.place != entry.place && !gone.iter().any(same)
            };
            if others.iter().any(is_other) {
                gone.push(entry.clone());
                continue;
            }
            match self.remove_picture(&entry.address, now).await {
                Ok(Removed::Gone(pictures)) => {
                    swept.pictures += pictures;
                    swept.bytes += pictures * u64::from(entry.size);
                    gone.push(entry.clone());
                }
                Ok(Removed::Fresh) => swept.fresh += 1,
                Err(error) => {
                    tracing::warn!(address = %entry.address, %error, "an old picture is not removed yet");
                    swept.failed += 1;
                }
            }
        }
        self.0.index.remove(&gone)?;
        swept.entries = gone.len() as u64;
        Ok(swept)
    }

    async fn remove_picture(
        &self,
        address: &Address,
        now: Timestamp,
    ) -> Result<Removed, ReadError> {
        match self.0.store.stored_at(address).await {
            Err(ReadError::Unknown(_)) => return Ok(Removed::Gone(0)),
            Err(error) => return Err(error),
            Ok(stored) if now.since(stored) < FRESH => return Ok(Removed::Fresh),
            Ok(_) => {}
        }
        match self.0.store.remove(address).await {
            Ok(()) => Ok(Removed::Gone(1)),
            Err(ReadError::Unknown(_)) => Ok(Removed::Gone(0)),
            Err(error) => Err(error),
        }
    }
}

enum Removed {
    /// It is not there any more; so many pictures were removed for it.
    Gone(u64),
    /// It was stored just now.
    Fresh,
}

impl Index {
    /// Some of the entries received before a time, oldest first, and where to go on.
    fn older(
        &self,
        before: Timestamp,
        after: Option<&Mark>,
    ) -> Result<(Vec<Entry>, Option<Mark>), IndexError> {
        let read = self.database.begin_read()?;
        let (devices, times) = (read.open_table(DEVICES)?, read.open_table(TIMES)?);
        let end = (before.as_micros(), "", 0, 0);
        let from =
            after.map(|(micros, serial, epoch, seq)| (*micros, serial.as_str(), *epoch, *seq));
        let mut found = Vec::new();
        for row in times.range(from.unwrap_or((i64::MIN, "", 0, 0))..)? {
            let key = row?.0;
            let (micros, serial, epoch, seq) = key.value();
            if (micros, serial, epoch, seq) >= end {
                break;
            }
            if from == Some((micros, serial, epoch, seq)) {
                continue;
            }
            found.extend(entry(&devices, (serial, micros, epoch, seq))?);
            if found.len() == CHUNK {
                return Ok((found, Some((micros, serial.to_owned(), epoch, seq))));
            }
        }
        Ok((found, None))
    }
}
