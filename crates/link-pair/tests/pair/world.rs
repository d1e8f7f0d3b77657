//! Both halves and what is between them.

use std::future::pending;
use std::time::Duration;

use spica_clock::{Clock as _, SystemClock};
use spica_link_pair::{Restart, SideSetting};
use spica_model::Topic;
use spica_trust::{Authority, NODE_LIFE, NodeIdentity, Side, Subject};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::half::{Half, NODE};
use crate::wire::Wire;

/// After this long a test that waits has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(5);

pub(crate) const PRIMARY: usize = 0;
pub(crate) const BACKUP: usize = 1;

pub(crate) struct World {
    pub(crate) halves: [Half; 2],
    /// To the link of each.
    wires: [Wire; 2],
    pub(crate) runtime: Runtime,
    _dir: TempDir,
}

impl World {
    /// Two halves that have never run.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemClock.wall();
        let ca = dir.path().join("ca");
        Authority::init(&ca, "test", now).unwrap();
        let mut authority = Authority::open(&ca, now).unwrap();
        let runtime = Runtime::new().unwrap();
        let wires = runtime.block_on(async { [Wire::new().await, Wire::new().await] });
        let sides = [
            (SideSetting::Primary, Side::Primary, BACKUP),
            (SideSetting::Backup, Side::Backup, PRIMARY),
        ];
        let halves = sides.map(|(setting, side, partner)| {
            let home = dir.path().join(side.as_str());
            std::fs::create_dir_all(&home).unwrap();
            let subject = Subject {
                identity: NodeIdentity {
                    node: Topic::new(NODE).unwrap(),
                    side: Some(side),
                },
                addresses: Vec::new(),
            };
            let tls = home.join("tls");
            authority
                .issue_into(&tls, &subject, NODE_LIFE, now)
                .unwrap();
            Half::new(
                setting,
                &home,
                wires[partner].address,
                now,
                runtime.handle().clone(),
            )
        });
        Self {
            halves,
            wires,
            runtime,
            _dir: dir,
        }
    }

    /// Both run, the primary is active and the backup complete.
    pub(crate) fn healthy() -> Self {
        let mut world = Self::new();
        world.start(PRIMARY);
        world.start(BACKUP);
        world.until("the pair is complete", |world| {
            world.halves[PRIMARY].serves() && world.halves[PRIMARY].sync() == "complete"
        });
        world
    }

    pub(crate) fn start(&mut self, half: usize) {
        let address = self.halves[half].start();
        self.wires[half].lead_to(address);
    }

    pub(crate) fn cut(&self) {
        self.wires.iter().for_each(Wire::cut);
    }

    pub(crate) fn mend(&self) {
        self.wires.iter().for_each(Wire::mend);
    }

    /// A half dies: nothing of what it would say last gets out.
    pub(crate) fn kill(&mut self, half: usize) {
        self.cut();
        self.halves[half].kill();
    }

    /// Waits until `done`; halves that must begin again do so.
    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let begun = SystemClock.monotonic();
        while !done(self) {
            let waited = SystemClock.monotonic() - begun;
            assert!(waited < PATIENCE, "never: {what}\n{}", self.standings());
            self.step();
        }
    }

    fn standings(&self) -> String {
        let running = self.halves.iter().filter(|half| half.is_running());
        running
            .map(|half| format!("{:#?}\n", half.running().pair.role().standing()))
            .collect()
    }

    fn step(&mut self) {
        let restart = self.runtime.block_on(async {
            let [primary, backup] = &self.halves;
            tokio::select! {
                restart = restart_of(primary) => Some((PRIMARY, restart)),
                restart = restart_of(backup) => Some((BACKUP, restart)),
                () = tokio::time::sleep(LOOK) => None,
            }
        });
        if let Some((half, restart)) = restart {
            let address = self.halves[half].begin_again(&restart);
            self.wires[half].lead_to(address);
        }
    }

    /// A client asks this half until it serves.
    pub(crate) fn ask_until_served(&mut self, half: usize) {
        self.until("a request is served", |world| {
            world.runtime.block_on(world.halves[half].request())
        });
    }
}

async fn restart_of(half: &Half) -> Restart {
    if half.is_running() {
        half.running().pair.restart().await
    } else {
        pending().await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cut();
        self.halves.iter_mut().for_each(Half::kill);
    }
}
