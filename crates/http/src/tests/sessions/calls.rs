//! Requests to the interface over a session.

use super::*;

#[tokio::test]
async fn a_call_does_what_the_request_does_with_the_rights_of_the_session() {
    let (node, server) = started().await;
    let mut client = Client::open(&node, &server, Role::Operator).await;
    let publish = json!({"t": "call", "id": 1, "method": "POST", "path": "/v1/topics/root/s1/a",
        "body": {"v": 1}, "key": "k"});
    client.say(publish.clone()).await;
    let done = client.frame("result").await;
    assert_eq!((&done["id"], &done["status"]), (&json!(1), &json!(201)));
    let position = done["body"]["position"].clone();
    client.say(publish).await;
    let again = client.frame("result").await;
    assert_eq!(again["status"], 200);
    assert_eq!(again["body"]["position"], position, "the key counts");
    client
        .say(json!({"t": "call", "id": 2, "method": "GET", "path": "/v1/topics/root/s1/a"}))
        .await;
    let read = client.frame("result").await;
    assert_eq!(read["body"]["value"], json!({"v": 1}));
    client
        .say(json!({"t": "call", "id": 3, "method": "DELETE", "path": "/v1/topics/root/s1/a"}))
        .await;
    let deleted = client.frame("result").await;
    assert_eq!(deleted["status"].as_u64().unwrap() / 100, 2, "{deleted}");

    let mut reader = Client::open(&node, &server, Role::Reader).await;
    reader
        .say(json!({"t": "call", "id": 4, "method": "POST", "path": "/v1/topics/root/s1/a", "body": 1}))
        .await;
    let refused = reader.frame("result").await;
    assert_eq!(refused["status"], 403);
    assert_eq!(refused["body"]["type"], "urn:spica:problem:forbidden");
    assert_eq!(node.app.parts.metrics.bad_tokens.get(), 0);
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let (node, server) = started().await;
    let mut client = Client::open(&node, &server, Role::Admin).await;
    for (method, path) in [
        ("GET", "/metrics"),
        ("TRACE", "/v1/tree"),
        ("GET", "/v1/tree x"),
    ] {
        client
            .say(json!({"t": "call", "id": 1, "method": method, "path": path}))
            .await;
        assert_eq!(client.frame("refused").await["id"], 1, "{method} {path}");
    }
    for (method, path, status) in [
        ("GET", "/v1/live", 403),
        ("GET", "/v1/live/ws", 403),
        ("GET", "/v1/fantasy", 404),
        ("GET", "/v1/report?format=csv", 415),
    ] {
        client
            .say(json!({"t": "call", "id": 1, "method": method, "path": path}))
            .await;
        let result = client.frame("result").await;
        assert_eq!(result["status"], status, "{method} {path}: {result}");
        assert_eq!(result["body"]["status"], status);
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_and_so_is_one_call_too_many() {
    let (node, server) = started_with(LiveSettings {
        call_answer: spica_settings::ByteSize::kib(1),
        max_calls: 2,
        ..LiveSettings::default()
    })
    .await;
    let long = format!("\"{}\"", "x".repeat(2_000));
    node.publish("long", &long).await;
    let mut client = Client::open(&node, &server, Role::Operator).await;
    client
        .say(json!({"t": "call", "id": 1, "method": "GET", "path": "/v1/topics/root/s1/long"}))
        .await;
    assert_eq!(client.frame("result").await["status"], 413);

    node.journal.hold(spica_model::Lane::Normal);
    for id in 2..=4 {
        client
            .say(json!({"t": "call", "id": id, "method": "POST", "path": "/v1/topics/root/s1/a", "body": id}))
            .await;
    }
    let refused = client.frame("refused").await;
    assert_eq!(
        (&refused["id"], &refused["code"]),
        (&json!(4), &json!("limit"))
    );
    node.journal.release(spica_model::Lane::Normal);
    for _ in 0..2 {
        assert_eq!(client.frame("result").await["status"], 201);
    }
}
