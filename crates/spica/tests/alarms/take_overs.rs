//! A pair whose active is killed between event, message and acknowledgement.

use std::time::{Duration, Instant};

use spica_fixture::{Badge, Hook, Pair, Plan, Side};
use spica_fleet::event::Event;
use spica_fleet::serials;

use crate::book::{Book, PATIENCE, Random};

/// Generous times: what is proved here must not depend on how busy the machine is.
const SLOW: &str = "pair.heartbeat = \"50ms\"\npair.dead_after = \"600ms\"";

/// Dials both stations in turn until the device was told that its alarm is durable.
fn call(pair: &Pair, badge: &mut Badge, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        for side in [Side::Primary, Side::Backup] {
            let Some(station) = pair.station(side) else {
                continue;
            };
            let called = tokio::task::block_in_place(|| badge.call(station));
            if called.is_ok() && badge.kept() == 0 {
                return true;
            }
        }
    }
    false
}

/// A request is the vote that the passive waits for; it is answered once this node is active. One that
/// begins again to follow its partner refuses connections for a moment.
async fn vote(pair: &Pair, side: Side) {
    let client = pair.client(side).unwrap();
    let voted = async {
        while client.json("/v1/cases").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, voted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_emergency_is_told_of_through_take_overs() {
    let rounds: u32 = std::env::var("SPICA_ROUNDS").map_or(10, |text| text.parse().unwrap());
    let seed: u64 = std::env::var("SPICA_SEED").map_or(1, |text| text.parse().unwrap());
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let hook = Hook::start().await.unwrap();
    let plans = dir.path().join("alarms.toml");
    std::fs::write(
        &plans,
        hook.plan_file(&["anna", "bob"], Duration::from_secs(3)),
    )
    .unwrap();
    let plan = Plan::new(env!("CARGO_BIN_EXE_spica"), dir.path())
        .config(SLOW)
        .config("identicom.admission.trusted = [\"127.0.0.0/8\"]")
        .config(&format!("alarms.plans = {:?}", plans.display().to_string()));
    let mut pair = plan.start().await.unwrap();
    let mut active = pair.active().await.unwrap();
    let rows: String = serials(1, rounds * 2)
        .map(|serial| format!("{serial}\n"))
        .collect();
    let csv = format!("serial\n{rows}").into_bytes();
    let client = pair.client(active).unwrap();
    client
        .send(reqwest::Method::POST, "/v1/devices/import", "text/csv", csv)
        .await
        .unwrap();
    let mut badges: Vec<Badge> = serials(1, rounds * 2)
        .map(|serial| Badge::new(&serial, 1))
        .collect();
    let mut book = Book::default();
    for round in 0..rounds as usize {
        pair.complete().await.unwrap();
        let answers = hook.messages();
        let answered = answers.get(random.below(answers.len().max(1) as u64) as usize);
        if let Some(message) = answered {
            book.acknowledge(&pair.client(active).unwrap(), message)
                .await;
        }
        for badge in &mut badges[round * 2..round * 2 + 2] {
            badge.note(Event::MAN_DOWN);
            assert!(call(&pair, badge, Duration::from_secs(30)));
            book.raised.insert(badge.serial().to_owned());
        }
        tokio::time::sleep(Duration::from_micros(random.below(20_000))).await;
        book.deaths.push(Instant::now());
        pair.kill(active).unwrap();
        active = active.other();
        vote(&pair, active).await;
        pair.start(active.other()).unwrap();
        println!("take-over {round} to the {active}");
    }
    let client = pair.client(active).unwrap();
    book.check(&hook, &client).await;
}
