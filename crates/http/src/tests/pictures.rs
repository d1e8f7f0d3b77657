//! Pictures: the list, the content, ranges.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde_json::json;
use spica_objects::{Header, Stored};

use crate::fixture::{Node, bytes};
use crate::token::Role;

const CONTENT: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 4, 5, 6];

async fn store(node: &Node, content: &'static [u8]) -> Stored {
    let header = Header {
        picture: 7,
        size: u32::try_from(content.len()).unwrap(),
        block_bytes: 1_000,
        crc32: crc32(content),
    };
    let mut upload = node.app.parts.pictures.resume("1", header).await.unwrap();
    upload
        .put_block(0, Bytes::from_static(content))
        .await
        .unwrap();
    upload.finish().await.unwrap()
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 {
            (crc >> 1) ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
    })
}

async fn get(node: &Node, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = node.request(Role::Reader, "GET", path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = node.send(request.body(Body::empty()).unwrap()).await;
    (
        response.status(),
        response.headers().clone(),
        bytes(response).await,
    )
}

#[tokio::test]
async fn a_picture_is_shown_whole_and_in_ranges() {
    let node = Node::new().await;
    let stored = store(&node, CONTENT).await;
    let path = format!("/v1/{}", stored.address);
    let (status, headers, content) = get(&node, &path, &[]).await;
    assert_eq!((status, &content[..]), (StatusCode::OK, CONTENT));
    assert_eq!(headers[header::CONTENT_TYPE], "image/jpeg");
    let etag = format!("\"{}\"", stored.address.sha256());
    assert_eq!(headers[header::ETAG], etag.as_str());
    let (status, headers, content) = get(&node, &path, &[("range", "bytes=4-6")]).await;
    assert_eq!(
        (status, &content[..]),
        (StatusCode::PARTIAL_CONTENT, &CONTENT[4..7])
    );
    assert_eq!(headers[header::CONTENT_RANGE], "bytes 4-6/10");
    let (status, headers, _) = get(&node, &path, &[("range", "bytes=10-")]).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers[header::CONTENT_RANGE], "bytes */10");
    let (status, _, content) = get(&node, &path, &[("if-none-match", &etag)]).await;
    assert_eq!((status, content.len()), (StatusCode::NOT_MODIFIED, 0));
    let other = [("range", "bytes=4-6"), ("if-range", "\"other\"")];
    assert_eq!(get(&node, &path, &other).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_picture_is_not_shown() {
    let node = Node::new().await;
    let unknown = format!("/v1/pictures/ab/{}", "ab".repeat(32));
    assert_eq!(get(&node, &unknown, &[]).await.0, StatusCode::NOT_FOUND);
    for bad in ["/v1/pictures/x", "/v1/pictures/..%2f..%2fetc%2fpasswd"] {
        assert_eq!(
            get(&node, bad, &[]).await.0,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
    let tiny = store(&node, b"x").await;
    let (status, headers, _) = get(&node, &format!("/v1/{}", tiny.address), &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
}

#[tokio::test]
async fn a_device_s_pictures_are_listed_with_where_they_are() {
    let node = Node::new().await;
    let stored = store(&node, CONTENT).await;
    for (serial, picture) in [("1", 7), ("2", 8)] {
        let payload = json!({
            "picture": picture, "size": 10, "sha256": stored.address.sha256(),
            "address": stored.address.as_str(), "crc32": "00000000", "content_type": "image/jpeg",
        });
        node.submit(&format!("root/s1/devices/{serial}/pictures"), &payload)
            .await;
    }
    let (status, page) = node.get(Role::Reader, "/v1/devices/1/pictures").await;
    assert_eq!(status, StatusCode::OK);
    let pictures = page["pictures"].as_array().unwrap();
    assert_eq!(pictures.len(), 1);
    assert_eq!(pictures[0]["picture"]["picture"], 7);
    let address = pictures[0]["picture"]["address"].as_str().unwrap();
    assert_eq!(
        get(&node, &format!("/v1/{address}"), &[]).await.0,
        StatusCode::OK
    );
    let (status, _) = node
        .get(Role::Reader, "/v1/devices/1/pictures?limit=0")
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
