//! The fold against a count that is as simple as can be and keeps everything.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use spica_cases::{Severity, What};
use spica_model::Timestamp;
use spica_proof::{Options, Proof, Report};

use crate::trail::{Fact, Life, id};

const FROM: u32 = 1_000_000;
const TO: u32 = FROM + 3 * 86_400;

/// A case of which an emergency or less is raised, perhaps accepted, perhaps cleared and raised
/// again, perhaps closed.
#[derive(Debug, Clone)]
struct Plan {
    device: u8,
    severity: Severity,
    raised: u32,
    accepted_after_ms: Option<u32>,
    closed: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    let accepted = prop::option::weighted(
        0.9,
        prop_oneof![0..15_000u32, 0..60_000u32, 0..4_000_000u32],
    );
    let severity = prop::sample::select(Severity::ALL.to_vec());
    let raised = (FROM - 3_600)..(TO + 3_600);
    (0..4u8, severity, raised, accepted, any::<bool>()).prop_map(
        |(device, severity, raised, accepted_after_ms, closed)| Plan {
            device,
            severity,
            raised,
            accepted_after_ms,
            closed,
        },
    )
}

fn facts(plans: &[Plan]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let life = Life {
            id: id(number as u64 + 1),
            source: format!("devices/{}", plan.device),
            condition: "man-down".to_owned(),
            severity: plan.severity,
            customer: (plan.device > 0).then(|| format!("customer {}", plan.device % 2)),
        };
        let raised = Timestamp::from_secs(plan.raised);
        facts.push(life.step(What::Raised, "device", raised, "unacknowledged", false));
        let mut last = raised;
        if let Some(after) = plan.accepted_after_ms {
            last = raised.saturating_add(Duration::from_millis(after.into()));
            facts.push(life.step(
                What::Acknowledged,
                "operator:a",
                last,
                "acknowledged",
                false,
            ));
        }
        if plan.closed {
            let at = last.saturating_add(Duration::from_secs(9));
            facts.push(life.step(What::Closed, "operator:a", at, "closed", false));
        }
    }
    facts.sort_by_key(|(_, record)| record.step.at);
    facts
}

fn options() -> Options {
    Options::new("root", Timestamp::from_secs(FROM), Timestamp::from_secs(TO))
}

fn fold(facts: &[Fact]) -> Report {
    let mut proof = Proof::new(options()).unwrap();
    for (id, record) in facts {
        proof.step(Some(*id), record);
    }
    proof.finish()
}

