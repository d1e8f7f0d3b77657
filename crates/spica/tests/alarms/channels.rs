//! Receivers that fail: nobody else waits for them.

use std::time::Duration;

use serde_json::json;
use spica_fixture::{Badge, Hook, Launch, Message, Mood};
use spica_fleet::event::Event;

use crate::book::PATIENCE;

/// Anna by her first channel, then by the second one.
fn plan(first: &Hook, second: &Hook) -> String {
    let url = |hook: &Hook| hook.url();
    format!(
        r#"
[channels.first]
kind = "webhook"
url = "{}"
timeout = "1s"
[channels.second]
kind = "webhook"
url = "{}"
[people.anna]
addresses = {{ first = "a", second = "b" }}
[people.bob]
addresses = {{ second = "c" }}
[[plans]]
name = "all"
match = {{ severity = "high" }}
fallback_after = "1s"
steps = [{{ notify = [{{ person = "anna" }}, {{ person = "bob" }}] }}]
repeat = 0
"#,
        url(first),
        url(second)
    )
}

async fn fallback(mood: Mood) {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Hook::start().await.unwrap(), Hook::start().await.unwrap());
    first.set(mood);
    let plans = dir.path().join("alarms.toml");
    std::fs::write(&plans, plan(&first, &second)).unwrap();
    let hub = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path())
        .config(&format!("alarms.plans = {:?}", plans.display().to_string()))
        .start()
        .unwrap();
    let client = hub.client().unwrap();
    let device = json!({ "serial": "1" });
    client
        .write(reqwest::Method::POST, "/v1/devices", &device)
        .await
        .unwrap();
    let mut badge = Badge::new("1", 1);
    badge.note(Event::MAN_DOWN);
    let station = hub.addresses().identicom.unwrap();
    tokio::task::block_in_place(|| badge.call(station)).unwrap();
    // Bob hears of it at once, Anna by her second channel.
    let both = |messages: &[Message]| {
        let by = |person: &str| {
            messages
                .iter()
                .any(|m| m.text("/person").eq_ignore_ascii_case(person))
        };
        by("anna") && by("bob")
    };
    second.until(PATIENCE, both).await.unwrap();
    // Her first channel is tried again meanwhile, always with the same key.
    first
        .until(PATIENCE, |messages| messages.len() >= 2)
        .await
        .unwrap();
    assert_eq!(first.keys().len(), 1, "{:?}", first.keys());
    first.set(Mood::Well);
    let delivered = async {
        loop {
            let id = client.json("/v1/cases").await.unwrap()["cases"][0]["id"].clone();
            let path = format!("/v1/cases/{}/notices", id.as_str().unwrap());
            let notices = client.json(&path).await.unwrap()["notices"].clone();
            let notices = notices.as_array().unwrap();
            if notices.len() == 3 && notices.iter().all(|n| n["state"] == "delivered") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, delivered).await.unwrap();
    assert_eq!(hub.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_answers_500_delays_nobody_and_is_tried_again() {
    fallback(Mood::Failing(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_nobody_and_is_tried_again() {
    fallback(Mood::Hanging).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_plan_file_is_refused_with_every_place() {
    let dir = tempfile::tempdir().unwrap();
    let plans = dir.path().join("alarms.toml");
    let text = "[[plans]]\nname = \"x\"\nsteps = [{ notify = [{ person = \"nobody\" }] }]\n\
                [rotas.r]\notherwise = []\n[[rotas.r.shifts]]\nstart = \"61 * * * *\"\nduration = \"1h\"\npeople = []\n\
                [templates.en]\nsubject = \"{whatever}\"\n[[thresholds]]\ntopic = \"a/#/b\"\ncondition = \"x\"\nabove = 1\n";
    std::fs::write(&plans, text).unwrap();
    let launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path())
        .config(&format!("alarms.plans = {:?}", plans.display().to_string()));
    let (code, log) = launch.run_to_end().unwrap();
    assert_ne!(code, Some(0));
    for said in ["nobody", "61", "whatever", "3:24", "7:1", "13:9"] {
        assert!(log.contains(said), "{said}: {log}");
    }
}
