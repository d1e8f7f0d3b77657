//! What the notices of a pair do: `<node>/system/pair/<notice>`.

use serde::Deserialize;
use serde_json::Value;
use spica_model::{Op, Record};

use super::values::told;
use super::{Cases, Turn, life};
use crate::{Raise, Severity, What};

/// The source of the conditions of a pair.
const SOURCE: &str = "system/pair";

/// What of the payload of a notice is of use.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Notice {
    text: String,
}

/// How bad it is what a notice says, and the conditions that it ends. What ends nothing of what it
/// says has to be cleared by a person.
fn meaning(notice: &str) -> Option<(Option<Severity>, &'static [&'static str])> {
    use Severity::{High, Medium};
    let meaning: (Option<Severity>, &[&str]) = match notice {
        "failover" => (Some(Medium), &["undecided", "unhealthy-start", "stale"]),
        "active" | "promoted" => (None, &["undecided", "unhealthy-start", "stale"]),
        "partner-lost" | "solo" | "silent" | "stale" | "undecided" | "role-error" | "diverged"
        | "damage" => (Some(High), &[]),
        "unhealthy-start" => (Some(Medium), &[]),
        "partner-back" => (None, &["partner-lost", "silent", "role-error"]),
        "complete" => (
            None,
            &[
                "failover",
                "partner-lost",
                "solo",
                "silent",
                "stale",
                "undecided",
                "unhealthy-start",
                "role-error",
            ],
        ),
        _ => return None,
    };
    Some(meaning)
}

impl Cases {
    /// A notice of the pair. Those that are not known say nothing about cases.
    pub(super) fn on_notice(&mut self, notice: &str, record: &Record, turn: &mut Turn<'_>) {
        let known = meaning(notice).filter(|_| record.op == Op::Put);
        let Some((severity, ends)) = known else {
            return;
        };
        let told = told(record);
        for condition in ends {
            let it = self
                .conditions
                .get(SOURCE, condition)
                .filter(|it| it.active);
            let newer = it
                .and_then(|it| it.raised)
                .is_some_and(|raised| told.is_before(&raised));
            if it.is_some() && !newer {
                let step = life::step(What::Cleared, "node", turn);
                self.with(SOURCE, condition, turn, |cases, it, turn| {
                    cases.clear(it, step, turn);
                });
            }
        }
        let Some(severity) = severity else { return };
        let said: Result<Notice, _> = serde_json::from_slice(&record.payload);
        self.counts.unreadable += u64::from(said.is_err());
        let text = said.map(|said| said.text).unwrap_or_default();
        let raise = Raise {
            severity,
            text: if text.is_empty() {
                life::line(notice)
            } else {
                text
            },
            cause: record.position.to_string(),
            by: "node".to_owned(),
            detail: Value::Null,
        };
        self.with(SOURCE, notice, turn, |cases, it, turn| {
            cases.raise(it, raise, told, turn);
        });
    }
}
