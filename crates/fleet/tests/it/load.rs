//! The load generators against the small station.

use std::time::Duration;

use spica_fleet::books::{Audit, Bounds, Report};
use spica_fleet::load::{Target, Until, burst, idle, phone_home};
use spica_fleet::{Holes, Outcome};

use crate::station::{Flaw, Station};

fn audit(outcome: &Outcome, station: &Station) -> Report {
    let mut audit = Audit::new(outcome, "root", Bounds::default());
    station
        .kept
        .lock()
        .events
        .iter()
        .for_each(|shown| audit.event(shown));
    audit.finish(Holes::default())
}

fn target(station: &Station, devices: u32) -> Target {
    Target {
        patience: Duration::from_secs(10),
        first_number: Some(1),
        ..Target::new(station.address, devices)
    }
}

/// Runs `load` on a thread of its own: it blocks.
async fn aside<T: Send + 'static>(load: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || done.send(load()).ok());
    result.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_phone_home_in_turn() {
    let station = Station::start(Flaw::None).await;
    let target = target(&station, 50);
    let run = aside(move || phone_home(&target, 16, Until::Dialogues(300)));
    let run = run.await.unwrap();
    assert_eq!((run.figures.dialogues, run.figures.failed), (300, 0));
    assert!(run.figures.dialogues_per_s > 0.0 && run.figures.ms_p99 >= run.figures.ms_p50);
    let report = audit(&run.outcome, &station);
    assert!(
        report.passed && report.events.told == 300 && report.events.shown == 300,
        "{report}"
    );
    assert_eq!(station.kept.lock().connections, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_gets_through_at_once() {
    let station = Station::start(Flaw::None).await;
    let target = target(&station, 1_000);
    let run = aside(move || burst(&target)).await.unwrap();
    assert_eq!((run.figures.durable, run.figures.failed), (1_000, 0));
    assert!(run.figures.all_durable_s * 1_000.0 >= run.figures.ms_p99);
    let report = audit(&run.outcome, &station);
    assert!(report.passed && report.events.shown == 1_000, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_stand_until_they_are_dropped() {
    let station = Station::start(Flaw::None).await;
    let target = target(&station, 200);
    let mut held = aside(move || idle(&target)).await.unwrap();
    assert_eq!(held.held().unwrap(), 200);
    let babbler = Station::start(Flaw::HangsUp(0)).await;
    let target = Target {
        endpoint: babbler.address,
        ..target
    };
    let error = aside(move || idle(&target)).await.unwrap_err();
    assert!(
        error.to_string().contains("of 200 idle connections"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_is_not_there_is_said() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let target = Target::new(free, 4);
    let run = move || phone_home(&target, 4, Until::Elapsed(Duration::from_secs(60)));
    let error = aside(run).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}
