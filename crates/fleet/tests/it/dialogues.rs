//! The fleet against the small station.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use spica_fleet::books::{Audit, Bounds, Finding, Report};
use spica_fleet::{
    Arrival, Fleet, Holes, Outcome, Pictures, Plan, Progress, Status, Totals, Trouble,
};
use tokio_util::sync::CancellationToken;

use crate::station::{Flaw, Station};

fn plan(station: &Station) -> Plan {
    Plan {
        endpoints: vec![station.address.to_string()],
        devices: 20,
        // The station's deletions rely on it.
        first_number: Some(1),
        rounds: Some(3),
        duration: None,
        interval: Duration::from_millis(100),
        drain: Duration::from_secs(20),
        ..Plan::default()
    }
}

fn audit(outcome: &Outcome, station: &Station) -> Report {
    let mut audit = Audit::new(outcome, "root", Bounds::default());
    let kept = station.kept.lock();
    kept.events.iter().for_each(|shown| audit.event(shown));
    kept.pictures.iter().for_each(|shown| audit.picture(shown));
    kept.commands.iter().for_each(|shown| audit.command(shown));
    audit.finish(Holes::default())
}

#[tokio::test]
async fn a_troubled_fleet_gets_everything_through_once() {
    let station = Station::start(Flaw::None).await;
    let plan = Plan {
        events_per_visit: 60,
        pictures: Pictures {
            share: 0.4,
            bytes_min: 320,
            bytes_max: 9_000,
        },
        trouble: Trouble {
            slow: 0.05,
            torn: 0.6,
            unasked: 0.5,
            hostile: 0.5,
        },
        ..plan(&station)
    };
    let outcome = Fleet::run(&plan, &()).await.unwrap();
    let report = audit(&outcome, &station);
    assert!(report.passed, "{report}");
    assert_eq!((report.unexpected, report.late), (0, 0), "{report}");
    assert_eq!(outcome.violations, [""; 0]);
    assert!(report.events.produced > 60, "{report}");
    assert_eq!(
        (report.events.told, report.events.shown),
        (report.events.produced, report.events.produced)
    );
    assert!(
        report.pictures.produced > 5 && report.pictures.held == 0,
        "{report}"
    );
    let totals = outcome.totals;
    assert!(
        totals.cut > 5 && totals.completed > 30 && totals.visits == 60,
        "{totals:?}"
    );
    assert!(
        totals.attacks == 30 && totals.attacks_served == 0,
        "{totals:?}"
    );
    assert!(station.kept.lock().strangers > 0);
}

#[tokio::test]
async fn pictures_go_on_where_a_broken_connection_left_them() {
    let station = Station::start(Flaw::HangsUp(9)).await;
    let pictures = Pictures {
        share: 1.0,
        bytes_min: 9_000,
        bytes_max: 9_000,
    };
    let plan = Plan {
        pictures,
        devices: 3,
        rounds: Some(1),
        ..plan(&station)
    };
    let outcome = Fleet::run(&plan, &()).await.unwrap();
    let report = audit(&outcome, &station);
    assert!(report.passed && report.pictures.told == 3, "{report}");
    assert!(outcome.totals.broken >= 3);
    assert!(station.kept.lock().resumed >= 3);
}

#[tokio::test]
async fn what_a_station_forgets_or_doubles_is_found() {
    for (flaw, finding) in [
        (Flaw::Forgets(2), Finding::Lost),
        (Flaw::Doubles(2), Finding::Duplicated),
        (Flaw::DeletesUnread, Finding::Lost),
    ] {
        let station = Station::start(flaw).await;
        let plan = Plan {
            events_per_visit: 4,
            drain: Duration::from_millis(500),
            ..plan(&station)
        };
        let report = audit(&Fleet::run(&plan, &()).await.unwrap(), &station);
        assert!(!report.passed, "{flaw:?}");
        let findings = report.lost + report.duplicated;
        assert!(findings >= 20 && report.altered == 0, "{flaw:?}: {report}");
        assert!(
            report
                .examples
                .iter()
                .all(|example| example.finding == finding),
            "{report}"
        );
        assert_eq!(
            report.violations.is_empty(),
            flaw != Flaw::DeletesUnread,
            "{report}"
        );
    }
}

