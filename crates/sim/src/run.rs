//! A run: a seed, a profile, and what became of it.

use crate::chance::Chance;
use crate::oracle::Broken;
use crate::plan::{Fault, Plan};
use crate::plant::Plant;
use crate::profile::Profile;
use crate::trace::Trace;
use crate::words::{Us, micros};
use crate::world::{World, config};

/// What a run is made from. The same makes the same run, on every machine.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// The seed of everything.
    pub seed: u64,
    /// What may go wrong.
    pub profile: Profile,
    /// A bug to plant.
    pub plant: Option<Plant>,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The invariant that broke.
    pub broken: Option<Broken>,
    /// How many things happened.
    pub events: u64,
    /// How long it lasted, in virtual time.
    pub lasted: Us,
    /// How many facts clients were told that are kept.
    pub acknowledged: usize,
    /// How many reigns there were.
    pub reigns: usize,
    /// How many records were put aside because histories had parted.
    pub set_aside: usize,
}

impl Run {
    /// The faults that are planned for it.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.plan().faults
    }

    /// Whether there are alarms and a desk in it: that costs time, so not every seed has them.
    const fn has_alarms(&self) -> bool {
        self.seed % self.profile.alarms_every == self.profile.alarms_every - 1
    }

    fn plan(&self) -> Plan {
        let config = config(&mut Chance::new(self.seed, 1), &self.profile);
        Plan::new(self.seed, &self.profile, micros(config.dead_after))
    }

    /// Runs it as planned.
    #[must_use]
    pub fn run(&self) -> Report {
        self.with(self.plan(), Trace::default()).0
    }

    /// Runs it with other faults.
    #[must_use]
    pub fn with_faults(&self, faults: Vec<Fault>) -> Report {
        let heal_at = self.plan().heal_at;
        self.with(Plan { faults, heal_at }, Trace::default()).0
    }

    /// Runs it with these faults, and says everything that happened.
    #[must_use]
    pub fn told(&self, faults: Vec<Fault>) -> (Report, String) {
        let heal_at = self.plan().heal_at;
        self.with(Plan { faults, heal_at }, Trace::on())
    }

    fn with(&self, plan: Plan, trace: Trace) -> (Report, String) {
        let config = config(&mut Chance::new(self.seed, 1), &self.profile);
        let chance = Chance::new(self.seed, 3);
        let mut world = World::new(chance, config, self.profile, plan, self.plant, trace);
        if self.has_alarms() {
            world.center = Some(Box::default());
        }
        world.begin([true, true]);
        world.crowd();
        world.run(Us::MAX);
        let report = Report {
            broken: world.oracle.broken.take(),
            events: world.events,
            lasted: world.now,
            acknowledged: world.oracle.heard.len(),
            reigns: world.oracle.reigns.len(),
            set_aside: world.oracle.set_aside.len(),
        };
        (report, world.trace.text())
    }
}
