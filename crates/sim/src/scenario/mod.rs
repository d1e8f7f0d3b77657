//! Scenarios: the cases that have names, as text. The grammar is on the page `docs/simulator.md`.

mod parse;
mod play;

use crate::plan::What;
use crate::words::Us;

pub use parse::ParseScenarioError;
pub use play::ScenarioFailed;

/// A scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    settings: Settings,
    lines: Vec<Line>,
}

/// What is fixed before it begins.
#[derive(Debug, Clone, Copy)]
struct Settings {
    witness: bool,
    refuse: bool,
    clients: usize,
    devices: bool,
    seed: u64,
}

/// A line: when, which number it has in the file, and what to do.
#[derive(Debug, Clone)]
struct Line {
    number: usize,
    at: Option<Us>,
    step: Step,
}

/// What a line says.
#[derive(Debug, Clone)]
enum Step {
    Start(usize),
    Client { tied: usize },
    Begin { what: What, time: Option<Us> },
    End(What),
    Expect { what: Expect, within: Us },
}

/// What is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expect {
    /// Who acknowledges: one node, both or none.
    Active(Vec<usize>),
    /// The pair is complete.
    Complete,
    /// A node's operator was told this.
    Told(usize, String),
    /// Nobody was told this so far.
    NotTold(String),
    /// More facts than this were acknowledged to clients since the line before that asked.
    Acknowledged(u64),
    /// No fact was.
    Nothing,
    /// The longest time between two acknowledgements so far.
    GapBelow(Us),
    /// More records than this were put aside so far.
    PutAside(u64),
    /// Everything comes to rest and all invariants hold.
    Settled,
}
