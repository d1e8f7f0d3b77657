//! The node's own troubles, as its parts report them.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use spica_cases::Trouble;
use tokio::sync::mpsc;

use crate::handle::Request;

/// Sources and conditions whose troubles are remembered.
const STANDING: usize = 10_000;

type Key = (String, String);

#[derive(Default)]
struct Troubles {
    stand: BTreeMap<Key, Trouble>,
    changed: Vec<Key>,
}

impl Troubles {
    /// Forgets a trouble that is over, and that the desk knows to be; whether there is one.
    fn forget_one(&mut self) -> bool {
        let over =
            |(key, trouble): &(&Key, &Trouble)| !trouble.active && !self.changed.contains(*key);
        let found = self.stand.iter().find(over).map(|(key, _)| key.clone());
        found.is_some_and(|key| self.stand.remove(&key).is_some())
    }
}

/// Takes reports of troubles of the node itself; cheap to clone. What stands is remembered as long as
/// the process lives, so that a node that begins to serve knows it.
#[derive(Clone)]
pub struct Reporter {
    troubles: Arc<Mutex<Troubles>>,
    requests: mpsc::Sender<Request>,
}

impl Reporter {
    pub(crate) fn new(requests: mpsc::Sender<Request>) -> Self {
        Self {
            troubles: Arc::default(),
            requests,
        }
    }

    /// Takes notice of a trouble, or of its end. Never waits. The same again changes nothing.
    pub fn report(&self, trouble: Trouble) {
        let key = (trouble.source.clone(), trouble.condition.clone());
        {
            let mut troubles = self.troubles.lock();
            let known = troubles.stand.get(&key);
            let is_news = match known {
                Some(known) => *known != trouble,
                // Something that ended may have begun before this process did.
                None => true,
            };
            if !is_news {
                return;
            }
            let is_full = known.is_none() && troubles.stand.len() >= STANDING;
            if is_full && !troubles.forget_one() {
                tracing::warn!(
                    source = key.0,
                    condition = key.1,
                    "too many troubles to remember"
                );
                return;
            }
            troubles.stand.insert(key.clone(), trouble);
            troubles.changed.push(key);
        }
        // With a full inbox, the desk looks at them after what is in it.
        let _ = self.requests.try_send(Request::Troubles);
    }

    /// All that is known.
    pub(crate) fn all(&self) -> Vec<Trouble> {
        let mut troubles = self.troubles.lock();
        troubles.changed.clear();
        troubles.stand.values().cloned().collect()
    }

    /// What has changed since the last call.
    pub(crate) fn changed(&self) -> Vec<Trouble> {
        let mut troubles = self.troubles.lock();
        let keys = std::mem::take(&mut troubles.changed);
        let changed = keys
            .iter()
            .filter_map(|key| troubles.stand.get(key).cloned());
        changed.collect()
    }
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reporter")
    }
}

#[cfg(test)]
mod tests {
    use spica_cases::Severity;

    use super::*;

    fn trouble(number: usize, active: bool) -> Trouble {
        Trouble {
            source: format!("plant/{number}"),
            condition: "too-hot".to_owned(),
            severity: Severity::Low,
            active,
            text: String::new(),
            detail: serde_json::Value::Null,
        }
    }

    #[test]
    fn those_that_are_over_make_room_for_those_that_stand() {
        let reporter = Reporter::new(mpsc::channel(1).0);
        for number in 0..STANDING {
            reporter.report(trouble(number, true));
        }
        reporter.report(trouble(STANDING, true));
        assert_eq!(reporter.changed().len(), STANDING, "so many and no more");
        reporter.report(trouble(7, false));
        reporter.report(trouble(STANDING, true));
        assert_eq!(
            reporter.changed(),
            [trouble(7, false)],
            "its end is to be told first"
        );
        reporter.report(trouble(STANDING, true));
        assert_eq!(reporter.changed(), [trouble(STANDING, true)]);
        assert_eq!(reporter.all().len(), STANDING);
    }
}
