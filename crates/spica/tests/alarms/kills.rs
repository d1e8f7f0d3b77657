//! A node that is killed between event, message and acknowledgement.

use std::time::{Duration, Instant};

use spica_fixture::{Badge, Client, Hook, Hub, Launch};
use spica_fleet::event::Event;
use spica_fleet::serials;

use crate::book::{Book, PATIENCE, Random};

fn launch(dir: &std::path::Path, hook: &Hook) -> Launch {
    let plans = dir.join("alarms.toml");
    let file = hook.plan_file(&["anna", "bob"], Duration::from_millis(1_500));
    std::fs::write(&plans, file).unwrap();
    Launch::new(env!("CARGO_BIN_EXE_spica"), dir)
        .config(&format!("alarms.plans = {:?}", plans.display().to_string()))
        // Devices and operators share this machine.
        .config("identicom.admission.trusted = [\"127.0.0.0/8\"]")
}

async fn register(client: &Client, count: u32) {
    let rows: String = serials(1, count)
        .map(|serial| format!("{serial}\n"))
        .collect();
    let csv = format!("serial\n{rows}").into_bytes();
    let (status, _) = client
        .send(reqwest::Method::POST, "/v1/devices/import", "text/csv", csv)
        .await
        .unwrap();
    assert!(status.is_success(), "{status}");
}

/// Dials in until the device was told that its alarm is durable; gives up when the node is gone.
fn call(hub: &Hub, badge: &mut Badge) -> bool {
    let station = hub.addresses().identicom.unwrap();
    tokio::task::block_in_place(|| badge.call(station).is_ok()) && badge.kept() == 0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_emergency_is_told_of_however_often_the_node_is_killed() {
    let kills: u32 = std::env::var("SPICA_KILLS").map_or(10, |text| text.parse().unwrap());
    let seed: u64 = std::env::var("SPICA_SEED").map_or(1, |text| text.parse().unwrap());
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let hook = Hook::start().await.unwrap();
    let mut launch = launch(dir.path(), &hook);
    let mut badges: Vec<Badge> = serials(1, kills * 3)
        .map(|serial| Badge::new(&serial, 1))
        .collect();
    let mut book = Book::default();
    for round in 0..kills as usize {
        let hub = launch.start().unwrap();
        let client = hub.client().unwrap();
        if round == 0 {
            register(&client, kills * 3).await;
        }
        // What is known to be raised is acknowledged now and then, at any moment of this round.
        let answers = hook.messages();
        let answered = answers.get(random.below(answers.len().max(1) as u64) as usize);
        if let Some(message) = answered {
            book.acknowledge(&client, message).await;
        }
        for badge in &mut badges[round * 3..round * 3 + 3] {
            badge.note(Event::MAN_DOWN);
            if call(&hub, badge) {
                book.raised.insert(badge.serial().to_owned());
            }
        }
        // Within the time in which cases are raised, messages leave and answers are noted.
        let moment = Duration::from_micros(random.below(30_000));
        tokio::time::sleep(moment).await;
        book.deaths.push(Instant::now());
        launch = hub.kill().unwrap();
        println!(
            "kill {round} after {moment:?}: {} raised",
            book.raised.len()
        );
    }
    let hub = launch.start().unwrap();
    for badge in badges.iter_mut().filter(|badge| badge.kept() > 0) {
        assert!(call(&hub, badge));
        book.raised.insert(badge.serial().to_owned());
    }
    assert_eq!(book.raised.len(), kills as usize * 3);
    book.check(&hook, &hub.client().unwrap()).await;
    assert_eq!(hub.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escalation_goes_on_after_a_restart_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let hook = Hook::start().await.unwrap();
    let hub = launch(dir.path(), &hook).start().unwrap();
    register(&hub.client().unwrap(), 1).await;
    let mut badge = Badge::new("0000001", 1);
    badge.note(Event::MAN_DOWN);
    assert!(call(&hub, &mut badge));
    hook.until(PATIENCE, |messages| !messages.is_empty())
        .await
        .unwrap();
    // The second step is due while the node is down.
    let launch = hub.kill().unwrap();
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let hub = launch.start().unwrap();
    let told =
        |messages: &[spica_fixture::Message]| messages.iter().any(|m| m.text("/person") == "bob");
    hook.until(PATIENCE, told).await.unwrap();
    let case = hub.client().unwrap().json("/v1/cases").await.unwrap()["cases"][0].clone();
    assert_eq!(case["state"], "unacknowledged");
    // Whoever has the message acknowledges without an account; a second time changes nothing.
    let link = hook.messages()[0].text("/link").to_owned();
    let path = link.trim_start_matches("http://127.0.0.1").to_owned();
    let base = format!("http://{}", hub.addresses().http);
    let http = reqwest::Client::new();
    let page = http.get(format!("{base}{path}")).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("I take care of it"));
    for _ in 0..2 {
        let page = http.post(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("person:"));
    }
    let case = hub.client().unwrap().json("/v1/cases").await.unwrap()["cases"][0].clone();
    assert_eq!(case["acknowledged"]["by"], "person:anna");
}