proptest! {
    #[test]
    fn calls_and_alarms_are_those_of_a_naive_count(plans in prop::collection::vec(plan(), 0..200)) {
        let report = fold(&facts(&plans));
        let counted: Vec<_> = plans.iter().filter(|plan| (FROM..TO).contains(&plan.raised)).collect();
        prop_assert_eq!(report.rates.alarms, counted.len() as u64);
        prop_assert_eq!(report.days.iter().map(|day| day.total()).sum::<u64>(), counted.len() as u64);
        prop_assert_eq!(report.hours.iter().map(|hour| hour.alarms).sum::<u64>(), counted.len() as u64);

        let too_young = |plan: &&&Plan| plan.accepted_after_ms.is_none() && !plan.closed && TO - plan.raised < 40;
        let mut emergencies: Vec<_> = counted.iter().filter(|plan| plan.severity == Severity::Emergency).collect();
        let undecided = emergencies.iter().filter(|plan| too_young(plan)).count();
        emergencies.retain(|plan| !too_young(plan));
        let within = |limit: u32| emergencies.iter().filter(|plan| plan.accepted_after_ms.is_some_and(|after| after <= limit)).count() as u64;
        let judged = report.all.judged;
        prop_assert_eq!(judged.calls, emergencies.len() as u64);
        prop_assert_eq!(judged.undecided, undecided as u64);
        prop_assert_eq!((judged.fast, judged.slow, judged.accepted), (within(10_000), within(40_000), within(u32::MAX)));
        let mut times: Vec<_> = emergencies.iter().filter_map(|plan| plan.accepted_after_ms).collect();
        times.sort_unstable();
        let quantile = |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1).map(|ms| Duration::from_millis((*ms).into()));
        prop_assert_eq!((judged.p50, judged.p95, judged.worst), (quantile(50), quantile(95), quantile(100)));
        let of_customers: u64 = report.customers.iter().map(|of| of.judged.calls).sum();
        prop_assert_eq!(of_customers, judged.calls);
        prop_assert_eq!(report.all.bins.iter().sum::<u64>(), judged.accepted);

        let mut by_device = BTreeMap::<u8, u64>::new();
        for plan in &counted {
            *by_device.entry(plan.device).or_default() += 1;
        }
        let mut want: Vec<_> = by_device.into_iter().collect();
        want.sort_by_key(|(device, count)| (std::cmp::Reverse(*count), *device));
        let got: Vec<_> = report.rates.top.iter().map(|top| (top.source.clone(), top.alarms)).collect();
        let want: Vec<_> = want.into_iter().map(|(device, count)| (format!("devices/{device}"), count)).collect();
        prop_assert_eq!(got, want);
    }

    #[test]
    fn floods_are_those_of_a_naive_count(alarms in prop::collection::vec((0..40u32, 0..30u8), 0..60)) {
        // So many alarms in each of some ten-minute periods.
        let mut periods = [0u64; 432];
        let mut plans = Vec::new();
        for (period, count) in alarms {
            periods[period as usize] += u64::from(count);
            plans.extend((0..count).map(|n| Plan {
                device: 0,
                severity: Severity::Low,
                raised: FROM + period * 600 + u32::from(n),
                accepted_after_ms: None,
                closed: true,
            }));
        }
        let rates = fold(&facts(&plans)).rates;
        let (mut floods, mut flooded, mut inside) = (0, 0, false);
        for count in periods {
            let was = inside;
            inside = count > 10 || (inside && count >= 5);
            floods += u64::from(inside && !was);
            flooded += u64::from(inside);
        }
        prop_assert_eq!((rates.periods, rates.floods, rates.flood_periods), (432, floods, flooded));
        prop_assert_eq!(Some(&rates.peak), periods.iter().max());
        let longest = rates.longest_floods.iter().map(|flood| flood.length).max();
        prop_assert_eq!(longest, rates.longest_floods.first().map(|flood| flood.length));
    }

    #[test]
    fn whatever_the_trail_says_nothing_breaks(
        steps in prop::collection::vec((1..5u64, 0..What::ALL.len(), any::<i64>(), 0..6usize, any::<bool>()), 0..60),
    ) {
        let states = ["unacknowledged", "acknowledged", "cleared-unacknowledged", "cleared", "closed", "?"];
        let facts: Vec<_> = steps.into_iter().map(|(number, what, micros, state, quiet)| {
            let life = Life {
                id: id(number),
                source: "s".to_owned(),
                condition: "c".to_owned(),
                severity: Severity::Emergency,
                customer: None,
            };
            life.step(What::ALL[what], "operator:a", Timestamp::from_micros(micros), states[state], quiet)
        }).collect();
        let report = fold(&facts);
        let mut out = String::new();
        report.write_html(&mut out, spica_proof::Language::German).unwrap();
        report.write_text(&mut out, spica_proof::Language::German).unwrap();
        report.write_all_csv(&mut out).unwrap();
    }
}

#[test]
fn what_is_active_for_a_day_is_stale_and_the_oldest_is_named() {
    let life = |number| Life {
        id: id(number),
        source: format!("pump/{number}"),
        condition: "level-high".to_owned(),
        severity: Severity::Medium,
        customer: None,
    };
    let at = Timestamp::from_secs;
    let raised = |number, secs| {
        life(number).step(What::Raised, "threshold", at(secs), "unacknowledged", false)
    };
    let cleared = |number, secs| {
        life(number).step(
            What::Cleared,
            "threshold",
            at(secs),
            "cleared-unacknowledged",
            false,
        )
    };
    let facts = [
        raised(1, FROM - 100_000),
        raised(2, FROM + 10),
        raised(3, FROM + 20),
        cleared(3, FROM + 86_400 + 20),
        raised(4, FROM + 30),
        cleared(4, FROM + 86_400 + 31),
    ];
    let rates = fold(&facts).rates;
    // The third was not active for longer than a day.
    assert_eq!(rates.stale, 3);
    let now: Vec<_> = rates
        .stale_now
        .iter()
        .map(|stale| stale.source.as_str())
        .collect();
    assert_eq!(now, ["pump/1", "pump/2"]);
}

#[test]
fn an_open_case_whose_steps_are_gone_tells_the_rest_itself() {
    let payload = |id_of: u64, acknowledged: &str| {
        let json = format!(
            r#"{{"source":"devices/1","condition":"man-down","severity":"emergency","active":true,
            "raised_at":"1970-01-13T00:00:00Z","received_at":"1970-01-13T00:00:00Z",
            "last_raised_at":"1970-01-13T00:00:00Z"{acknowledged}}}"#
        );
        spica_cases::Case::decode(id(id_of), json.as_bytes()).unwrap()
    };
    let mut proof = Proof::new(options()).unwrap();
    let accepted = r#","acknowledged":{"by":"operator:a","at":"1970-01-13T00:00:07Z"}"#;
    for case in [payload(1, ""), payload(2, accepted), payload(2, accepted)] {
        proof.case(&case);
    }
    let report = proof.finish();
    assert_eq!(report.rates.alarms, 2);
    assert_eq!((report.all.judged.calls, report.all.judged.fast), (2, 1));
    assert_eq!(report.people[0].1.p50, Some(Duration::from_secs(7)));
}
