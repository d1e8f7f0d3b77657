//! The vectors of EEP's documentation and tests, and a model.

use proptest::prelude::*;
use spica_live_proto::{WindowKind, WindowOp, WindowSpec};
use spica_model::Timestamp;

use super::*;

fn at(n: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(n).unwrap())
}

/// What a window of `kind` says of `values`, whose records have the numbers from 1 on.
fn of(kind: WindowKind, op: WindowOp, values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut window = Window::new(kind);
    let numbered = (1..).zip(values);
    numbered
        .filter_map(|(n, value)| window.add(value, n, at(n), &[op]))
        .map(|closed| closed.results[0].1)
        .collect()
}

fn up_to(n: u32) -> impl Iterator<Item = f64> {
    (1..=n).map(f64::from)
}

#[test]
fn tumbling_means_are_those_of_eep() {
    let means = of(WindowKind::Tumbling(2), WindowOp::Mean, up_to(6));
    assert_eq!(means, [1.5, 3.5, 5.5]);
    assert_eq!(of(WindowKind::Tumbling(4), WindowOp::Mean, up_to(6)), [2.5]);
}

#[test]
fn sliding_means_are_those_of_eep() {
    let means = of(WindowKind::Sliding(2), WindowOp::Mean, up_to(4));
    assert_eq!(means, [1.5, 2.5, 3.5]);
    let means = of(WindowKind::Sliding(3), WindowOp::Mean, up_to(6));
    assert_eq!(means, [2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn periodic_means_are_those_of_eep_and_an_empty_interval_says_nothing() {
    let mut window = Window::new(WindowKind::Periodic(10));
    let mut means = Vec::new();
    for values in [&[5.0][..], &[4.0, 10.0], &[], &[3.0, 9.0, 81.0]] {
        for value in values {
            assert_eq!(window.add(*value, 1, at(1), &[WindowOp::Mean]), None);
        }
        means.extend(window.tick(&[WindowOp::Mean]).map(|it| it.results[0].1));
    }
    assert_eq!(means, [5.0, 7.0, 31.0]);
}

#[test]
fn a_monotonic_window_of_a_million_is_that_of_eep() {
    for (op, want) in [
        (WindowOp::Sum, 500_000_500_000.0),
        (WindowOp::Mean, 500_000.5),
        (WindowOp::Variance, 83_333_416_666.666_66),
        (WindowOp::Stdev, 288_675.278_932_344_05),
        (WindowOp::Count, 1_000_000.0),
        (WindowOp::Min, 1.0),
        (WindowOp::Max, 1_000_000.0),
    ] {
        let kind = WindowKind::Monotonic(1_000_000);
        let [result] = of(kind, op, up_to(1_000_000))[..] else {
            panic!("it closes once");
        };
        assert!((result - want).abs() <= want * 1e-12, "{op:?}: {result}");
    }
}

#[test]
fn a_monotonic_window_closes_when_the_number_has_passed_another_n() {
    let mut window = Window::new(WindowKind::Monotonic(10));
    let closed = [3, 9, 10, 11, 35, 36, 40].map(|seq| {
        let closed = window.add(1.0, seq, at(seq), &[WindowOp::Count]);
        closed.map(|it| it.results[0].1)
    });
    let want = [None, None, Some(3.0), None, Some(2.0), None, Some(2.0)];
    assert_eq!(closed, want);
}

#[test]
fn variances_are_those_of_eep_and_that_of_one_value_is_nothing() {
    let close = |a: f64, b: f64| (a - b).abs() < 1e-4;
    let variances = |size, values: &[f64]| {
        let values = values.iter().copied();
        of(WindowKind::Sliding(size), WindowOp::Variance, values)
    };
    assert_eq!(variances(1, &[8.0]), [0.0]);
    assert_eq!(variances(2, &[1.0, 8.0]), [24.5]);
    assert!(close(variances(3, &[1.0, 8.0, 1.0])[0], 16.3333));
    assert!(close(variances(4, &[1.0, 8.0, 1.0, 2.0])[0], 11.3333));
    // The 2 is compensated.
    assert!(close(variances(3, &[2.0, 1.0, 8.0, 1.0])[1], 16.3333));
}

#[test]
fn one_value_beyond_all_numbers_is_forgotten_with_it() {
    let huge = f64::MAX;
    let sums = of(
        WindowKind::Sliding(2),
        WindowOp::Sum,
        [huge, huge, 1.0, 2.0],
    );
    assert!(sums[0].is_infinite());
    assert_eq!(sums[2], 3.0);
}

#[test]
fn windows_are_checked_at_their_limits() {
    let spec = |kind| WindowSpec {
        kind,
        ops: vec![WindowOp::Mean],
        field: String::new(),
    };
    assert!(check(&spec(WindowKind::Sliding(MOST_VALUES))).is_ok());
    assert!(check(&spec(WindowKind::Sliding(MOST_VALUES + 1))).is_err());
    assert!(check(&spec(WindowKind::Tumbling(0))).is_err());
    assert!(check(&spec(WindowKind::Periodic(0))).is_err());
    assert!(check(&spec(WindowKind::Monotonic(0))).is_err());
    let mut field = spec(WindowKind::Tumbling(1));
    field.field = "a".into();
    assert!(check(&field).is_err());
    field.field = "/a".into();
    assert!(check(&field).is_ok());
    field.ops.clear();
    assert!(check(&field).is_err());
}

proptest! {
    #[test]
    fn a_sliding_window_says_what_a_look_at_all_its_values_says(
        values in prop::collection::vec(-1e6..1e6f64, 1..200),
        size in 1usize..20,
    ) {
        use WindowOp::{Count, First, Last, Max, Mean, Min, Sum, Variance};
        let ops = [Count, Sum, Min, Max, Mean, Variance, First, Last];
        let mut window = Window::new(WindowKind::Sliding(u32::try_from(size).unwrap()));
        for (n, value) in values.iter().enumerate() {
            let closed = window.add(*value, n as u64, at(n as u64), &ops);
            prop_assert_eq!(closed.is_some(), n + 1 >= size);
            let Some(closed) = closed else { continue };
            let last = &values[n + 1 - size..=n];
            let sum: f64 = last.iter().sum();
            let mean = sum / size as f64;
            let squares: f64 = last.iter().map(|it| (it - mean).powi(2)).sum();
            let variance = if size > 1 { squares / (size - 1) as f64 } else { 0.0 };
            let want = [
                size as f64,
                sum,
                last.iter().copied().fold(f64::INFINITY, f64::min),
                last.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                mean,
                variance,
                last[0],
                last[size - 1],
            ];
            for ((op, result), want) in closed.results.iter().zip(want) {
                let near = 1e-9 * (1.0 + want.abs()).max(1e6);
                prop_assert!((result - want).abs() <= near, "{:?} {} {}", op, result, want);
            }
            prop_assert_eq!((closed.from, closed.to), (at((n + 1 - size) as u64), at(n as u64)));
        }
    }
}
