//! The oracle: it sees everything, remembers what was promised, and says at once when a promise is
//! broken. What is promised stands in [`crate::invariants`], a file each.

use spica_model::Epoch;

use crate::profile::Profile;
use crate::words::{Entry, Key, Us};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub invariant: &'static str,
    /// When it broke, in microseconds of virtual time.
    pub at: Us,
    /// What was seen.
    pub what: String,
}

/// What the oracle remembers.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) profile: Profile,
    /// For each lane and place, the record that was acknowledged there last.
    pub(crate) acknowledged: [Vec<Entry>; 2],
    /// For each lane and place, the record that the handler worked on there last.
    pub(crate) handled: [Vec<Option<Entry>>; 2],
    /// For each fact, whether the handler has worked on it.
    pub(crate) worked_on: Vec<bool>,
    /// Facts of which a client was told that they are kept.
    pub(crate) heard: Vec<Key>,
    /// Facts that were cut off a lane.
    pub(crate) set_aside: Vec<Key>,
    /// Reigns: epoch and node, in the order they began.
    pub(crate) reigns: Vec<(Epoch, usize)>,
    /// Epochs that the witness has granted.
    pub(crate) granted: Vec<Epoch>,
    /// How often each command was given to a device.
    pub(crate) carried_out: Vec<u32>,
    /// Reigns of which was looked at whether they hold everything.
    pub(crate) looked_at: Vec<Epoch>,
    /// Whether an operator has made a node active whatever it lacked.
    pub(crate) ordered: bool,
    /// Longest time between two acknowledgements that clients heard.
    pub(crate) last_heard: Us,
    pub(crate) longest_gap: Us,
    pub(crate) closing: bool,
    pub(crate) finished: bool,
    pub(crate) broken: Option<Broken>,
}

impl Oracle {
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            profile,
            acknowledged: Default::default(),
            handled: Default::default(),
            worked_on: Vec::new(),
            heard: Vec::with_capacity(512),
            set_aside: Vec::new(),
            reigns: Vec::new(),
            granted: Vec::new(),
            carried_out: Vec::new(),
            looked_at: Vec::new(),
            ordered: false,
            last_heard: 0,
            longest_gap: 0,
            closing: false,
            finished: false,
            broken: None,
        }
    }

    /// Notes that an invariant does not hold; the first one counts.
    pub(crate) fn breaks(
        &mut self,
        invariant: &'static str,
        at: Us,
        what: impl FnOnce() -> String,
    ) {
        if self.broken.is_none() {
            let what = what();
            self.broken = Some(Broken {
                invariant,
                at,
                what,
            });
        }
    }

    pub(crate) fn granted(&mut self, epoch: Epoch) {
        self.granted.push(epoch);
    }

    pub(crate) fn client_heard(&mut self, key: Key, now: Us) {
        self.heard.push(key);
        self.longest_gap = self.longest_gap.max(now - self.last_heard);
        self.last_heard = now;
    }

    pub(crate) fn carried_out(&mut self, command: u16) {
        let command = command as usize;
        if self.carried_out.len() <= command {
            self.carried_out.resize(command + 1, 0);
        }
        self.carried_out[command] += 1;
    }

    pub(crate) fn handled(&mut self, lane: usize, place: u64, entry: Entry) {
        let at = place as usize - 1;
        let handled = &mut self.handled[lane];
        if handled.len() <= at {
            handled.resize(at + 1, None);
        }
        handled[at] = Some(entry);
        let key = entry.key as usize;
        if self.worked_on.len() <= key {
            self.worked_on.resize(key + 64, false);
        }
        self.worked_on[key] = true;
    }
}
