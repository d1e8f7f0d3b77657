//! The part: what the handler feeds and others ask.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use spica_devices::{DEVICES, Serial};
use spica_model::{Op, Record, Topic};
use spica_objects::{Address, PictureStore, ReadError};
use tokio::sync::{Notify, Semaphore};

use crate::counts::Counters;
use crate::index::Index;
use crate::settings::Rules;
use crate::thumbnail::{self, Bounds, Made, Unreadable};
use crate::{
    Counts, Entry, Format, IndexError, OpenError, Page, Place, Query, Settings, Thumbnail,
    ThumbnailError,
};

/// Pictures that are decoded at a time.
const DECODERS: usize = 2;
/// Pictures that [`Media::develop`] takes from the index at a time.
const CHUNK: usize = 16;
/// How long it waits after a failure, at first and at most.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Pictures by device and time. Clones share it.
#[derive(Debug, Clone)]
pub struct Media(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) index: Index,
    pub(crate) store: PictureStore,
    pub(crate) node: Topic,
    pub(crate) rules: Rules,
    pub(crate) counters: Counters,
    bounds: Bounds,
    decoders: Semaphore,
    /// Told when pictures wait to be looked at.
    pending: Notify,
}

/// The payload of a picture's record, as far as it matters here.
#[derive(Deserialize)]
struct PictureJson {
    picture: u32,
    size: u32,
    address: String,
}

impl Media {
    /// Opens the index in `file`, which is made if it is not there, over the pictures of `store` and
    /// the records below `node`. Blocks: for the start of a node.
    ///
    /// # Errors
    /// If the settings make no sense, or the file cannot be made, read or locked.
    pub fn open(
        file: &Path,
        store: PictureStore,
        node: Topic,
        settings: &Settings,
    ) -> Result<Self, OpenError> {
        let rules = settings.rules()?;
        Ok(Self(Arc::new(Inner {
            index: Index::open(file)?,
            store,
            node,
            rules,
            counters: Counters::default(),
            bounds: settings.bounds(),
            decoders: Semaphore::new(DECODERS),
            pending: Notify::new(),
        })))
    }

