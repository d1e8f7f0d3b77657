//! Plays scenarios.

use std::time::Duration;

use spica_pair::{Config, Gate, Side, Solo};

use super::{Expect, Line, Scenario, Settings, Step};
use crate::chance::Chance;
use crate::client::{Client, Role};
use crate::invariants;
use crate::plan::{Plan, What};
use crate::profile::Profile;
use crate::trace::Trace;
use crate::words::{MS, NODES, SECOND, Us};
use crate::world::World;

/// How often what is expected is looked at.
const STEP: Us = 2 * MS;

/// A scenario that did not go as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScenarioFailed {
    /// Which line.
    pub line: usize,
    /// What was seen instead.
    pub what: String,
    /// Everything that happened.
    pub trace: String,
}

struct Stage {
    world: World,
    /// What ends at which time.
    ends: Vec<(Us, What)>,
    /// How many facts were acknowledged when it was last asked.
    counted: usize,
}

impl Scenario {
    /// Plays it; gives everything that happened.
    ///
    /// # Errors
    /// With the first line that does not hold, or the invariant that broke meanwhile.
    pub fn play(&self) -> Result<String, ScenarioFailed> {
        let mut stage = Stage {
            world: self.settings.world(),
            ends: Vec::new(),
            counted: 0,
        };
        for line in &self.lines {
            if let Err(what) = stage.line(line) {
                return Err(ScenarioFailed {
                    line: line.number,
                    what,
                    trace: stage.world.trace.text(),
                });
            }
        }
        Ok(stage.world.trace.text())
    }
}

impl Settings {
    fn world(&self) -> World {
        let solo = if self.refuse {
            Solo::Refuse
        } else {
            Solo::Accept
        };
        let config = Config {
            witness: self.witness,
            solo,
            heartbeat: Duration::from_millis(100),
            dead_after: Duration::from_millis(300),
            ..Config::new(Side::Primary)
        };
        let profile = Profile {
            name: "scenario",
            about: "a scenario",
            witness: self.witness,
            solo,
            strict: self.witness || self.refuse,
            one_at_a_time: false,
            alarms_every: 1,
            faults: &[],
        };
        let plan = Plan {
            faults: Vec::new(),
            heal_at: Us::MAX,
        };
        let chance = Chance::new(self.seed, 4);
        let mut world = World::new(chance, config, profile, plan, None, Trace::on());
        world.scripted = true;
        world.begin([false, false]);
        for number in 0..self.clients {
            world.join(Client::new(Role::Publisher, number % 2, (10, 10)));
        }
        if self.devices {
            let camera = Role::Camera {
                picture: 0,
                part: u8::MAX,
            };
            world.join(Client::new(camera, 0, (5, 20)));
            world.join(Client::new(Role::Operator, 1, (50, 150)));
            world.join(Client::new(Role::Device, 0, (1, 10)));
        }
        world
    }
}

impl Stage {
    fn line(&mut self, line: &Line) -> Result<(), String> {
        if let Some(at) = line.at {
            self.run(at)?;
        }
        match &line.step {
            Step::Start(node) => self.world.start_after(*node, 0),
            Step::Client { tied } => {
                let mut client = Client::new(Role::Publisher, *tied, (10, 10));
                client.tied = true;
                self.world.join(client);
            }
            Step::Begin { what, time } => {
                let now = self.world.now;
                self.world
                    .trace
                    .note(now, || format!("LINE {}", line.number));
                self.world.holding = 1;
                self.world.inflict(*what);
                if let Some(time) = time {
                    self.ends.push((now + time, *what));
                }
            }
            Step::End(what) => self.world.relieve(*what),
            Step::Expect { what, within } => return self.expect(what, *within),
        }
        Ok(())
    }

    /// Lets time pass, and faults end.
    fn run(&mut self, until: Us) -> Result<(), String> {
        loop {
            let next = (0..self.ends.len()).min_by_key(|at| self.ends[*at].0);
            let due = next.filter(|at| self.ends[*at].0 <= until);
            let stop = due.map_or(until, |at| self.ends[at].0);
            self.world.run(stop);
            if let Some(broken) = &self.world.oracle.broken {
                return Err(format!(
                    "{} does not hold: {}",
                    broken.invariant, broken.what
                ));
            }
            match due {
                Some(at) => {
                    let (_, what) = self.ends.swap_remove(at);
                    self.world.relieve(what);
                }
                None => return Ok(()),
            }
        }
    }

    fn expect(&mut self, what: &Expect, within: Us) -> Result<(), String> {
        let until = self.world.now + within;
        if *what == Expect::Settled {
            self.world.oracle.closing = true;
        }
        loop {
            let seen = match self.holds(what) {
                Ok(()) => break,
                Err(seen) => seen,
            };
            if self.world.now >= until {
                return Err(format!("expected {what:?}, but {seen}"));
            }
            self.run((self.world.now + STEP).min(until))?;
        }
        if *what == Expect::Settled {
            invariants::at_the_end(&mut self.world);
            if let Some(broken) = &self.world.oracle.broken {
                return Err(format!(
                    "{} does not hold: {}",
                    broken.invariant, broken.what
                ));
            }
        }
        if matches!(what, Expect::Acknowledged(_) | Expect::Nothing) {
            self.counted = self.world.oracle.heard.len();
        }
        Ok(())
    }

    fn holds(&self, what: &Expect) -> Result<(), String> {
        let world = &self.world;
        let heard = world.oracle.heard.len() - self.counted;
        let (holds, seen) = match what {
            Expect::Active(nodes) => {
                let active: Vec<usize> = (0..2).filter(|node| self.serves(*node)).collect();
                (active == *nodes, format!("active: {active:?}"))
            }
            Expect::Complete => (world.complete().is_some(), "it is not".to_owned()),
            Expect::Told(node, name) => {
                let told = &world.nodes[*node].told;
                (
                    told.contains(&name.as_str()),
                    format!("it was told {told:?}"),
                )
            }
            Expect::NotTold(name) => {
                let told = world
                    .nodes
                    .iter()
                    .position(|n| n.told.contains(&name.as_str()));
                (
                    told.is_none(),
                    format!("{:?} was", told.map(|node| NODES[node])),
                )
            }
            Expect::Acknowledged(count) => (heard as u64 > *count, format!("{heard} were")),
            Expect::Nothing => (heard == 0, format!("{heard} were")),
            Expect::GapBelow(time) => {
                let gap = world.oracle.longest_gap;
                (
                    gap < *time,
                    format!("{}.{:03} s it was", gap / SECOND, gap % SECOND / MS),
                )
            }
            Expect::PutAside(count) => {
                let aside = world.oracle.set_aside.len();
                (aside as u64 > *count, format!("{aside} were"))
            }
            Expect::Settled => match world.unrest() {
                None => (true, String::new()),
                Some(why) => (false, why),
            },
        };
        if holds { Ok(()) } else { Err(seen) }
    }

    /// Whether a node would acknowledge what it is given.
    fn serves(&self, node: usize) -> bool {
        let process = self.world.nodes[node].process.as_ref();
        let open = process.is_some_and(|process| process.gate != Gate::Closed);
        open && !self.world.nodes[node].paused && self.world.leads_now(node)
    }
}
