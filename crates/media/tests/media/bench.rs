//! A store, an index and records of pictures.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use spica_devices::Serial;
use spica_handler::{Factory as _, Handler};
use spica_media::{Entry, Media, Query, RetentionRule, Settings, Thumbnail, ThumbnailError};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};
use spica_objects::{Address, Header, Limits, PictureStore};
use spica_settings::Span;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct Bench {
    pub(crate) directory: TempDir,
    pub(crate) runtime: Runtime,
    pub(crate) store: PictureStore,
    pub(crate) media: Media,
}

pub(crate) fn keep_days(topic: &str, days: u64) -> Settings {
    Settings {
        retention: vec![RetentionRule {
            topic: topic.to_owned(),
            keep: Some(Span::from_days(days)),
        }],
        ..Settings::default()
    }
}

pub(crate) fn open(directory: &Path, store: &PictureStore, settings: &Settings) -> Media {
    let node = Topic::new("root/north").unwrap();
    Media::open(&directory.join("media.redb"), store.clone(), node, settings).unwrap()
}

impl Bench {
    pub(crate) fn new(settings: &Settings) -> Self {
        let directory = TempDir::new().unwrap();
        let location = directory.path().to_str().unwrap();
        let incoming = directory.path().join("incoming");
        let store = PictureStore::open(location, &incoming, Limits::default()).unwrap();
        let media = open(directory.path(), &store, settings);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            directory,
            runtime,
            store,
            media,
        }
    }

    pub(crate) fn handler(&self) -> Box<dyn Handler> {
        let mut handler = self.media.make(Lane::Normal).unwrap();
        handler.resume(Seq::ZERO).unwrap();
        handler
    }

    pub(crate) fn put(&self, content: &[u8]) -> Address {
        let header = Header {
            picture: 1,
            size: content.len() as u32,
            block_bytes: u16::MAX,
            crc32: crc32(content),
        };
        let content = Bytes::copy_from_slice(content);
        self.runtime.block_on(async {
            let mut upload = self.store.resume("T", header).await.unwrap();
            while let Some(block) = upload.next_block() {
                let from = usize::from(block) * usize::from(u16::MAX);
                let to = content.len().min(from + usize::from(u16::MAX));
                upload
                    .put_block(block, content.slice(from..to))
                    .await
                    .unwrap();
            }
            upload.finish().await.unwrap().address
        })
    }

    /// Lets pictures be looked at until none waits.
    pub(crate) fn develop(&self) {
        let waits = |entry: &Entry| entry.thumbnail == Thumbnail::Pending;
        self.runtime.block_on(async {
            let done = async {
                while self.all().iter().any(waits) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                () = self.media.develop() => {}
                () = done => {}
            }
        });
    }

    pub(crate) fn all(&self) -> Vec<Entry> {
        let query = Query {
            newest_first: false,
            limit: 1_000,
            ..Query::default()
        };
        self.media.page(&query).unwrap().entries
    }

    pub(crate) fn exists(&self, address: &Address) -> bool {
        self.runtime.block_on(self.store.size(address)).is_ok()
    }

    pub(crate) fn thumbnail(&self, address: &Address) -> Result<Bytes, ThumbnailError> {
        self.runtime.block_on(self.media.thumbnail(address))
    }

    /// Sweeps so long after now that no picture is fresh.
    pub(crate) fn sweep(
        &self,
        now: Timestamp,
        held: &dyn Fn(Serial) -> bool,
    ) -> spica_media::Swept {
        self.media
            .sweep(now, 1_000, self.runtime.handle(), held)
            .unwrap()
    }
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

pub(crate) fn picture(seed: u8) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(400, 300, image::Rgb([seed, 0, 255 - seed]));
    let mut out = std::io::Cursor::new(Vec::new());
    image.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// Far ahead of the machine's clock, which says when objects are stored.
pub(crate) fn at(secs: u64) -> Timestamp {
    "2100-01-01T00:00:00Z"
        .parse::<Timestamp>()
        .unwrap()
        .saturating_add(Duration::from_secs(secs))
}

pub(crate) fn record(serial: &str, seq: u64, received: Timestamp, payload: String) -> Record {
    Record {
        position: Position {
            epoch: Epoch(1),
            lane: Lane::Normal,
            seq: Seq(seq),
        },
        topic: Topic::new(format!("root/north/devices/{serial}/pictures")).unwrap(),
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received,
        source_time: Some(Timestamp::from_secs(5)),
        content_type: ContentType::Json,
        payload: payload.into(),
        key: None,
        cause: None,
        properties: None,
    }
}

pub(crate) fn of(serial: &str, seq: u64, received: Timestamp, address: &Address) -> Record {
    let hash = address.sha256();
    let payload = format!(
        r#"{{"picture":{seq},"size":1234,"sha256":"{hash}","address":"{address}","crc32":"0","content_type":"image/jpeg"}}"#
    );
    record(serial, seq, received, payload)
}
