use serde_json::json;
use spica_fleet::{DeviceBooks, Entry};

use super::*;

const RECEIVED: &str = "2027-01-15T08:00:00.000000Z";

fn case(id: &str, repeats: u32) -> Case {
    serde_json::from_value(json!({
        "id": id, "source": "devices/7", "condition": "man-down", "severity": "emergency",
        "state": "closed", "quiet": false, "received_at": RECEIVED, "repeats": repeats,
    }))
    .unwrap()
}

fn notice(reason: &str, state: &str, settled_at: &str) -> Notice {
    let json = json!({ "reason": reason, "state": state, "settled_at": settled_at });
    serde_json::from_value(json).unwrap()
}

/// A fleet of one device with so many man-downs, all told durable, and one that is not.
fn fleet(told: u32) -> Outcome {
    let entry = |index| Entry {
        index,
        time: 0,
        event: "man-down".parse().unwrap(),
        detail: std::sync::Arc::default(),
        first_sent: None,
        told: index < told,
    };
    let device = DeviceBooks {
        serial: "7".to_owned(),
        entries: (0..=told).map(entry).collect(),
        ..DeviceBooks::default()
    };
    Outcome {
        devices: vec![device],
        ..Outcome::default()
    }
}

#[test]
fn each_alarm_is_a_case_or_a_repetition_of_one() {
    let seen = Seen {
        cases: vec![case("1-1", 1), case("1-2", 0)],
        ..Seen::default()
    };
    for (told, missing) in [(0, 0), (3, 0), (5, 2)] {
        let alarms = Alarms::check(&fleet(told), &[], &seen, false);
        assert_eq!(alarms.missing_cases, missing, "{alarms:?}");
        assert_eq!(alarms.passed(), missing == 0);
        assert_eq!(
            (alarms.cases, alarms.closed, alarms.is_at_rest()),
            (2, 2, missing == 0)
        );
    }
}

#[test]
fn an_emergency_of_which_no_message_came_is_unnotified_where_messages_go_out() {
    let mut seen = Seen {
        cases: vec![case("1-1", 0), case("1-2", 0), case("1-3", 0)],
        ..Seen::default()
    };
    let first = notice("raised", "delivered", "2027-01-15T08:00:00.040000Z");
    let second = notice("escalated", "delivered", "2027-01-15T08:00:03.000000Z");
    let never = notice("raised", "failed", "2027-01-15T08:00:01.000000Z");
    seen.notices
        .insert("1-1".to_owned(), vec![second.clone(), first]);
    seen.notices.insert("1-2".to_owned(), vec![never, second]);
    let alarms = Alarms::check(&fleet(0), &[], &seen, true);
    assert_eq!(
        (alarms.notified, alarms.escalated, alarms.unnotified),
        (2, 2, 1)
    );
    assert_eq!(alarms.event_to_notify_ms_p99, Some(3_000.0));
    assert!(!alarms.passed() && alarms.to_string().contains("FAILED"));
    assert!(
        alarms.alarm_examples[0].starts_with("case 1-3"),
        "{alarms:?}"
    );
    seen.cases[2].quiet = true;
    assert_eq!(Alarms::check(&fleet(0), &[], &seen, true).unnotified, 0);
    seen.cases[2].quiet = false;
    let silent = Alarms::check(&fleet(0), &[], &seen, false);
    assert_eq!(
        silent.unnotified, 0,
        "nobody is told where there is no channel"
    );
}

#[test]
fn an_acknowledgement_that_no_trail_has_is_lost() {
    let done = ["a", "b"].map(|at| Acknowledgement {
        case: "1-1".to_owned(),
        at: at.to_owned(),
    });
    let mut seen = Seen::default();
    seen.acknowledgements.insert(done[0].clone());
    let alarms = Alarms::check(&fleet(0), &done, &seen, false);
    assert_eq!((alarms.acknowledged, alarms.lost_acknowledgements), (2, 1));
    assert!(!alarms.passed());
}
