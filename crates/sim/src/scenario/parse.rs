//! Reads scenarios.

use std::str::FromStr;

use super::{Expect, Line, Scenario, Settings, Step};
use crate::plan::What;
use crate::words::{MS, NODES, SECOND, Us};

/// A line that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number} is not understood: {line:?}; the grammar is in docs/simulator.md")]
pub struct ParseScenarioError {
    /// Its number, from 1.
    pub number: usize,
    /// What it says.
    pub line: String,
}

impl FromStr for Scenario {
    type Err = ParseScenarioError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut scenario = Self {
            settings: Settings {
                witness: false,
                refuse: false,
                clients: 2,
                devices: false,
                seed: 1,
            },
            lines: Vec::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            let said = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = said.split_whitespace().collect();
            if words.is_empty() || setting(&mut scenario.settings, &words).is_some() {
                continue;
            }
            let read = read_line(number, &words).ok_or_else(|| ParseScenarioError {
                number,
                line: line.to_owned(),
            })?;
            scenario.lines.push(read);
        }
        Ok(scenario)
    }
}

fn setting(settings: &mut Settings, words: &[&str]) -> Option<()> {
    match words {
        ["witness", "yes"] => settings.witness = true,
        ["witness", "no"] => settings.witness = false,
        ["solo", "refuse"] => settings.refuse = true,
        ["solo", "accept"] => settings.refuse = false,
        ["clients", count] => settings.clients = count.parse().ok().filter(|n| *n <= 32)?,
        ["devices"] => settings.devices = true,
        ["seed", seed] => settings.seed = seed.parse().ok()?,
        _ => return None,
    }
    Some(())
}

fn read_line(number: usize, words: &[&str]) -> Option<Line> {
    let (at, rest) = match words {
        ["at", time, rest @ ..] => (Some(time_of(time)?), rest),
        rest => (None, rest),
    };
    let step = step(rest)?;
    Some(Line { number, at, step })
}

fn step(words: &[&str]) -> Option<Step> {
    match words {
        ["start", node] => Some(Step::Start(node_of(node)?)),
        ["client", "at", node] => Some(Step::Client {
            tied: node_of(node)?,
        }),
        ["expect", rest @ .., "within", time] => Some(Step::Expect {
            what: expect(rest)?,
            within: time_of(time)?,
        }),
        ["expect", rest @ ..] => Some(Step::Expect {
            what: expect(rest)?,
            within: 0,
        }),
        ["mend", rest @ ..] => Some(Step::End(cut(rest)?)),
        [rest @ .., "for", time] => Some(Step::Begin {
            what: begin(rest)?,
            time: Some(time_of(time)?),
        }),
        rest => Some(Step::Begin {
            what: begin(rest)?,
            time: None,
        }),
    }
}

fn begin(words: &[&str]) -> Option<What> {
    let down = 0;
    match words {
        ["kill", node] => Some(What::Kill {
            node: node_of(node)?,
            down,
        }),
        ["power", "off", "both"] => Some(What::Power {
            nodes: [true, true],
            down,
        }),
        ["damage", node] => Some(What::Rot {
            node: node_of(node)?,
            down,
        }),
        ["damage", "of", "active"] => Some(What::FoundRot),
        ["pause", node] => Some(What::Pause {
            node: node_of(node)?,
            time: 0,
        }),
        ["order", "switch-over"] => Some(What::SwitchOver),
        ["order", "promote", node] => Some(What::Promote {
            node: node_of(node)?,
        }),
        ["cut", rest @ ..] => cut(rest),
        _ => None,
    }
}

fn cut(words: &[&str]) -> Option<What> {
    let time = 0;
    match words {
        ["link"] => Some(What::CutLink {
            to: [true, true],
            time,
        }),
        ["link", "to", node] => {
            let node = node_of(node)?;
            let to = [node == 0, node == 1];
            Some(What::CutLink { to, time })
        }
        ["clients", half, "from", node] => Some(What::CutClients {
            half: half.parse().ok().filter(|half| *half < 2)?,
            node: node_of(node)?,
            there: true,
            back: true,
            time,
        }),
        ["witness", "from", node] => Some(What::CutWitness {
            node: node_of(node)?,
            back_only: false,
            time,
        }),
        _ => None,
    }
}

fn expect(words: &[&str]) -> Option<Expect> {
    match words {
        ["active", "=", "none"] => Some(Expect::Active(Vec::new())),
        ["active", "=", "both"] => Some(Expect::Active(vec![0, 1])),
        ["active", "=", node] => Some(Expect::Active(vec![node_of(node)?])),
        ["complete"] => Some(Expect::Complete),
        ["settled"] => Some(Expect::Settled),
        ["told", node, name] => Some(Expect::Told(node_of(node)?, (*name).to_owned())),
        ["not", "told", name] => Some(Expect::NotTold((*name).to_owned())),
        ["acknowledged", ">", count] => Some(Expect::Acknowledged(count.parse().ok()?)),
        ["acknowledged", "=", "0"] => Some(Expect::Nothing),
        ["gap", "<", time] => Some(Expect::GapBelow(time_of(time)?)),
        ["put-aside", ">", count] => Some(Expect::PutAside(count.parse().ok()?)),
        _ => None,
    }
}

fn node_of(word: &str) -> Option<usize> {
    NODES.iter().position(|name| *name == word)
}

fn time_of(word: &str) -> Option<Us> {
    let (number, unit) = match word.strip_suffix("ms") {
        Some(number) => (number, MS),
        None => (word.strip_suffix('s')?, SECOND),
    };
    let number: Us = number.parse().ok().filter(|n| *n < 3_600_000)?;
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_said_with_its_line() {
        let said = "start primary\nat 1s kill nobody\n".parse::<Scenario>();
        assert_eq!(
            said.err().map(|error| (error.number, error.line)),
            Some((2, "at 1s kill nobody".to_owned()))
        );
        for wrong in [
            "at 1 kill primary",
            "clients 1000",
            "expect",
            "mend primary",
        ] {
            assert!(wrong.parse::<Scenario>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn comments_and_settings_are_read() {
        let text = "# all\nwitness yes # why\nclients 3\n\nat 200ms cut link for 1s\n";
        let scenario: Scenario = text.parse().unwrap();
        assert!(scenario.settings.witness);
        assert_eq!((scenario.settings.clients, scenario.lines.len()), (3, 1));
    }
}
