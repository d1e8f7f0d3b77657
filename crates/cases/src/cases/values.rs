//! Thresholds: values beyond a limit, bad quality, silence.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use spica_model::{Op, Quality, Record, Timestamp};

use super::watches::Heard;
use super::{Cases, Turn, life};
use crate::{Condition, Pending, Raise, Step, Threshold, Told, What};

/// What is the matter with a topic that is silent for too long.
pub(super) const STALE: &str = "stale";
/// What is the matter with a topic whose last record is of bad quality.
const BAD_QUALITY: &str = "bad-quality";
/// Who raises and clears by a limit.
const BY: &str = "threshold";

/// How a value stands to the limits of a rule. Between the two lies the hysteresis.
#[derive(Debug, Clone, Copy)]
struct Side {
    beyond: bool,
    back: bool,
}

impl Side {
    fn of(value: f64, rule: &Threshold) -> Self {
        let over = rule.above.is_some_and(|limit| value > limit);
        let under = rule.below.is_some_and(|limit| value < limit);
        let fallen = rule
            .above
            .is_none_or(|limit| value <= limit - rule.hysteresis);
        let risen = rule
            .below
            .is_none_or(|limit| value >= limit + rule.hysteresis);
        Self {
            beyond: over || under,
            back: fallen && risen,
        }
    }
}

impl Cases {
    /// A record that thresholds may be about.
    pub(super) fn on_value(&mut self, path: &str, record: &Record, turn: &mut Turn<'_>) {
        let found = self.matcher.find(path);
        if found.is_empty() {
            return;
        }
        let rules = Arc::clone(&self.rules);
        let matching = || {
            found
                .iter()
                .map(|number| (*number, &rules.thresholds[*number]))
        };
        if record.op == Op::Delete {
            self.topic_gone(path, matching().map(|(_, rule)| rule), turn);
            return;
        }
        let watch = matching().find_map(|(number, rule)| Some((number, rule.stale_after?.into())));
        if let Some(watch) = watch {
            self.hear(path, record, watch, turn);
        }
        if let Some((_, rule)) = matching().find(|(_, rule)| rule.bad_quality) {
            self.judge_quality(path, record, rule, turn);
        }
        if record.quality == Quality::Bad {
            return;
        }
        let mut judged: Vec<&str> = Vec::new();
        for (_, rule) in matching() {
            // The first rule of a condition counts.
            if !judged.contains(&rule.condition.as_str()) {
                judged.push(&rule.condition);
                self.judge(path, record, rule, turn);
            }
        }
    }

    fn judge(&mut self, path: &str, record: &Record, rule: &Threshold, turn: &mut Turn<'_>) {
        if rule.above.is_none() && rule.below.is_none() {
            return;
        }
        let Some(value) = number(&record.payload, &rule.pointer) else {
            self.counts.no_number += 1;
            return;
        };
        let side = Side::of(value, rule);
        if !side.beyond && self.conditions.get(path, &rule.condition).is_none() {
            return;
        }
        let told = told(record);
        let raise = || Raise {
            severity: rule.severity,
            text: rule
                .text
                .clone()
                .unwrap_or_else(|| life::line(&rule.condition)),
            cause: record.position.to_string(),
            by: BY.to_owned(),
            detail: json!({ "value": value, "above": rule.above, "below": rule.below }),
        };
        self.with(path, &rule.condition, turn, |cases, it, turn| {
            it.lasting = true;
            cases.catch_up(it, record.received, turn);
            let delays = (rule.delay_on.into(), rule.delay_off.into());
            cases.stand(it, side, delays, told, raise, turn);
        });
    }

    /// Moves a condition as the value stands, at once or after a delay.
    fn stand(
        &mut self,
        it: &mut Condition,
        side: Side,
        (delay_on, delay_off): (Duration, Duration),
        told: Told,
        raise: impl FnOnce() -> Raise,
        turn: &mut Turn<'_>,
    ) {
        let pending = |delay, raise| Pending {
            at: told.received.saturating_add(delay),
            raise,
            since: told,
        };
        match (it.active, it.pending.is_some()) {
            (false, false) if side.beyond && delay_on.is_zero() => {
                self.raise(it, raise(), told, turn);
            }
            (false, false) if side.beyond => {
                let raise = life::bounded(raise());
                if self.admits(it, raise.severity) {
                    it.pending = Some(pending(delay_on, Some(raise)));
                } else {
                    self.counts.refused += 1;
                }
            }
            (false, true) if !side.beyond => it.pending = None,
            (true, false) if side.back && delay_off.is_zero() => {
                self.clear(it, life::step(What::Cleared, BY, turn), turn);
            }
            (true, false) if side.back => it.pending = Some(pending(delay_off, None)),
            (true, true) if !side.back => it.pending = None,
            _ => {}
        }
    }

