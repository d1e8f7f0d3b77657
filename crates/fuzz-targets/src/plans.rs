//! Fuzz target: plan files. Whatever was accepted is used: a case is raised and time goes by.

use std::sync::Arc;
use std::time::Duration;

use spica_alerts::{Alerts, ChannelKind, Outcome, Plans};
use spica_cases::{Cases, Output, Rules, Severity, Trouble};
use spica_model::{Timestamp, Topic};

/// Longest input that is used: what is longer is only read.
const USED_BYTES: usize = 20_000;
/// How often something happens, at most.
const TURNS: usize = 60;

/// Runs the target on one input.
///
/// # Panics
/// If a problem does not point into the text, or plans that were accepted break a promise.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Plans::parse(text, &ChannelKind::ALL) {
        Ok(plans) if text.len() <= USED_BYTES => live(plans),
        Ok(_) => {}
        Err(problems) => {
            assert!(!problems.is_empty() && problems.is_sorted());
            for problem in problems {
                assert!((1..=1 + text.matches('\n').count()).contains(&problem.line));
                assert!(problem.column >= 1 && !problem.reason.is_empty());
            }
        }
    }
}

/// An emergency that nobody acknowledges.
fn live(plans: Plans) {
    let rules = Rules {
        thresholds: plans.thresholds().to_vec(),
        ..Rules::default()
    };
    assert_eq!(rules.check(), []);
    let Ok(node) = Topic::new("root") else {
        return;
    };
    let mut cases = Cases::new(node.clone(), Rules::default());
    cases.begin(1);
    let mut alerts = Alerts::new(node, Arc::new(plans));
    // In the night in which the clocks of Europe change.
    let mut now = Timestamp::from_secs(1_792_882_800);
    let mut out = Output::default();
    cases.trouble(&trouble(), now, &mut out);
    let mut drafts = Vec::new();
    for change in &out.changes {
        alerts.on_change(change, now, &mut drafts);
    }
    for _ in 0..TURNS {
        drafts.clear();
        for exhausted in alerts.on_time(&cases, now, &mut drafts) {
            assert!(!alerts.is_escalating(exhausted.case));
        }
        for id in alerts.ready(now, 100) {
            let message = alerts.message(id, &cases, now, None);
            assert!(message.is_some_and(|message| message.subject.chars().count() <= 200));
            let answer = String::new();
            let outcome = match id.number % 3 {
                0 => Outcome::Delivered { answer },
                1 => Outcome::Refused { answer },
                _ => Outcome::Retry {
                    answer,
                    after: None,
                },
            };
            alerts.on_attempt(id, &outcome, &cases, now, &mut drafts);
        }
        match alerts.next_due() {
            Some(due) => now = now.max(due).saturating_add(Duration::from_micros(1)),
            None => return,
        }
    }
}

fn trouble() -> Trouble {
    Trouble {
        source: "plant/pump1".to_owned(),
        condition: "man-down".to_owned(),
        severity: Severity::Emergency,
        active: true,
        text: "Man down".to_owned(),
        detail: serde_json::Value::Null,
    }
}
