//! Sizes of the journal that depend on each other.

use spica_settings::ByteSize;

use super::{Breach, Rules};
use crate::config::finding::{Code, Severity};

/// A value that may not be smaller than another one of its lane.
struct Pair {
    lane: &'static str,
    key: &'static str,
    value: ByteSize,
    least_key: &'static str,
    least: ByteSize,
    why: &'static str,
}

impl Rules<'_> {
    pub(super) fn journal(&mut self) {
        for pair in self.pairs() {
            if pair.value < pair.least {
                self.too_small(&pair);
            }
        }
        self.refused_by_the_journal();
    }

    fn pairs(&self) -> Vec<Pair> {
        const RETENTION: &str =
            "retention removes whole segments: with less, nothing could be kept";
        const QUEUE: &str = "with less, no commit could be full";
        let journal = &self.draft.value.journal;
        let mut pairs = Vec::new();
        macro_rules! lane {
            ($lane:ident) => {
                let lane = &journal.$lane;
                let mut pair = |key, value, least_key, least, why| {
                    let lane = stringify!($lane);
                    pairs.push(Pair {
                        lane,
                        key,
                        value,
                        least_key,
                        least,
                        why,
                    });
                };
                let (segment, commit) = (lane.segment_bytes, lane.commit_bytes_max);
                pair(
                    "retention_bytes",
                    lane.retention_bytes,
                    "segment_bytes",
                    segment,
                    RETENTION,
                );
                pair(
                    "queue_bytes",
                    lane.queue_bytes,
                    "commit_bytes_max",
                    commit,
                    QUEUE,
                );
            };
        }
        lane!(critical);
        lane!(normal);
        pairs
    }

    fn too_small(&mut self, pair: &Pair) {
        let name = |key| format!("journal.{}.{key}", pair.lane);
        let (key, least_key) = (name(pair.key), name(pair.least_key));
        let message = format!(
            "`{key}` ({}) is less than `{}` ({})",
            self.value(&key, pair.value),
            pair.least_key,
            self.value(&least_key, pair.least),
        );
        self.report(Breach {
            code: Code::Limits,
            severity: Severity::Error,
            message,
            help: pair.why.to_owned(),
            keys: &[
                (&key, format!("allowed: at least {}", pair.least)),
                (&least_key, format!("allowed: at most {}", pair.value)),
            ],
        });
    }

    /// The journal has the last word. What it says beyond the schema has no better place than its
    /// section.
    fn refused_by_the_journal(&mut self) {
        if let Err(error) = self.draft.value.journal.validate() {
            self.report(Breach {
                code: Code::Limits,
                severity: Severity::Error,
                message: format!("the journal refuses its settings: {error}"),
                help: String::new(),
                keys: &[("journal", "in this section".to_owned())],
            });
        }
    }
}