    /// A page of pictures. Reads a disk: off the async workers.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn page(&self, query: &Query) -> Result<Page, IndexError> {
        self.0.index.page(query)
    }

    /// All entries of the picture at an address, from the first 1,000 records of it. Reads a disk:
    /// off the async workers.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn of_address(&self, address: &Address) -> Result<Vec<Entry>, IndexError> {
        self.0.index.of_address(address)
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.counters.counts()
    }

    /// The thumbnail of the picture at an address, a JPEG. One that is not there is made, if the
    /// picture is.
    ///
    /// # Errors
    /// If there is no such picture, it cannot be shown, or the store fails.
    pub async fn thumbnail(&self, address: &Address) -> Result<Bytes, ThumbnailError> {
        match self.0.store.thumbnail(address).await {
            Err(ReadError::Unknown(_)) => {}
            found => return Ok(found?),
        }
        let of = address.clone();
        // An index that fails only makes us look again.
        let known = self
            .off_workers(move |inner| inner.index.of_address(&of))
            .await;
        let known = known.map_or_else(|_| Vec::new(), Result::unwrap_or_default);
        let why = known.iter().find_map(|entry| match &entry.thumbnail {
            Thumbnail::Unreadable(why) => Some(why.clone()),
            _ => None,
        });
        if let Some(why) = why {
            return Err(ThumbnailError::Unreadable(why));
        }
        let looked = self.look_at(address).await?;
        self.learn(known, &looked).await;
        looked
            .thumbnail
            .map_err(|why| ThumbnailError::Unreadable(why.to_string()))
    }

    /// Looks at the pictures that came, one after the other, and makes their thumbnails, for as long
    /// as it is polled. A task of the node's, which may end it at any place: what was not looked at
    /// still waits. While the store fails it tries again, with growing pauses of at most a minute.
    pub async fn develop(&self) {
        let mut pause = PAUSE;
        loop {
            // Before the round: what comes during it is looked at in the next one.
            let told = self.0.pending.notified();
            match self.develop_all().await {
                Ok(0) => {
                    pause = PAUSE;
                    told.await;
                    continue;
                }
                Ok(pictures) => tracing::warn!(pictures, "wait for the store, to be looked at"),
                Err(error) => tracing::warn!(%error, "pictures wait to be looked at"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn pending_after(&self, after: Option<Place>) -> Result<Vec<Entry>, ThumbnailError> {
        let pending = self
            .off_workers(move |inner| inner.index.pending(after, CHUNK))
            .await?;
        pending.map_err(|error| ThumbnailError::Lost(error.to_string()))
    }

    /// Looks at each picture that waits, once; how many are to be tried again.
    async fn develop_all(&self) -> Result<usize, ThumbnailError> {
        let (mut failed, mut after) = (0, None);
        loop {
            let chunk = self.pending_after(after).await?;
            let Some(last) = chunk.last() else {
                return Ok(failed);
            };
            after = Some(last.place);
            for entry in chunk {
                failed += usize::from(!self.develop_one(entry).await);
            }
        }
    }

    /// Whether it was looked at.
    async fn develop_one(&self, entry: Entry) -> bool {
        match self.look_at(&entry.address).await {
            Ok(looked) => {
                self.learn(vec![entry], &looked).await;
                true
            }
            Err(ThumbnailError::Unknown(_)) => {
                self.0.counters.missing.add(1);
                let thumbnail = Thumbnail::Missing;
                self.write(vec![Entry { thumbnail, ..entry }]).await;
                true
            }
            Err(error) => {
                tracing::debug!(address = %entry.address, %error, "a picture waits to be looked at");
                false
            }
        }
    }

    /// Reads and decodes a picture, and stores its thumbnail.
    async fn look_at(&self, address: &Address) -> Result<Looked, ThumbnailError> {
        // Whole pictures are in memory only here: few at a time. The semaphore is never closed.
        let permit = self.0.decoders.acquire().await;
        let picture = self.0.store.read(address).await?;
        let format = Format::sniff(&picture);
        let made = self
            .off_workers(move |inner| thumbnail::make(&picture, inner.bounds))
            .await?;
        drop(permit);
        let Made {
            thumbnail,
            width,
            height,
        } = match made {
            Ok(made) => made,
            Err(why) => {
                self.0.counters.unreadable.add(1);
                return Ok(Looked::unreadable(format, why));
            }
        };
        self.0
            .store
            .put_thumbnail(address, thumbnail.clone())
            .await?;
        self.0.counters.thumbnails.add(1);
        Ok(Looked {
            format,
            pixels: Some((width, height)),
            thumbnail: Ok(thumbnail),
        })
    }

    /// Writes what was learned of a picture to its entries.
    async fn learn(&self, entries: Vec<Entry>, looked: &Looked) {
        let learned = |entry: Entry| Entry {
            format: looked.format,
            thumbnail: looked.as_entry(),
            ..entry
        };
        self.write(entries.into_iter().map(learned).collect()).await;
    }

    async fn write(&self, entries: Vec<Entry>) {
        let written = self
            .off_workers(move |inner| inner.index.update(&entries))
            .await;
        let failed = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        // The entries still say that nobody has looked: somebody will, again.
        tracing::warn!(error = failed, "what was learned of pictures is not kept");
    }

    /// Runs work that waits for a disk or takes long on the pool for such work.
    #[expect(
        clippy::disallowed_methods,
        reason = "as many at a time as there are decoders and requests, and no commit waits for it"
    )]
    async fn off_workers<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, ThumbnailError> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.map_err(|error| ThumbnailError::Lost(error.to_string()))
    }

    /// The entry of a record: none if it is not one of a picture, an error that says why if it
    /// should be.
    pub(crate) fn entry_of(&self, record: &Record) -> Result<Option<Entry>, String> {
        let Some(serial) = self.serial_of(&record.topic) else {
            return Ok(None);
        };
        let record = record.fact();
        if record.op != Op::Put {
            return Ok(None);
        }
        let json: PictureJson = serde_json::from_slice(&record.payload)
            .map_err(|error| format!("the payload is not one of a picture: {error}"))?;
        let address = json.address.parse().map_err(|error| format!("{error}"))?;
        Ok(Some(Entry {
            place: Place {
                serial,
                received: record.received,
                epoch: record.position.epoch,
                seq: record.position.seq,
            },
            source_time: record.source_time,
            picture: json.picture,
            size: json.size,
            address,
            format: None,
            thumbnail: Thumbnail::Pending,
        }))
    }

    /// The device of a topic for pictures of this node.
    fn serial_of(&self, topic: &Topic) -> Option<Serial> {
        let below = topic.below(self.0.node.as_str())?;
        let of_device = below.strip_prefix(DEVICES)?.strip_prefix('/')?;
        let serial = of_device.strip_suffix("/pictures")?;
        Serial::new(serial).ok()
    }

    /// Says that pictures wait to be looked at.
    pub(crate) fn wake(&self) {
        self.0.pending.notify_one();
    }
}

/// What was learned of a picture.
struct Looked {
    format: Option<Format>,
    pixels: Option<(u32, u32)>,
    thumbnail: Result<Bytes, Unreadable>,
}

impl Looked {
    const fn unreadable(format: Option<Format>, why: Unreadable) -> Self {
        Self {
            format,
            pixels: None,
            thumbnail: Err(why),
        }
    }

    fn as_entry(&self) -> Thumbnail {
        match (&self.thumbnail, self.pixels) {
            (Ok(_), Some((width, height))) => Thumbnail::Made { width, height },
            (Err(why), _) => Thumbnail::Unreadable(why.to_string()),
            (Ok(_), None) => Thumbnail::Pending,
        }
    }
}
