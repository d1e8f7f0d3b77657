//! A fleet of devices that cut, dribble and misbehave, against the real binary, which is killed in
//! between. At the end the fleet's books must agree with what the hub shows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use spica_fixture::{Hub, Launch};
use spica_fleet::{Arrival, Fleet, Pictures, Plan, Progress, Status, Trouble, books};
use tokio::sync::watch;

/// Tells how many events were told durable so far.
struct Told(watch::Sender<u64>);

impl Progress for Told {
    fn update(&self, status: &Status) {
        self.0.send_replace(status.events_told);
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn books_of(hub: &Hub) -> spica_fleet::Hub {
    let base = format!("http://{}", hub.addresses().http);
    spica_fleet::Hub::new(&base, Some(&hub.token().unwrap()), "root").unwrap()
}

fn plan(station: SocketAddr) -> Plan {
    Plan {
        endpoints: vec![station.to_string()],
        devices: 60,
        arrival: Arrival::Spread,
        interval: Duration::from_millis(400),
        rounds: Some(10),
        duration: None,
        pictures: Pictures {
            share: 0.05,
            ..Pictures::default()
        },
        trouble: Trouble {
            torn: 0.2,
            slow: 0.02,
            unasked: 0.05,
            hostile: 0.1,
        },
        ..Plan::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_of_a_fleet_agree_after_kills() {
    let dir = tempfile::tempdir().unwrap();
    let station = free_port();
    let launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path())
        .config(&format!("identicom.listen = \"{station}\""))
        .config("identicom.admission.trusted = [\"127.0.0.0/8\"]");
    let mut hub = launch.start().unwrap();
    let plan = plan(station);
    books_of(&hub).register(plan.serials()).await.unwrap();

    let (told, mut progress) = watch::channel(0);
    let fleet = tokio::spawn({
        let plan = plan.clone();
        async move { Fleet::run(&plan, &Told(told)).await.unwrap() }
    });
    for kill in 1..=3 {
        let until = kill * 150;
        // An error means that the fleet is through already: the kill then finds an idle hub.
        let _ = progress.wait_for(|told| *told >= until).await;
        hub = hub.kill().unwrap().start().unwrap();
    }
    let outcome = fleet.await.unwrap();
    let report = books::compare(&outcome, &books_of(&hub)).await.unwrap();
    assert!(report.passed, "{report}");
    assert_eq!(report.unexpected, 0, "{report}");
    assert_eq!(report.events.held, 0, "{report}");
    assert!(report.events.told > 500, "{report}");
    assert!(report.pictures.told > 0, "{report}");
    assert_eq!(hub.stop().unwrap(), Some(0));
}
