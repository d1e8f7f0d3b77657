//! Pictures in, over several connections and runs, and out again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use spica_clock::{Clock, SystemClock};
use spica_model::ContentType;
use spica_objects::{
    Address, BlockError, FinishError, Header, IncomingStatus, KeepError, Limits, OpenError,
    PictureStore, ReadError, ResumeError, Share, Stored, Upload,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;

const SERIAL: &str = "0012345";
const BLOCK_BYTES: u16 = 1_000;

fn open_with(directory: &Path, limits: Limits) -> PictureStore {
    let location = directory.to_str().unwrap();
    PictureStore::open(location, &directory.join("incoming"), limits).unwrap()
}

fn open(directory: &Path) -> PictureStore {
    open_with(directory, Limits::default())
}

/// A JPEG by its first bytes, and different by `seed`.
fn picture(seed: u8, bytes: usize) -> Bytes {
    let mut content = vec![0xff, 0xd8, 0xff];
    content.extend((3..bytes).map(|n| (n as u8).wrapping_mul(seed)));
    content.into()
}

fn header(picture: u32, content: &[u8]) -> Header {
    Header {
        picture,
        size: content.len() as u32,
        block_bytes: BLOCK_BYTES,
        crc32: crc32(content),
    }
}

/// CRC-32 (IEEE), bit by bit, so that the store is checked by another implementation than its own.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// Puts the blocks that are missing, at most `blocks` of them.
async fn put(upload: &mut Upload, content: &Bytes, blocks: usize) {
    for _ in 0..blocks {
        let Some(block) = upload.next_block() else {
            return;
        };
        let from = usize::from(block) * usize::from(BLOCK_BYTES);
        let to = (from + usize::from(BLOCK_BYTES)).min(content.len());
        upload
            .put_block(block, content.slice(from..to))
            .await
            .unwrap();
    }
}

async fn store(store: &PictureStore, picture: u32, content: &Bytes) -> Stored {
    let mut upload = store
        .resume(SERIAL, header(picture, content))
        .await
        .unwrap();
    put(&mut upload, content, usize::MAX).await;
    upload.finish().await.unwrap()
}

#[tokio::test]
async fn a_picture_goes_on_at_its_next_block_on_another_connection_and_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let content = picture(7, 2_500);
    let header = header(1, &content);

    let first = open(directory.path());
    let mut upload = first.resume(SERIAL, header).await.unwrap();
    put(&mut upload, &content, 1).await;
    drop(upload);
    let mut upload = first.resume(SERIAL, header).await.unwrap();
    assert_eq!(upload.next_block(), Some(1));
    put(&mut upload, &content, 1).await;
    drop((upload, first));

    let second = open(directory.path());
    let (pictures, bytes) = (1, 2_500);
    let unfinished = IncomingStatus { pictures, bytes };
    assert_eq!(second.incoming_status(), unfinished);
    let mut upload = second.resume(SERIAL, header).await.unwrap();
    assert_eq!(upload.next_block(), Some(2));
    put(&mut upload, &content, 1).await;
    assert_eq!((upload.next_block(), upload.blocks()), (None, 3));
    drop(upload);
    let whole = second.resume(SERIAL, header).await.unwrap();
    let stored = whole.finish().await.unwrap();
    assert_eq!(stored.size, 2_500);
    assert_eq!(stored.content_type, ContentType::Jpeg);
    assert_eq!(second.incoming_status(), IncomingStatus::default());
    assert_eq!(second.read(&stored.address).await.unwrap(), content);
}

#[tokio::test]
async fn a_block_cut_by_a_crash_comes_again() {
    let directory = TempDir::new().unwrap();
    let content = picture(7, 2_500);
    let header = header(1, &content);
    let store = open(directory.path());
    let mut upload = store.resume(SERIAL, header).await.unwrap();
    put(&mut upload, &content, 2).await;
    drop(upload);
    let incoming = directory.path().join("incoming");
    let part = std::fs::read_dir(incoming).unwrap().next().unwrap();
    let part = std::fs::OpenOptions::new()
        .write(true)
        .open(part.unwrap().path())
        .unwrap();
    part.set_len(1_999).unwrap();
    let mut upload = store.resume(SERIAL, header).await.unwrap();
    assert_eq!(upload.next_block(), Some(1));
    put(&mut upload, &content, usize::MAX).await;
    let stored = upload.finish().await.unwrap();
    assert_eq!(store.read(&stored.address).await.unwrap(), content);
}

