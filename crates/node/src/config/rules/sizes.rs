//! Sizes that depend on each other.

use spica_settings::ByteSize;

use super::{Breach, Rules};
use crate::config::Config;
use crate::config::finding::{Code, Severity};

/// A value that may not be smaller than another one.
struct Pair {
    key: &'static str,
    value: ByteSize,
    least_key: &'static str,
    least: ByteSize,
    why: &'static str,
}

const RETENTION: &str = "retention removes whole segments: with less, nothing could be kept";
const QUEUE: &str = "with less, no commit could be full";
const BODIES: &str = "with less, the largest body that is allowed would always be refused";

/// A key by its levels.
macro_rules! key {
    ($first:ident $(. $level:ident)*) => {
        concat!(stringify!($first) $(, ".", stringify!($level))*)
    };
}

/// A [`Pair`] of two keys, by their names as in Rust.
macro_rules! pair {
    ($config:ident . $($key:ident).+ >= $($least:ident).+, $why:ident) => {
        Pair {
            key: key!($($key).+),
            value: $config.$($key).+,
            least_key: key!($($least).+),
            least: $config.$($least).+,
            why: $why,
        }
    };
}

fn pairs(config: &Config) -> [Pair; 6] {
    [
        pair!(
            config.journal.critical.retention_bytes >= journal.critical.segment_bytes,
            RETENTION
        ),
        pair!(
            config.journal.normal.retention_bytes >= journal.normal.segment_bytes,
            RETENTION
        ),
        pair!(
            config.journal.critical.queue_bytes >= journal.critical.commit_bytes_max,
            QUEUE
        ),
        pair!(
            config.journal.normal.queue_bytes >= journal.normal.commit_bytes_max,
            QUEUE
        ),
        pair!(config.http.bodies_limit >= http.batch_limit, BODIES),
        pair!(config.http.bodies_limit >= http.import_limit, BODIES),
    ]
}

impl Rules<'_> {
    pub(super) fn sizes(&mut self) {
        for pair in pairs(&self.draft.value) {
            if pair.value < pair.least {
                self.too_small(&pair);
            }
        }
        self.refused_by_the_journal();
    }

    fn too_small(&mut self, pair: &Pair) {
        let message = format!(
            "`{}` ({}) is less than `{}` ({})",
            pair.key,
            self.value(pair.key, pair.value),
            pair.least_key,
            self.value(pair.least_key, pair.least),
        );
        self.report(Breach {
            code: Code::Limits,
            severity: Severity::Error,
            message,
            help: pair.why.to_owned(),
            keys: &[
                (pair.key, format!("allowed: at least {}", pair.least)),
                (pair.least_key, format!("allowed: at most {}", pair.value)),
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
