//! How a channel goes, for status pages, metrics and people.

use std::sync::Arc;

use parking_lot::Mutex;
use spica_alerts::Outcome;
use spica_model::Timestamp;

/// The last of its sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// When.
    pub at: Timestamp,
    /// What the other side said, or what went wrong.
    pub answer: String,
}

/// A standing session or supervised path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Its name within the channel, such as `session`, `primary`, `secondary`.
    pub name: Arc<str>,
    /// Whether it is there; none before the first try has ended.
    pub up: Option<bool>,
    /// Since when.
    pub since: Timestamp,
    /// What is known of it, in a line for people; empty if nothing is.
    pub text: String,
}

/// How a channel goes. Counts begin with the channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Messages that were delivered.
    pub delivered: u64,
    /// Attempts that may work later.
    pub retries: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// Sends under way, including those that wait for a place.
    pub in_flight: usize,
    /// The last delivery.
    pub last_success: Option<Last>,
    /// The last attempt that failed, for now or for good.
    pub last_failure: Option<Last>,
    /// Its standing sessions; empty for kinds without any, and before the start.
    pub paths: Vec<Path>,
}

impl Health {
    /// Whether there is reason to think that the next message gets out: no path is down for all
    /// that is known, and the last attempt was no failure.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let a_path = self.paths.is_empty() || self.paths.iter().any(|path| path.up != Some(false));
        let at = |last: &Option<Last>| last.as_ref().map(|last| last.at);
        a_path && at(&self.last_failure) <= at(&self.last_success)
    }
}

/// Keeps a channel's [`Health`], without its paths.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Health>);

impl Tally {
    /// A send begins; it is under way until what is returned is dropped.
    #[must_use]
    pub fn enter(&self) -> impl Drop + Send + '_ {
        self.0.lock().in_flight += 1;
        Underway(self)
    }

    /// A send has ended at `at`.
    pub fn note(&self, outcome: &Outcome, at: Timestamp) {
        let mut health = self.0.lock();
        let last = Some(Last {
            at,
            answer: outcome.answer().to_owned(),
        });
        match outcome {
            Outcome::Delivered { .. } => {
                health.delivered += 1;
                health.last_success = last;
            }
            Outcome::Retry { .. } => {
                health.retries += 1;
                health.last_failure = last;
            }
            Outcome::Refused { .. } => {
                health.refused += 1;
                health.last_failure = last;
            }
        }
    }

    /// How it goes now, with these paths.
    #[must_use]
    pub fn health(&self, paths: Vec<Path>) -> Health {
        let health = self.0.lock().clone();
        Health { paths, ..health }
    }
}

/// One send under way.
struct Underway<'a>(&'a Tally);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.0.lock().in_flight -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn outcomes_are_counted_and_the_last_are_kept() {
        let tally = Tally::default();
        let answer = |text: &str| text.to_owned();
        let underway = tally.enter();
        assert_eq!(tally.health(vec![]).in_flight, 1);
        drop(underway);
        tally.note(
            &Outcome::Delivered {
                answer: answer("250"),
            },
            at(1),
        );
        assert!(tally.health(vec![]).is_well());
        tally.note(
            &Outcome::Retry {
                answer: answer("451"),
                after: None,
            },
            at(2),
        );
        tally.note(
            &Outcome::Refused {
                answer: answer("550"),
            },
            at(3),
        );
        let health = tally.health(vec![]);
        let counts = (
            health.delivered,
            health.retries,
            health.refused,
            health.in_flight,
        );
        assert_eq!(counts, (1, 1, 1, 0));
        assert_eq!(health.last_success.as_ref().unwrap().answer, "250");
        assert_eq!(health.last_failure.as_ref().unwrap().answer, "550");
        assert!(!health.is_well());
    }

    #[test]
    fn one_path_that_may_be_up_is_enough() {
        let path = |up| Path {
            name: "primary".into(),
            up,
            since: at(0),
            text: String::new(),
        };
        let tally = Tally::default();
        assert!(tally.health(vec![path(Some(false)), path(None)]).is_well());
        assert!(
            !tally
                .health(vec![path(Some(false)), path(Some(false))])
                .is_well()
        );
    }
}