#[tokio::test]
async fn a_wrong_crc_stores_nothing_and_starts_over() {
    let directory = TempDir::new().unwrap();
    let content = picture(7, 1_500);
    let wrong = Header {
        crc32: 1,
        ..header(1, &content)
    };
    let store = open(directory.path());
    let mut upload = store.resume(SERIAL, wrong).await.unwrap();
    put(&mut upload, &content, usize::MAX).await;
    let error = upload.finish().await.unwrap_err();
    assert!(matches!(error, FinishError::Crc { want: 1, .. }), "{error}");
    assert!(store.list(10).await.unwrap().is_empty());
    let again = store.resume(SERIAL, wrong).await.unwrap();
    assert_eq!(again.next_block(), Some(0));
}

#[tokio::test]
async fn the_same_picture_is_stored_once() {
    let directory = TempDir::new().unwrap();
    let content = picture(3, 10);
    let pictures = open(directory.path());
    let first = store(&pictures, 1, &content).await;
    let again = store(&pictures, 2, &content).await;
    assert_eq!(first, again);
    let listed = pictures.list(10).await.unwrap();
    assert_eq!(listed, [(first.address.clone(), 10)]);
    // What an earlier run left unflushed is not trusted but written again.
    std::fs::write(directory.path().join(first.address.as_str()), b"").unwrap();
    store(&pictures, 3, &content).await;
    assert_eq!(pictures.read(&first.address).await.unwrap(), content);
}

#[tokio::test]
async fn two_uploads_of_one_picture_do_no_harm() {
    let directory = TempDir::new().unwrap();
    let content = picture(9, 3_000);
    let pictures = open(directory.path());
    let header = header(1, &content);
    let mut first = pictures.resume(SERIAL, header).await.unwrap();
    let mut second = pictures.resume(SERIAL, header).await.unwrap();
    for _ in 0..3 {
        put(&mut first, &content, 1).await;
        put(&mut second, &content, 1).await;
    }
    let stored = first.finish().await.unwrap();
    assert_eq!(second.finish().await.unwrap(), stored);
    assert_eq!(pictures.incoming_status(), IncomingStatus::default());
}

#[tokio::test]
async fn only_the_next_block_in_its_length_is_taken() {
    let directory = TempDir::new().unwrap();
    let content = picture(9, 1_001);
    let pictures = open(directory.path());
    let mut upload = pictures.resume(SERIAL, header(1, &content)).await.unwrap();
    let early = upload.put_block(1, content.slice(1_000..)).await;
    assert!(matches!(early, Err(BlockError::Order { got: 1, want: 0 })));
    let short = upload.put_block(0, content.slice(..999)).await;
    assert!(matches!(
        short,
        Err(BlockError::Length {
            got: 999,
            want: 1_000
        })
    ));
    put(&mut upload, &content, 1).await;
    let long = upload.put_block(1, content.slice(..2)).await;
    assert!(matches!(long, Err(BlockError::Length { got: 2, want: 1 })));
    let error = upload.finish().await.unwrap_err();
    assert!(matches!(error, FinishError::Incomplete(1)), "{error}");
    let mut upload = pictures.resume(SERIAL, header(1, &content)).await.unwrap();
    put(&mut upload, &content, 1).await;
    let past = upload.put_block(2, Bytes::new()).await;
    assert!(matches!(past, Err(BlockError::Order { got: 2, want: 2 })));
}