#[tokio::test]
async fn nothing_is_told_by_a_station_that_does_not_answer() {
    for flaw in [Flaw::Silent, Flaw::Babbles] {
        let station = Station::start(flaw).await;
        let plan = Plan {
            devices: 2,
            rounds: Some(1),
            patience: Duration::from_millis(50),
            drain: Duration::from_millis(300),
            ..plan(&station)
        };
        let outcome = Fleet::run(&plan, &()).await.unwrap();
        let report = audit(&outcome, &station);
        assert!(
            report.passed && report.events.told == 0 && report.events.held > 0,
            "{report}"
        );
        let Totals {
            timed_out,
            violations,
            ..
        } = outcome.totals;
        assert_eq!(
            (timed_out > 0, violations > 0),
            (flaw == Flaw::Silent, flaw == Flaw::Babbles)
        );
    }
}

#[tokio::test]
async fn commands_are_carried_out_once_and_checked() {
    let station = Station::start(Flaw::HangsUp(9)).await;
    let first = "0000001";
    station.queue(first, 7, 1, &15_u16.to_le_bytes());
    station.queue(first, 8, 2, &[]);
    station.queue(first, 9, 3, &[0xff, 0xfe]);
    station.queue(first, 10, 0x77, &[]);
    station.queue(first, 11, 4, &[]);
    let plan = Plan {
        devices: 1,
        events_per_visit: 1,
        trouble: Trouble {
            unasked: 0.0,
            ..Trouble::default()
        },
        ..plan(&station)
    };
    let outcome = Fleet::run(&plan, &()).await.unwrap();
    let report = audit(&outcome, &station);
    assert!(report.passed && report.commands.told == 5, "{report}");
    let orders = &outcome.devices[0].orders;
    let results: Vec<_> = orders
        .iter()
        .map(|order| (order.id, order.result))
        .collect();
    assert_eq!(results, [(7, 0), (8, 0), (9, 2), (10, 1), (11, 0)]);
    assert_eq!(report.pictures.told, 1, "the picture that was asked for");
    assert_eq!(
        report.events.produced, 4,
        "three visits, and the status that was asked for"
    );
}

#[tokio::test]
async fn the_next_endpoint_is_tried_and_a_stopped_fleet_still_delivers() {
    let station = Station::start(Flaw::None).await;
    // Nobody listens on a port that was just given back.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let endless = Plan {
        endpoints: vec![free.to_string(), station.address.to_string()],
        rounds: None,
        duration: Some(Duration::from_secs(3_600)),
        arrival: Arrival::Burst,
        ..plan(&station)
    };
    let stop = CancellationToken::new();
    let watch = StopAfter {
        visits: 40,
        stop: stop.clone(),
        last: Mutex::default(),
    };
    let outcome = Fleet::run_until(&endless, &watch, stop).await.unwrap();
    let report = audit(&outcome, &station);
    assert!(report.passed && report.events.held == 0, "{report}");
    let last = *watch.last.lock();
    assert!(last.totals.visits >= 40 && last.events_told == report.events.told);
    assert_eq!(last.connected, 0);
}

#[tokio::test]
async fn a_fleet_survives_take_overs_of_a_pair() {
    let first = Station::start(Flaw::None).await;
    let second = Station::start_on(Arc::clone(&first.kept), Flaw::None).await;
    second.serve(false);
    let plan = Plan {
        endpoints: vec![first.address.to_string(), second.address.to_string()],
        rounds: Some(8),
        events_per_visit: 20,
        trouble: Trouble {
            slow: 0.2,
            ..Trouble::default()
        },
        ..plan(&first)
    };
    let watch = TakeOver {
        stations: [&first, &second],
        done: Mutex::new(0),
    };
    let outcome = Fleet::run(&plan, &watch).await.unwrap();
    assert!(*watch.done.lock() == 5, "not a test of take-overs");
    let report = audit(&outcome, &first);
    assert!(report.passed && report.events.held == 0, "{report}");
    assert!(outcome.totals.refused > 0, "{report}");
}

/// Lets the other station serve at each of the first reports.
struct TakeOver<'a> {
    stations: [&'a Station; 2],
    done: Mutex<usize>,
}

impl Progress for TakeOver<'_> {
    fn update(&self, _: &Status) {
        let mut done = self.done.lock();
        if *done == 5 {
            return;
        }
        let active = *done % 2;
        self.stations[active].serve(false);
        self.stations[1 - active].serve(true);
        *done += 1;
    }
}

/// Stops a run once it has seen so many visits.
struct StopAfter {
    visits: u64,
    stop: CancellationToken,
    last: Mutex<Status>,
}

impl Progress for StopAfter {
    fn update(&self, status: &Status) {
        *self.last.lock() = *status;
        if status.totals.visits >= self.visits {
            self.stop.cancel();
        }
    }
}
