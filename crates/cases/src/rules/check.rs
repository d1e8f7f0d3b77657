//! Whether rules make sense.

use spica_settings::Span;

use crate::rules::{Threshold, kebab};
use crate::{Rules, Severity};

/// Names of conditions that thresholds raise on their own account.
const OWN: [&str; 2] = ["stale", "bad-quality"];
/// Longest text of a threshold, in bytes.
const TEXT_BYTES: usize = 200;
/// Most thresholds.
const THRESHOLDS: usize = 10_000;

/// A rule that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct RuleError {
    /// Where, such as `thresholds[2].hysteresis`.
    pub path: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

impl Rules {
    /// What makes no sense in these rules; empty if all is well.
    #[must_use]
    pub fn check(&self) -> Vec<RuleError> {
        let mut errors = Vec::new();
        let mut add = |path: &str, reason: &str| {
            errors.push(RuleError {
                path: path.to_owned(),
                reason: reason.to_owned(),
            });
        };
        let least = Span::from_secs(1);
        if self.shelf_max < least || self.shelf_max > Span::from_days(30) {
            add("shelf_max", "1s to 30d are allowed");
        }
        if self.emergency_shelf_max < least || self.emergency_shelf_max > Span::from_days(1) {
            add("emergency_shelf_max", "1s to 1d are allowed");
        }
        for (name, value, most) in [
            ("max_open", self.max_open, 1_000_000),
            ("max_closed", self.max_closed, 1_000_000),
            ("max_conditions", self.max_conditions, 10_000_000),
            ("max_watched", self.max_watched, 10_000_000),
        ] {
            if !(1..=most).contains(&value) {
                add(name, &format!("1 to {most} are allowed"));
            }
        }
        if self.thresholds.len() > THRESHOLDS {
            add("thresholds", "at most 10000 are allowed");
        }
        if !self.operator_closes.contains(&Severity::Emergency) {
            add(
                "operator_closes",
                "\"emergency\" has to be among them: an emergency is closed by a person, with a reason",
            );
        }
        for (index, threshold) in self.thresholds.iter().enumerate().take(THRESHOLDS) {
            check_threshold(threshold, &mut |field, reason| {
                add(&format!("thresholds[{index}].{field}"), reason);
            });
        }
        errors
    }
}

fn check_threshold(rule: &Threshold, add: &mut dyn FnMut(&str, &str)) {
    if kebab(&rule.condition) != rule.condition {
        let reason = format!(
            "a condition is named in kebab case, with at most 64 bytes, such as \"{}\"",
            kebab(&rule.condition)
        );
        add("condition", &reason);
    }
    if OWN.contains(&rule.condition.as_str()) {
        add(
            "condition",
            "stale and bad-quality are raised by `stale_after` and `bad_quality`: choose another name",
        );
    }
    let plain =
        |text: &str| (1..=TEXT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if !rule.text.as_deref().is_none_or(plain) {
        add("text", "1 to 200 bytes on one line are allowed, or none");
    }
    if !rule.pointer.is_empty() && !rule.pointer.starts_with('/') {
        add(
            "pointer",
            "a JSON pointer begins with /, such as \"/level\", or is empty",
        );
    }
    check_limits(rule, add);
    let most = Span::from_days(30);
    for (field, span) in [("delay_on", rule.delay_on), ("delay_off", rule.delay_off)] {
        if span > most {
            add(field, "up to 30d are allowed");
        }
    }
    let stale = Span::from_secs(1)..=Span::from_days(365);
    if !rule.stale_after.is_none_or(|span| stale.contains(&span)) {
        add("stale_after", "1s to 365d are allowed");
    }
}

fn check_limits(rule: &Threshold, add: &mut dyn FnMut(&str, &str)) {
    let finite = |value: Option<f64>| value.is_none_or(f64::is_finite);
    for (field, value) in [("above", rule.above), ("below", rule.below)] {
        if !finite(value) {
            add(field, "a finite number is allowed");
        }
    }
    if !(rule.hysteresis.is_finite() && rule.hysteresis >= 0.0) {
        add(
            "hysteresis",
            "a finite number that is not negative is allowed",
        );
    }
    if let (Some(above), Some(below)) = (rule.above, rule.below)
        // What is cleared must be neither above nor below: otherwise nothing ever clears.
        && above - rule.hysteresis < below + rule.hysteresis
    {
        add(
            "hysteresis",
            "between `below` and `above` no value is left that clears: move them apart, or take less",
        );
    }
    let nothing = rule.above.is_none() && rule.below.is_none();
    if nothing && rule.stale_after.is_none() && !rule.bad_quality {
        add(
            "above",
            "set `above`, `below`, `stale_after` or `bad_quality`: else the rule does nothing",
        );
    }
}