#[tokio::test]
async fn limits_refuse_what_is_new_and_leave_what_is_begun() {
    let directory = TempDir::new().unwrap();
    let limits = Limits {
        picture_bytes: 2_000,
        incoming_bytes: 3_500,
        incoming_pictures: 2,
        ..Limits::default()
    };
    let pictures = open_with(directory.path(), limits);
    let begin = async |number, bytes| {
        let content = picture(1, bytes);
        let mut upload = pictures.resume(SERIAL, header(number, &content)).await?;
        put(&mut upload, &content, 1).await;
        Ok(())
    };
    assert!(matches!(
        begin(1, 2_001).await,
        Err(ResumeError::TooLarge { limit: 2_000, .. })
    ));
    begin(1, 2_000).await.unwrap();
    let (full, bytes) = (begin(2, 1_501).await, 2_000);
    assert!(matches!(full, Err(ResumeError::Full { pictures: 1, bytes: b }) if b == bytes));
    begin(2, 100).await.unwrap();
    let third = begin(3, 100).await;
    assert!(matches!(third, Err(ResumeError::Full { pictures: 2, .. })));
    begin(1, 2_000).await.unwrap();
}

#[tokio::test]
async fn a_header_without_a_block_takes_no_room() {
    let directory = TempDir::new().unwrap();
    let pictures = open(directory.path());
    let content = picture(1, 2_000);
    let header = header(1, &content);
    let mut first = pictures.resume(SERIAL, header).await.unwrap();
    let second = pictures.resume(SERIAL, header).await.unwrap();
    assert_eq!(pictures.incoming_status().bytes, 2_000);
    put(&mut first, &content, 1).await;
    drop(second);
    assert_eq!(pictures.incoming_status().bytes, 2_000, "the first goes on");
    drop(first);
    drop(pictures.resume(SERIAL, header).await.unwrap());
    assert_eq!(pictures.incoming_status().bytes, 2_000, "it has a block");
    drop(pictures.resume("other", header).await.unwrap());
    assert_eq!(pictures.incoming_status().bytes, 2_000);
    assert_eq!(open(directory.path()).incoming_status().pictures, 1);
}

#[tokio::test]
async fn headers_and_serials_of_no_picture_are_refused() {
    let directory = TempDir::new().unwrap();
    let pictures = open(directory.path());
    let sound = header(1, &picture(1, 100));
    let no_bytes = Header { size: 0, ..sound };
    let no_blocks = Header {
        block_bytes: 0,
        ..sound
    };
    let too_many_blocks = Header {
        size: 65_537,
        block_bytes: 1,
        ..sound
    };
    for header in [no_bytes, no_blocks, too_many_blocks] {
        let refused = pictures.resume(SERIAL, header).await;
        assert!(matches!(refused, Err(ResumeError::Header { .. })));
    }
    for serial in ["", "../x", "a b", &"x".repeat(33)] {
        let refused = pictures.resume(serial, sound).await;
        assert!(matches!(refused, Err(ResumeError::Serial(_))), "{serial:?}");
    }
}

#[tokio::test]
async fn abandoned_parts_are_removed_and_make_room() {
    let directory = TempDir::new().unwrap();
    let pictures = open(directory.path());
    let content = picture(5, 2_000);
    let mut upload = pictures.resume(SERIAL, header(1, &content)).await.unwrap();
    put(&mut upload, &content, 1).await;
    let now = SystemClock.wall();
    assert_eq!(pictures.sweep(now).await.unwrap(), 0);
    let in_a_week = now.saturating_add(Limits::default().abandoned_after + Duration::from_secs(5));
    let mut other = pictures.resume(SERIAL, header(2, &content)).await.unwrap();
    put(&mut other, &content, 1).await;
    other.abandon().await.unwrap();
    assert_eq!(pictures.sweep(in_a_week).await.unwrap(), 1);
    assert_eq!(pictures.incoming_status(), IncomingStatus::default());
    // A device that comes back just then loses nothing.
    put(&mut upload, &content, 1).await;
    let stored = upload.finish().await.unwrap();
    assert_eq!(pictures.read(&stored.address).await.unwrap(), content);
}

