//! History: order, filters, paging, bounds, holes, formats.

use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use spica_model::{Lane, Seq};

use crate::config::Settings;
use crate::fixture::{Node, bytes};
use crate::tables::COLUMNS;
use crate::token::Role;

/// Publishes `n` values a second apart, every third one critical.
async fn fill(node: &Node, n: u32) {
    for i in 0..n {
        node.clock.advance(Duration::from_secs(1));
        let class = if i % 3 == 0 { "critical" } else { "normal" };
        node.publish(
            &format!("h/{}?class={class}&kind=event", i % 5),
            &i.to_string(),
        )
        .await;
    }
}

fn values(page: &Value) -> Vec<u64> {
    let records = page["records"].as_array().unwrap();
    records
        .iter()
        .map(|record| record["value"].as_u64().unwrap())
        .collect()
}

/// All pages of a query: their values, and how many pages there were.
async fn all(node: &Node, query: &str) -> (Vec<u64>, usize) {
    let (mut found, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let (status, page) = node
            .get(Role::Reader, &format!("/v1/history?{query}{after}"))
            .await;
        assert_eq!(status, StatusCode::OK, "{page}");
        found.extend(values(&page));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return (found, pages),
        }
    }
}

#[tokio::test]
async fn both_lanes_come_in_the_order_in_which_they_were_received() {
    let node = Node::new().await;
    fill(&node, 30).await;
    let (found, pages) = all(&node, "topic=root/s1/h/%23&limit=7").await;
    assert_eq!(found, (0..30).collect::<Vec<_>>());
    assert_eq!(pages, 5);
    let (found, _) = all(&node, "topic=root/s1/h/%23&class=critical").await;
    assert_eq!(found, (0..30).step_by(3).collect::<Vec<_>>());
    let (found, _) = all(&node, "topic=root/s1/h/2").await;
    assert_eq!(found, (2..30).step_by(5).collect::<Vec<_>>());
    let (found, _) = all(
        &node,
        "topic=root/s1/h/%2B&from=2027-01-15T08:00:11Z&to=2027-01-15T08:00:14Z",
    )
    .await;
    assert_eq!(found, [10, 11, 12], "from is within, to is not");
}

