#![expect(clippy::unwrap_used, reason = "in tests")]

use proptest::prelude::*;
use serde_json::{Value, json};
use spica_cases::{
    Case, CaseState, Condition, Pending, Raise, Severity, Shelf, Signature, Step, StepRecord, Told,
    What,
};
use spica_model::Timestamp;

use crate::world::at;

/// What a case of the smallest predecessor would look like.
const SMALL: &str = r#"{"source":"devices/1","condition":"man-down","severity":"emergency",
    "raised_at":"1970-01-01T00:00:05Z","received_at":"1970-01-01T00:00:04Z",
    "last_raised_at":"1970-01-01T00:00:05Z","to_come":{"x":1}}"#;

#[test]
fn what_is_missing_has_a_default_and_what_is_unknown_is_left_alone() {
    let case = Case::decode("1-1".parse().unwrap(), SMALL.as_bytes()).unwrap();
    assert_eq!(
        (case.id.to_string().as_str(), case.raised_at),
        ("1-1", at(5))
    );
    assert_eq!(
        (case.repeats, case.quiet, case.detail),
        (0, false, Value::Null)
    );
    let step = r#"{"what":"raised","by":"device","at":"1970-01-01T00:00:05Z","source":"s","condition":"c","x":1}"#;
    assert_eq!(StepRecord::decode(step.as_bytes()).unwrap().severity, None);
    let condition = r#"{"source":"s","condition":"c","x":1}"#;
    assert_eq!(
        Condition::decode(condition.as_bytes()).unwrap(),
        Condition::new("s", "c")
    );
}

#[test]
fn a_payload_of_something_else_says_what_is_wrong() {
    let id = "1-1".parse().unwrap();
    let error = Case::decode(id, b"{}").unwrap_err().to_string();
    assert!(
        error.starts_with("not the payload of a case: missing field `source`"),
        "{error}"
    );
    let late = SMALL.replace("00:00:05Z", "00:00:05+01:00");
    let error = Case::decode(id, late.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("a time looks like"), "{error}");
    let error = Case::decode(id, SMALL.replace("emergency", "bad").as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains("unknown variant `bad`"),
        "{error}"
    );
    assert!(StepRecord::decode(b"[]").is_err() && Condition::decode(b"\xff").is_err());
}

#[test]
fn payloads_look_as_the_document_says() {
    let case = Case::decode("1-1".parse().unwrap(), SMALL.as_bytes()).unwrap();
    let json: Value = serde_json::from_slice(&case.encode()).unwrap();
    assert_eq!(json["raised_at"], "1970-01-01T00:00:05.000000Z");
    assert_eq!(json["happened_at"], Value::Null);
    assert_eq!(json.get("id"), None, "the topic says it");
    let step = Step {
        what: What::OutOfService,
        by: "operator:alice".to_owned(),
        at: at(7),
        why: None,
        to: None,
    };
    let json: Value = serde_json::from_slice(&StepRecord::new(step, &case).encode()).unwrap();
    assert_eq!(
        json,
        json!({
            "what": "out-of-service", "by": "operator:alice", "at": "1970-01-01T00:00:07.000000Z",
            "source": "devices/1", "condition": "man-down", "severity": "emergency",
            "customer": null, "state": "cleared-unacknowledged", "quiet": false,
        })
    );
}

#[test]
fn words_read_back() {
    for what in What::ALL {
        assert_eq!(what.as_str().parse(), Ok(what));
        let json = serde_json::to_value(what).unwrap();
        assert_eq!(json, what.to_string());
    }
    for severity in Severity::ALL {
        assert_eq!(severity.as_str().parse(), Ok(severity));
        assert_eq!(
            serde_json::to_value(severity).unwrap(),
            severity.to_string()
        );
    }
    assert!(
        "worst"
            .parse::<Severity>()
            .unwrap_err()
            .contains("low, medium, high, emergency")
    );
    assert!(
        "eaten"
            .parse::<What>()
            .unwrap_err()
            .contains("raised, repeated")
    );
    assert_eq!(
        CaseState::ALL.map(CaseState::as_str)[2],
        "cleared-unacknowledged"
    );
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0i64..253_402_300_799_000_000).prop_map(Timestamp::from_micros)
}

prop_compose! {
    fn signature()(by in "\\PC{0,8}", at in time(), why in proptest::option::of("\\PC{0,8}")) -> Signature {
        Signature { by, at, why }
    }
}

prop_compose! {
    fn told()(received in time(), happened in proptest::option::of(time())) -> Told {
        Told { received, happened }
    }
}

fn severity() -> impl Strategy<Value = Severity> {
    proptest::sample::select(&Severity::ALL[..])
}

prop_compose! {
    fn raise()(severity in severity(), text in "\\PC*", cause in "\\PC*", by in "\\PC*", n in 0..9) -> Raise {
        Raise { severity, text, cause, by, detail: json!({ "n": [n, null, "x"] }) }
    }
}

prop_compose! {
    fn condition()(
        source in "\\PC+",
        active: bool,
        lasting: bool,
        raised in proptest::option::of(told()),
        pending in proptest::option::of((time(), proptest::option::of(raise()), told())),
        shelved in proptest::option::of((time(), any::<bool>(), signature())),
        suppressed in proptest::option::of(signature()),
        out_of_service in proptest::option::of(signature()),
    ) -> Condition {
        Condition {
            source, active, lasting, raised, suppressed, out_of_service,
            condition: "c".to_owned(),
            pending: pending.map(|(at, raise, since)| Pending { at, raise, since }),
            shelved: shelved.map(|(until, once, signature)| Shelf { until, once, signature }),
            case: Some("3-17".parse().unwrap()),
        }
    }
}

prop_compose! {
    fn case()(
        texts in ("\\PC+", "\\PC*", "\\PC*", proptest::option::of("\\PC*")),
        severity in severity(),
        times in (time(), time(), time(), proptest::option::of(time()), proptest::option::of(time())),
        flags: (bool, bool),
        repeats: u32,
        signatures in proptest::collection::vec(proptest::option::of(signature()), 3),
    ) -> Case {
        Case {
            id: "3-17".parse().unwrap(),
            source: texts.0, condition: "c".to_owned(), severity, text: texts.1, name: None,
            customer: texts.3, raised_at: times.0, received_at: times.1, happened_at: times.3,
            cause: texts.2, active: flags.0, cleared_at: times.4,
            acknowledged: signatures[0].clone(), confirmed: signatures[1].clone(),
            closed: signatures[2].clone(), repeats, last_raised_at: times.2, owner: None,
            quiet: flags.1, detail: json!({ "a": [1.5, true] }),
        }
    }
}

proptest! {
    #[test]
    fn every_case_reads_back(case in case()) {
        prop_assert_eq!(Case::decode(case.id, &case.encode()), Ok(case));
    }

    #[test]
    fn every_condition_reads_back(condition in condition()) {
        prop_assert_eq!(Condition::decode(&condition.encode()), Ok(condition));
    }

    #[test]
    fn every_step_reads_back(case in case(), signature in signature(), to in proptest::option::of("\\PC*")) {
        let Signature { by, at, why } = signature;
        let record = StepRecord::new(Step { what: What::Severity, by, at, why, to }, &case);
        prop_assert_eq!(StepRecord::decode(&record.encode()), Ok(record));
    }
}