#[tokio::test]
async fn ranges_are_read_and_removed_pictures_are_gone() {
    let directory = TempDir::new().unwrap();
    let pictures = open(directory.path());
    let content = picture(5, 2_000);
    let address = store(&pictures, 1, &content).await.address;
    assert_eq!(pictures.size(&address).await.unwrap(), 2_000);
    let middle = pictures.read_range(&address, 10..20).await.unwrap();
    assert_eq!(middle, content[10..20]);
    for range in [0..2_001, 5..5] {
        let outside = pictures.read_range(&address, range).await;
        assert!(matches!(outside, Err(ReadError::Range { size: 2_000, .. })));
    }
    assert!(matches!(
        pictures.thumbnail(&address).await,
        Err(ReadError::Unknown(_))
    ));
    let thumbnail = Bytes::from_static(b"small");
    for content in [Bytes::from_static(b"first"), thumbnail.clone()] {
        pictures.put_thumbnail(&address, content).await.unwrap();
    }
    assert_eq!(pictures.thumbnail(&address).await.unwrap(), thumbnail);
    // It is no picture of its own, and goes with its picture.
    assert_eq!(pictures.list(10).await.unwrap().len(), 1);
    pictures.remove(&address).await.unwrap();
    assert!(pictures.thumbnail(&address).await.is_err());
    let gone: Result<_, ReadError> = pictures.read(&address).await;
    assert!(matches!(gone, Err(ReadError::Unknown(at)) if at == address));
}

#[test]
fn locations_are_directories_urls_or_buckets() {
    let directory = TempDir::new().unwrap();
    let incoming = directory.path().join("incoming");
    let url = format!("file://{}", directory.path().display());
    assert!(PictureStore::open(&url, &incoming, Limits::default()).is_ok());
    for bad in ["", "s3://x", "file://relative"] {
        let refused = PictureStore::open(bad, &incoming, Limits::default());
        assert!(matches!(refused, Err(OpenError::Location { .. })), "{bad}");
    }
    let file = directory.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let refused = PictureStore::open(file.to_str().unwrap(), &incoming, Limits::default());
    let error = refused.unwrap_err().to_string();
    assert!(error.starts_with("the directory /"), "{error}");
    assert!("pictures/ab/x".parse::<Address>().is_err());
}

/// Whoever must have a picture has it when a place is free.
struct Slow(Arc<Semaphore>);

impl Share for Slow {
    fn shared(&self, _: &Address) -> BoxFuture<'static, ()> {
        let places = Arc::clone(&self.0);
        async move { places.acquire().await.unwrap().forget() }.boxed()
    }
}

#[tokio::test]
async fn a_picture_is_finished_when_the_others_have_it_and_its_part_stays_until_then() {
    let directory = TempDir::new().unwrap();
    let content = picture(7, 1_500);
    let store = open(directory.path());
    let places = Arc::new(Semaphore::new(0));
    store.share_with(Arc::new(Slow(Arc::clone(&places))));
    let mut upload = store.resume(SERIAL, header(1, &content)).await.unwrap();
    put(&mut upload, &content, usize::MAX).await;

    // It is in the store, but not finished; then the connection is gone.
    let finishing = tokio::spawn(upload.finish());
    while store.list(1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!finishing.is_finished());
    finishing.abort();
    assert!(finishing.await.unwrap_err().is_cancelled());

    // Not a block is sent again.
    let whole = store.resume(SERIAL, header(1, &content)).await.unwrap();
    assert_eq!(whole.next_block(), None);
    places.add_permits(1);
    whole.finish().await.unwrap();
    assert_eq!(store.incoming_status(), IncomingStatus::default());
}

#[tokio::test]
async fn a_picture_of_another_node_is_kept_if_it_is_what_its_address_says() {
    let [directory, other] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let content = picture(7, 1_500);
    let address = store(&open(directory.path()), 1, &content).await.address;
    let limits = Limits {
        picture_bytes: 2_000,
        ..Limits::default()
    };
    let there = open_with(other.path(), limits);
    let wrong = there.keep(&address, picture(8, 1_500)).await.unwrap_err();
    assert!(matches!(wrong, KeepError::Content(_)), "{wrong}");
    let large = there.keep(&address, picture(8, 2_001)).await.unwrap_err();
    assert!(matches!(large, KeepError::TooLarge { .. }), "{large}");
    assert!(there.list(1).await.unwrap().is_empty());
    there.keep(&address, content.clone()).await.unwrap();
    assert_eq!(there.read(&address).await.unwrap(), content);
}
