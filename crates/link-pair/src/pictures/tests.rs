//! Giving and keeping, with the test as the other end of the link.

use bytes::Bytes;
use spica_objects::{Address, Limits, PictureStore};
use spica_pair_proto::{Control, Frame, FrameReader};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::metrics::Metrics;

/// A store with this picture in it, and its address.
async fn store_with(dir: &TempDir, content: &Bytes) -> (PictureStore, Address) {
    let store = empty(dir);
    let header = spica_objects::Header {
        picture: 1,
        size: u32::try_from(content.len()).unwrap(),
        block_bytes: u16::MAX,
        crc32: crc32fast::hash(content),
    };
    let mut upload = store.resume("7", header).await.unwrap();
    while let Some(block) = upload.next_block() {
        let from = usize::from(block) * usize::from(u16::MAX);
        let to = content.len().min(from + usize::from(u16::MAX));
        upload
            .put_block(block, content.slice(from..to))
            .await
            .unwrap();
    }
    let address = upload.finish().await.unwrap().address;
    (store, address)
}

fn empty(dir: &TempDir) -> PictureStore {
    let location = dir.path().to_str().unwrap();
    PictureStore::open(location, &dir.path().join("incoming"), Limits::default()).unwrap()
}

fn picture(bytes: usize) -> Bytes {
    (0..bytes).map(|n| (n % 251) as u8).collect()
}

fn part_of(frame: &Bytes) -> Bytes {
    let mut reader = FrameReader::default();
    reader.buffer().extend_from_slice(frame);
    match reader.cut().unwrap() {
        Some(Frame::Part(part)) => part,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_more_parts_are_on_the_way_than_the_window_has() {
    let dir = TempDir::new().unwrap();
    let content = picture((WINDOW + 2) * PART_BYTES);
    let (store, address) = store_with(&dir, &content).await;
    let (gifts, given) = mpsc::channel(1);
    let (_asking, asked) = mpsc::channel(1);
    let (answer, answers) = mpsc::channel(PIECES);
    let (says, mut said) = mpsc::channel(8);
    // Room for more than the window, so that only the window holds them back.
    let (frames, mut sent) = mpsc::channel(2 * WINDOW);
    tokio::spawn(give(GiverDesk {
        store,
        gifts: given,
        asked,
        answers,
        says: says.downgrade(),
        frames,
    }));
    let (done, mut has) = oneshot::channel();
    let gift = Gift {
        address: address.clone(),
        done,
    };
    gifts.send(gift).await.unwrap();
    let name = address.to_string();
    let offer = Control::Object {
        address: name.clone(),
        bytes: content.len() as u64,
    };
    assert_eq!(said.recv().await, Some(offer));
    let taken = |bytes: usize| Control::ObjectTaken {
        address: name.clone(),
        bytes: bytes as u64,
    };
    answer.send(taken(0)).await.unwrap();
    let mut came = Vec::new();
    for _ in 0..WINDOW {
        came.extend_from_slice(&part_of(&sent.recv().await.unwrap()));
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!(sent.try_recv().is_err(), "beyond the window");
    }
    answer.send(taken(2 * PART_BYTES)).await.unwrap();
    for _ in 0..2 {
        came.extend_from_slice(&part_of(&sent.recv().await.unwrap()));
    }
    assert_eq!(came, content);
    assert!(has.try_recv().is_err(), "before the partner has said so");
    let kept = Control::ObjectKept { address: name };
    answer.send(kept).await.unwrap();
    has.await.unwrap();
}

#[tokio::test]
async fn what_is_there_is_not_taken_and_what_is_wrong_is_refused() {
    let [here, there] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let content = picture(3 * PART_BYTES / 2);
    let (_, address) = store_with(&here, &content).await;
    let store = empty(&there);
    let (pieces, coming) = mpsc::channel(PIECES);
    let (says, mut said) = mpsc::channel(8);
    let metrics = Metrics::default();
    tokio::spawn(keep(store.clone(), metrics, coming, says.downgrade()));
    let offer = || Keep::Offer {
        address: address.clone(),
        bytes: content.len() as u64,
    };
    let name = address.to_string();
    let taken = |bytes: usize| Control::ObjectTaken {
        address: name.clone(),
        bytes: bytes as u64,
    };

    // Another content than its address says.
    pieces.send(offer()).await.unwrap();
    assert_eq!(said.recv().await, Some(taken(0)));
    let wrong = Bytes::from(vec![0; content.len()]);
    pieces.send(Keep::Part(wrong)).await.unwrap();
    let answer = said.recv().await.unwrap();
    assert!(
        matches!(answer, Control::ObjectRefused { .. }),
        "{answer:?}"
    );
    // Larger than a picture may be.
    let bytes = u64::from(Limits::default().picture_bytes) + 1;
    let address = address.clone();
    let large = Keep::Offer { address, bytes };
    pieces.send(large).await.unwrap();
    let answer = said.recv().await.unwrap();
    assert!(
        matches!(answer, Control::ObjectRefused { .. }),
        "{answer:?}"
    );
    assert!(store.list(1).await.unwrap().is_empty());

    // As it should be, and then once more.
    pieces.send(offer()).await.unwrap();
    assert_eq!(said.recv().await, Some(taken(0)));
    let first = content.slice(..PART_BYTES);
    pieces.send(Keep::Part(first)).await.unwrap();
    assert_eq!(said.recv().await, Some(taken(PART_BYTES)));
    let rest = content.slice(PART_BYTES..);
    pieces.send(Keep::Part(rest)).await.unwrap();
    let kept = Control::ObjectKept {
        address: name.clone(),
    };
    assert_eq!(said.recv().await, Some(kept.clone()));
    pieces.send(offer()).await.unwrap();
    assert_eq!(said.recv().await, Some(kept));
}
