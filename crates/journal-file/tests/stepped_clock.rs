//! A wall clock that steps: nothing is removed for the sake of a time that may be wrong.
#![expect(clippy::unwrap_used, reason = "tests fail by it")]

mod common;

use std::time::Duration;

use common::{Bench, LANE, settings};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use spica_clock::Clock;
use spica_journal::Journal;
use spica_journal_file::{Metrics, Options};
use spica_model::Seq;
use spica_settings::{ByteSize, Span};

const HOUR: Duration = Duration::from_hours(1);
const YEAR: Duration = Duration::from_hours(24 * 365);

/// A month of retention, and several segments of records.
fn bench() -> (Bench, Metrics) {
    let mut bench = Bench::new(settings());
    bench.settings.normal.retention_age = Span::from_days(30);
    let metrics = open(&mut bench);
    bench.append_each(1..=400);
    bench.journal().settle(LANE);
    assert!(bench.journal().details(LANE).segments > 3);
    (bench, metrics)
}

fn open(bench: &mut Bench) -> Metrics {
    let metrics = Metrics::new();
    let options = Options {
        settings: bench.settings.clone(),
        metrics: metrics.clone(),
        ..Options::default()
    };
    bench.try_open_with(options).unwrap();
    metrics
}

fn step(bench: &Bench, by: Duration) {
    bench.clock.set_wall(bench.clock.wall().saturating_add(by));
}

/// Lets time pass and retention look; says where the lane begins then.
fn pass(bench: &Bench, by: Duration) -> Seq {
    bench.clock.advance(by);
    bench.journal().settle(LANE);
    bench.journal().status(LANE).first
}

fn is_stepped(metrics: &Metrics) -> bool {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text.contains("journal_clock_stepped{lane=\"normal\"} 1")
}

#[test]
fn a_clock_that_steps_ahead_removes_nothing_until_it_has_held() {
    let (bench, metrics) = bench();
    step(&bench, YEAR);
    assert_eq!(pass(&bench, HOUR), Seq(1));
    assert!(is_stepped(&metrics));
    assert_eq!(pass(&bench, 22 * HOUR), Seq(1));
    bench.journal().settle(LANE);
    assert!(pass(&bench, 2 * HOUR) > Seq(300), "it has held for a day");
    assert!(!is_stepped(&metrics));
}

#[test]
fn a_clock_that_is_put_right_has_done_no_harm() {
    let (bench, metrics) = bench();
    step(&bench, YEAR);
    pass(&bench, HOUR);
    bench
        .clock
        .set_wall(bench.clock.wall().saturating_sub(YEAR));
    assert_eq!(pass(&bench, HOUR), Seq(1));
    assert!(!is_stepped(&metrics));
    assert_eq!(pass(&bench, 28 * 24 * HOUR), Seq(1));
    assert!(pass(&bench, 3 * 24 * HOUR) > Seq(300), "age goes on");
}

#[test]
fn a_journal_that_opens_with_a_clock_far_ahead_keeps_everything_for_a_day() {
    let (mut bench, _) = bench();
    bench.close();
    step(&bench, YEAR);
    let metrics = open(&mut bench);
    assert_eq!(pass(&bench, Duration::ZERO), Seq(1));
    assert!(is_stepped(&metrics));
    assert_eq!(pass(&bench, 23 * HOUR), Seq(1));
    assert!(pass(&bench, 2 * HOUR) > Seq(300));
    assert!(!is_stepped(&metrics));
}

#[test]
fn size_does_not_look_at_the_clock() {
    let (mut bench, _) = bench();
    bench.close();
    step(&bench, YEAR);
    bench.settings.normal.retention_bytes = ByteSize::kib(24);
    open(&mut bench);
    assert!(pass(&bench, Duration::ZERO) > Seq(1));
}

#[test]
fn keys_are_known_still_when_the_clock_steps_and_after_a_restart() {
    let (mut bench, _) = bench();
    let key = |bench: &Bench, number| bench.append(&[number])[0];
    let placed = key(&bench, 1_007).position;
    step(&bench, YEAR);
    let again = key(&bench, 2_007);
    assert!(again.duplicate && again.position == placed);
    bench.close();
    bench.open();
    let again = key(&bench, 3_007);
    assert!(again.duplicate && again.position == placed);
    pass(&bench, HOUR);
    pass(&bench, 24 * HOUR);
    assert!(!key(&bench, 4_007).duplicate, "it is a year old now");
}
