//! Which values of topics a client holds: what a change of them can be based on.

use spica_model::Lane;

use crate::subscription::{Held, Sub};
use crate::topics::{Entry, Version};

impl Sub {
    /// The older value that the client holds of a topic, if that is known.
    pub(crate) fn base<'a>(&self, entry: &'a Entry) -> Option<&'a Version> {
        let stood = || {
            let base = entry.held_at(self.whole)?;
            (base.seq > self.began[base.lane.index()]).then_some(base)
        };
        match &self.held {
            Held::Whole => stood(),
            Held::Since(sent) => match sent.get(&entry.number) {
                Some(&(lane, seq)) => entry.version(lane, seq),
                None => stood(),
            },
            Held::Unknown => None,
        }
    }

    /// Notes values that were sent since the subscription last had everything.
    pub(crate) fn hold(&mut self, values: &[(u64, Lane, u64)], most: usize) {
        if matches!(self.held, Held::Unknown) || values.is_empty() {
            return;
        }
        if matches!(self.held, Held::Whole) {
            self.held = Held::Since(Box::default());
        }
        let Held::Since(sent) = &mut self.held else {
            return;
        };
        sent.extend(
            values
                .iter()
                .map(|(number, lane, seq)| (*number, (*lane, *seq))),
        );
        if sent.len() > most {
            self.held = Held::Unknown;
        }
    }
}
