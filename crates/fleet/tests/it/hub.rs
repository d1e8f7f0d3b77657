//! The HTTP side against a few canned answers.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use spica_fleet::books::compare;
use spica_fleet::{Holes, Hub, HubError, Shown, serials};
use spica_model::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::books::{honest, outcome};

/// Answers every request with what `answer` makes of its head; says what it was asked.
async fn web(
    answer: impl Fn(&str) -> (u16, String) + Send + 'static,
) -> (Hub, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !complete(&request) && stream.read_buf(&mut request).await.unwrap() > 0 {}
            let request = String::from_utf8(request).unwrap();
            let (status, body) = answer(request.lines().next().unwrap());
            log.lock().push(request);
            let len = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (Hub::new(&base, Some("secret"), "root").unwrap(), asked)
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

#[tokio::test]
async fn history_is_read_page_by_page() {
    let record = |n: u32| json!({"topic": format!("root/t{n}"), "class": "normal", "received": "x", "position": "1/normal/4", "value": n});
    let (hub, asked) = web(move |head| {
        let page = match head {
            head if head.contains("after=c2") => {
                json!({"records": [record(3)], "next": null, "damaged": []})
            }
            head if head.contains("after=c1") => {
                json!({"records": [], "next": "c2", "damaged": [{}], "gaps": [{}, {}]})
            }
            _ => json!({"records": [record(1), record(2)], "next": "c1", "damaged": []}),
        };
        (200, page.to_string())
    })
    .await;
    let mut topics = Vec::new();
    let from = Timestamp::from_secs(1_795_323_683);
    let holes = hub
        .history("devices/+/events/#", from, |shown| topics.push(shown.topic))
        .await;
    assert_eq!(
        holes.unwrap(),
        Holes {
            damaged: 1,
            gaps: 2
        }
    );
    assert_eq!(topics, ["root/t1", "root/t2", "root/t3"]);
    let first = asked.lock()[0].to_lowercase();
    assert!(first.contains("authorization: bearer secret"), "{first}");
    assert!(
        first.contains("topic=root%2fdevices%2f%2b%2fevents%2f%23"),
        "{first}"
    );
    assert!(
        first.contains("from=2026-11-22t05%3a01%3a23.000000z"),
        "{first}"
    );
}

#[tokio::test]
async fn devices_are_registered_in_portions() {
    let (hub, asked) = web(|_| (200, "{}".to_owned())).await;
    assert_eq!(hub.register(serials(1, 2_001)).await.unwrap(), 2_001);
    let asked = asked.lock();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].starts_with("POST /v1/devices/import ") && asked[0].contains("text/csv"));
    let head = "serial,name,check_in_minutes,grace_minutes,customer,note,enabled";
    assert!(asked[1].ends_with(&format!("{head}\n0002001,Simulated 0002001,30,5,,,true\n")));
}

#[tokio::test]
async fn refusals_and_nonsense_are_told_apart() {
    let (hub, _) = web(|_| (403, "{\"detail\":\"the role reader may not\"}".to_owned())).await;
    let error = hub
        .command("0000001", &json!({"name": "take-picture"}))
        .await
        .unwrap_err();
    assert!(matches!(error, HubError::Status { status: 403, .. }));
    assert!(error.to_string().contains("may not"), "{error}");
    let (hub, _) = web(|_| (200, "{\"records\": 4}".to_owned())).await;
    let error = hub
        .history("#", Timestamp::EPOCH, |_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, HubError::Shape { .. }), "{error}");
    assert!(matches!(
        Hub::new("nowhere", None, "root"),
        Err(HubError::Servers(_))
    ));
}

/// A page of history as the hub writes it.
fn page(records: &[Shown]) -> String {
    let record = |shown: &Shown| {
        json!({
            "topic": shown.topic, "class": shown.class, "received": shown.received,
            "source_time": shown.source_time, "value": shown.value, "position": "1/normal/1",
        })
    };
    let records: Vec<_> = records.iter().map(record).collect();
    json!({"records": records, "next": null, "damaged": [], "gaps": []}).to_string()
}

#[tokio::test]
async fn books_are_compared_over_http_with_the_pictures_themselves() {
    let outcome = outcome();
    let [events, pictures, commands] = honest(&outcome).map(|records| page(&records));
    let (hub, asked) = web(move |head| match head {
        head if head.contains("events") => (200, events.clone()),
        head if head.contains("devices%2F%2B%2Fpictures") => (200, pictures.clone()),
        head if head.contains("commands") => (200, commands.clone()),
        head if head.contains("/v1/pictures/a/1") => (200, "no JPEG".to_owned()),
        _ => (404, String::new()),
    })
    .await;
    let report = compare(&outcome, &hub).await.unwrap();
    assert_eq!(
        (
            report.events.shown,
            report.pictures.shown,
            report.commands.shown
        ),
        (3, 2, 2)
    );
    assert_eq!(
        (report.altered, report.lost, report.duplicated),
        (1, 1, 0),
        "{report}"
    );
    assert_eq!((report.pictures_downloaded, report.passed), (2, false));
    let from = (outcome
        .started
        .saturating_sub(std::time::Duration::from_secs(600)))
    .to_string();
    let from = from.replace(':', "%3A");
    assert!(
        asked.lock()[0].contains(&format!("from={from}")),
        "{}",
        asked.lock()[0]
    );
}