    fn judge_quality(
        &mut self,
        path: &str,
        record: &Record,
        rule: &Threshold,
        turn: &mut Turn<'_>,
    ) {
        let bad = record.quality == Quality::Bad;
        let was = self
            .conditions
            .get(path, BAD_QUALITY)
            .is_some_and(holds_or_will);
        if bad && !was {
            let raise = Raise {
                severity: rule.quality_severity,
                text: life::line(BAD_QUALITY),
                cause: record.position.to_string(),
                by: BY.to_owned(),
                detail: Value::Null,
            };
            self.with(path, BAD_QUALITY, turn, |cases, it, turn| {
                it.lasting = true;
                cases.raise(it, raise, told(record), turn);
            });
        } else if was && !bad {
            self.over(path, BAD_QUALITY, BY, None, turn);
        }
    }

    fn hear(&mut self, path: &str, record: &Record, watch: (usize, Duration), turn: &mut Turn<'_>) {
        match self
            .watches
            .hear(path, record, watch, self.rules.max_watched)
        {
            Heard::Nothing => {}
            Heard::Full => self.counts.unwatched += 1,
            Heard::Late(deadline) => {
                // It was silent for too long, whether anybody looked in between or not.
                self.raise_stale(path, watch.0, deadline, turn);
                self.over(path, STALE, BY, None, turn);
            }
            Heard::Again => self.over(path, STALE, BY, None, turn),
        }
    }

    /// A watched topic has been silent for too long.
    pub(super) fn silent(&mut self, path: &str, deadline: Timestamp, turn: &mut Turn<'_>) {
        if let Some(rule) = self.watches.tell(path) {
            self.raise_stale(path, rule, deadline, turn);
        }
    }

    fn raise_stale(&mut self, path: &str, rule: usize, deadline: Timestamp, turn: &mut Turn<'_>) {
        let Some(rule) = self.rules.thresholds.get(rule) else {
            return;
        };
        let raise = Raise {
            severity: rule.quality_severity,
            text: life::line(STALE),
            cause: "timer".to_owned(),
            by: "timer".to_owned(),
            detail: json!({ "deadline": deadline.to_string() }),
        };
        let told = Told {
            received: deadline,
            happened: None,
        };
        self.with(path, STALE, turn, |cases, it, turn| {
            it.lasting = true;
            cases.raise(it, raise, told, turn);
        });
    }

    fn topic_gone<'r>(
        &mut self,
        path: &str,
        rules: impl Iterator<Item = &'r Threshold>,
        turn: &mut Turn<'_>,
    ) {
        self.watches.forget(path);
        let own = [STALE, BAD_QUALITY];
        let names = rules.map(|rule| rule.condition.as_str()).chain(own);
        for name in names {
            if self.conditions.get(path, name).is_some_and(holds_or_will) {
                self.over(path, name, BY, Some("its topic was deleted"), turn);
            }
        }
    }

    /// What a source said itself is over.
    fn over(
        &mut self,
        source: &str,
        condition: &str,
        by: &str,
        why: Option<&str>,
        turn: &mut Turn<'_>,
    ) {
        let step = Step {
            why: why.map(str::to_owned),
            ..life::step(What::Cleared, by, turn)
        };
        self.with(source, condition, turn, |cases, it, turn| {
            cases.clear(it, step, turn);
        });
    }
}

/// Whether a condition holds, or will by itself.
pub(super) fn holds_or_will(it: &Condition) -> bool {
    it.active || it.pending.is_some()
}

/// When a record was received, and when its source says it happened.
pub(super) const fn told(record: &Record) -> Told {
    Told {
        received: record.received,
        happened: record.source_time,
    }
}

/// The finite number that a JSON pointer points to; true and false are 1 and 0. Without a pointer
/// the payload is the number.
fn number(payload: &[u8], pointer: &str) -> Option<f64> {
    let value = if pointer.is_empty() {
        let text = std::str::from_utf8(payload).ok()?.trim();
        match text {
            "true" => 1.0,
            "false" => 0.0,
            _ => text.parse().ok()?,
        }
    } else {
        let json: Value = serde_json::from_slice(payload).ok()?;
        match json.pointer(pointer)? {
            Value::Bool(value) => f64::from(u8::from(*value)),
            value => value.as_f64()?,
        }
    };
    f64::is_finite(value).then_some(value)
}