#[tokio::test]
async fn windows_of_time_share_out_records_that_came_out_of_order() {
    use spica_journal::Journal;
    let node = Node::new().await;
    let topic = "root/s1/disorder".parse().unwrap();
    let record = crate::fixture::record("root/s1/disorder", 1, "1");
    // Two writers at once: one took the time first and got its place second.
    for micros in [5, 3, 1, 9, 7, 4, 8, 2, 6] {
        let received = crate::fixture::BEGIN.saturating_add(Duration::from_micros(micros));
        let payload = micros.to_string();
        let new = spica_model::NewRecord {
            topic: &topic,
            received,
            payload: payload.as_bytes(),
            ..record.as_new()
        };
        node.journal.submit(Lane::Normal, &[new]).unwrap();
    }
    let split = "2027-01-15T08:00:00.000005Z";
    let (mut before, _) = all(&node, &format!("topic={topic}&to={split}")).await;
    let (mut after, _) = all(&node, &format!("topic={topic}&from={split}")).await;
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(before, [1, 2, 3, 4]);
    assert_eq!(after, [5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn work_per_request_is_bounded_and_the_rest_has_a_next() {
    let node = Node::with(Settings {
        scan_limit: 10,
        ..Settings::default()
    })
    .await;
    fill(&node, 30).await;
    let (found, pages) = all(&node, "topic=root/s1/h/4").await;
    assert_eq!(found, [4, 9, 14, 19, 24, 29]);
    assert!(pages >= 3, "{pages} pages of at most ten records read");
}

#[tokio::test]
async fn a_page_that_ends_with_the_journal_is_the_last() {
    let node = Node::new().await;
    fill(&node, 6).await;
    let (_, page) = node
        .get(Role::Reader, "/v1/history?topic=root/s1/h/%23&limit=6")
        .await;
    assert_eq!(values(&page).len(), 6);
    assert_eq!(page["next"], Value::Null);
}

#[tokio::test]
async fn the_records_of_a_device_are_found_by_its_serial() {
    let node = Node::new().await;
    for serial in ["1", "12"] {
        node.call(
            Role::Operator,
            "PUT",
            &format!("/v1/devices/{serial}"),
            json!({}),
        )
        .await;
    }
    let (status, page) = node.get(Role::Reader, "/v1/history?device=1").await;
    assert_eq!(status, StatusCode::OK);
    let topics: Vec<_> = page["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["topic"])
        .collect();
    assert_eq!(topics, [&json!("root/s1/devices/1/registration")]);
}

#[tokio::test]
async fn damage_and_gaps_are_said_where_they_are() {
    let node = Node::new().await;
    fill(&node, 9).await;
    let last = node.journal.status(Lane::Critical).last;
    node.journal.damage(Lane::Critical, Seq(2), Seq(2));
    let (_, page) = node
        .get(Role::Reader, "/v1/history?topic=root/s1/h/%23")
        .await;
    assert_eq!(values(&page), [0, 1, 2, 4, 5, 6, 7, 8]);
    let damaged = &page["damaged"][0];
    assert_eq!(
        (&damaged["class"], &damaged["from"], &damaged["to"]),
        (&json!("critical"), &json!(2), &json!(2))
    );
    let query = "/v1/history?topic=root/s1/h/%23&class=critical";
    let (_, first) = node.get(Role::Reader, &format!("{query}&limit=1")).await;
    let next = first["next"].as_str().unwrap();
    let cursor = node.journal.status(Lane::Critical);
    assert_eq!(cursor.last, last);
    // The views hold a cursor, so that nothing they need is removed: let it pass.
    use spica_journal::Journal;
    for cursor in node.journal.cursors() {
        node.journal
            .advance_cursor(&cursor.name, cursor.lane, last)
            .ok();
    }
    let trimmed = node.journal.trim(Lane::Critical, Seq(2));
    assert_eq!(trimmed, Seq(2));
    let (_, page) = node
        .get(Role::Reader, &format!("{query}&after={next}"))
        .await;
    assert_eq!(
        page["gaps"],
        json!([{ "class": "critical", "from": 2, "to": 2 }]),
        "{page}"
    );
    assert_eq!(values(&page), [6]);
    let (_, page) = node.get(Role::Reader, query).await;
    assert_eq!(
        page["gaps"],
        json!([]),
        "who asks for what is kept is told of no gap before it"
    );
}

#[tokio::test]
async fn what_cannot_be_asked_says_why() {
    let node = Node::new().await;
    let beyond = crate::place::Place::new(
        (spica_model::Epoch(1), Seq(999)),
        (spica_model::Epoch(1), Seq(0)),
    );
    let beyond = format!("after={}", crate::place::cursor(&beyond));
    for (query, part) in [
        ("topic=a/%23/b", "topic"),
        ("device=a/b", "device"),
        ("class=x", "class"),
        ("from=yesterday", "from"),
        ("to=tomorrow", "to"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=x", "after"),
        ("format=xml", "format"),
        ("colour=red", "colour"),
        (&beyond, "another history"),
    ] {
        let (status, problem) = node
            .get(Role::Reader, &format!("/v1/history?{query}"))
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(part),
            "{query}: {problem}"
        );
    }
}

async fn export(node: &Node, query: &str, accept: Option<&str>) -> (String, String) {
    let mut request = node.request(Role::Reader, "GET", &format!("/v1/history?{query}"));
    if let Some(accept) = accept {
        request = request.header(header::ACCEPT, accept);
    }
    let response = node.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let kind = response.headers()[header::CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    (
        kind,
        String::from_utf8(bytes(response).await.to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn ndjson_brings_everything_and_says_that_it_did() {
    let node = Node::new().await;
    fill(&node, 20).await;
    let (kind, text) = export(&node, "topic=root/s1/h/%23&format=ndjson", None).await;
    assert_eq!(kind, "application/x-ndjson");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 21);
    assert_eq!(lines[19]["value"], 19);
    assert_eq!(lines[20], json!({ "end": { "next": null } }));
    let query = "topic=root/s1/h/%23&limit=5";
    let (_, text) = export(&node, query, Some("application/x-ndjson, */*;q=0.1")).await;
    let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let next = end["end"]["next"].as_str().unwrap();
    let (found, _) = all(&node, &format!("topic=root/s1/h/%23&after={next}")).await;
    assert_eq!(
        found,
        (5..20).collect::<Vec<_>>(),
        "an export goes on where it stopped"
    );
}

#[tokio::test]
async fn csv_has_a_cursor_in_each_row() {
    let node = Node::new().await;
    fill(&node, 8).await;
    let (kind, text) = export(&node, "topic=root/s1/h/%23", Some("text/csv")).await;
    assert!(kind.starts_with("text/csv"), "{kind}");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().collect::<Vec<_>>(),
        COLUMNS
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 8);
    assert_eq!((&rows[3][10], &rows[3][11]), ("json", "3"));
    let (found, _) = all(&node, &format!("topic=root/s1/h/%23&after={}", &rows[3][0])).await;
    assert_eq!(found, [4, 5, 6, 7]);
}

#[tokio::test]
async fn a_long_export_comes_in_pieces_and_whole() {
    let node = Node::new().await;
    let text = format!("\"{}\"", "x".repeat(1_000));
    for n in 0..300 {
        node.publish(&format!("long/{n}"), &text).await;
    }
    let request = node.request(
        Role::Reader,
        "GET",
        "/v1/history?topic=root/s1/long/%23&format=ndjson",
    );
    let mut body = node
        .send(request.body(Body::empty()).unwrap())
        .await
        .into_body()
        .into_data_stream();
    let (mut pieces, mut lines) = (0, 0);
    while let Some(piece) = futures::StreamExt::next(&mut body).await {
        let piece = piece.unwrap();
        pieces += 1;
        lines += piece.iter().filter(|byte| **byte == b'\n').count();
        assert!(piece.len() < 100_000, "a piece of {} bytes", piece.len());
    }
    assert_eq!(lines, 301);
    assert!(pieces >= 4, "{pieces}");
}

/// A query by time used to be a search in what was thought to be in order: a clock that was set back
/// by more than two minutes hid records.
#[tokio::test]
async fn a_clock_that_steps_hides_nothing_from_a_query_by_time() {
    use spica_clock::Clock;
    const HOUR: Duration = Duration::from_secs(3_600);
    let node = Node::new().await;
    let mut times = Vec::new();
    for step in [0, -1, 24, -24, 1] {
        let now = node.clock.wall();
        let by = HOUR * i32::abs(step) as u32;
        node.clock.set_wall(if step < 0 {
            now.saturating_sub(by)
        } else {
            now.saturating_add(by)
        });
        for _ in 0..20 {
            node.clock.advance(Duration::from_secs(1));
            let value = times.len().to_string();
            node.publish("h/stepped?kind=event", &value).await;
            times.push(node.clock.wall());
        }
    }
    for at in (0..times.len()).step_by(9) {
        let (from, to) = (times[at], times[at].saturating_add(HOUR));
        let query = format!("topic=root/s1/h/stepped&from={from}&to={to}");
        let within = |at: &usize| (from..to).contains(&times[*at]);
        let expected: Vec<_> = (0..times.len())
            .filter(within)
            .map(|at| at as u64)
            .collect();
        assert_eq!(all(&node, &query).await.0, expected, "{query}");
    }
}

#[tokio::test]
async fn history_leaves_as_a_parquet_file_too() {
    let node = Node::new().await;
    for number in 0..3 {
        node.submit("root/s1/devices/1/events/x", &json!({ "n": number }))
            .await;
    }
    let path = "/v1/history?format=parquet&topic=root/s1/devices/%23&limit=2";
    let request = node.request(Role::Reader, "GET", path).body(Body::empty());
    let response = node.send(request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()["content-type"],
        "application/vnd.apache.parquet"
    );
    let file = bytes(response).await;
    // Magic at both ends; what is between is tested where it is written.
    assert!(
        file.starts_with(b"PAR1") && file.ends_with(b"PAR1"),
        "{file:?}"
    );
    assert_eq!(
        node.app.exports.available_permits(),
        node.app.settings.max_exports
    );
}
