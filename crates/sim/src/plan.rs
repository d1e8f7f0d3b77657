//! The plan of a run: which faults, when. Each fault carries its own end, so that any of them can be
//! left out.

use std::fmt;

use crate::chance::Chance;
use crate::profile::{Kind, Profile};
use crate::words::{MS, NODES, SECOND, Us};

/// A fault. Times are lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The process ends at once; the machine lives.
    Kill { node: usize, down: Us },
    /// The machine loses power: what was not flushed is gone, up to a random place.
    Power { nodes: [bool; 2], down: Us },
    /// The process stands still, and its time with it, as it believes.
    Pause { node: usize, time: Us },
    /// The wall clock jumps.
    WallJump { node: usize, seconds: i32 },
    /// The link carries nothing to the nodes marked.
    CutLink { to: [bool; 2], time: Us },
    /// The link carries nothing, and no client reaches a node: it is alone with the witness.
    Isolate { node: usize, time: Us },
    /// A half of the clients does not reach a node, or does not hear it.
    CutClients {
        half: usize,
        node: usize,
        /// Requests are lost.
        there: bool,
        /// Replies are lost.
        back: bool,
        time: Us,
    },
    /// A node and the witness do not reach each other, or answers get lost.
    CutWitness {
        node: usize,
        /// Questions arrive, answers do not.
        back_only: bool,
        time: Us,
    },
    /// The witness is gone; what it recorded stays.
    WitnessDown { time: Us },
    /// Packets get lost below the connections: what is behind them waits.
    Lossy { percent: u64, time: Us },
    /// Everything takes longer.
    Delay { more: Us, time: Us },
    /// The operator orders the active to hand over.
    SwitchOver,
    /// The operator makes a node active whatever it lacks.
    Promote { node: usize },
    /// A flush takes so long.
    SlowDisk { node: usize, flush: Us, time: Us },
    /// Nothing more fits.
    FullDisk { node: usize, time: Us },
    /// A flush fails: the process ends, and what was not flushed is gone.
    FlushError { node: usize, down: Us },
    /// The node lives and answers, but its flushes hang.
    Stuck { node: usize, time: Us },
    /// The process ends, and a record in the middle is found damaged when it starts again. Only
    /// while the partner is complete.
    Rot { node: usize, down: Us },
    /// A record in the middle is damaged, and the active finds that while it runs. Only while the
    /// partner is complete.
    FoundRot,
    /// The process ends, and the end of a lane is missing when it starts again, which its mark
    /// betrays. Only while the partner is complete.
    LostTail { node: usize, down: Us },
}

/// A fault and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// When it begins.
    pub(crate) at: Us,
    /// What it is.
    pub(crate) what: What,
}

/// The plan of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The faults, by time.
    pub(crate) faults: Vec<Fault>,
    /// When everything is put right again.
    pub(crate) heal_at: Us,
}

impl Plan {
    /// The plan of a seed under a profile. `dead_after` gives the faults their measure.
    pub(crate) fn new(seed: u64, profile: &Profile, dead_after: Us) -> Self {
        let mut chance = Chance::new(seed, 2);
        let start = 300 * MS + 4 * dead_after;
        let span = 4 * dead_after + chance.below(14 * dead_after);
        let count = 1 + chance.below(8);
        let mut faults: Vec<Fault> = (0..count)
            .map(|_| Fault {
                // Some hit the start.
                at: if chance.one_in(8) {
                    chance.below(start)
                } else {
                    start + chance.below(span)
                },
                what: draw(&mut chance, profile, dead_after),
            })
            .collect();
        faults.sort_by_key(|fault| fault.at);
        Self {
            faults,
            heal_at: start + span + 2 * dead_after,
        }
    }
}

/// A length that matters for somebody who gives up after `dead_after`.
fn length(chance: &mut Chance, dead_after: Us) -> Us {
    match chance.below(4) {
        0 => chance.between(MS, dead_after / 2),
        1 => chance.between(dead_after / 2, dead_after + dead_after / 2),
        2 => chance.between(dead_after, 4 * dead_after),
        _ => chance.between(4 * dead_after, 9 * dead_after),
    }
}

fn draw(chance: &mut Chance, profile: &Profile, dead_after: Us) -> What {
    let total: u64 = profile.faults.iter().map(|(_, w)| u64::from(*w)).sum();
    let mut pick = chance.below(total);
    let mut kind = Kind::Kill;
    for (candidate, weight) in profile.faults {
        if pick < u64::from(*weight) {
            kind = *candidate;
            break;
        }
        pick -= u64::from(*weight);
    }
    let node = chance.node();
    let time = length(chance, dead_after);
    match kind {
        Kind::Kill => What::Kill { node, down: time },
        Kind::Power => What::Power {
            nodes: [node == 0, node == 1],
            down: time,
        },
        Kind::PowerBoth => What::Power {
            nodes: [true, true],
            down: time,
        },
        Kind::Pause => What::Pause { node, time },
        Kind::WallJump => What::WallJump {
            node,
            seconds: chance.below(7_200) as i32 - 3_600,
        },
        Kind::CutLink => What::CutLink {
            to: [(true, true), (true, false), (false, true), (true, true)].map(|(a, b)| [a, b])
                [chance.below(4) as usize],
            time,
        },
        Kind::Isolate => What::Isolate { node, time },
        Kind::CutClients => {
            let (there, back) =
                [(true, true), (true, false), (false, true)][chance.below(3) as usize];
            What::CutClients {
                half: chance.node(),
                node,
                there,
                back,
                time,
            }
        }
        Kind::CutWitness => What::CutWitness {
            node,
            back_only: chance.one_in(3),
            time: time * 2,
        },
        Kind::WitnessDown => What::WitnessDown { time },
        Kind::Lossy => What::Lossy {
            percent: chance.between(1, 30),
            time,
        },
        Kind::Delay => What::Delay {
            more: chance.between(MS, 200 * MS),
            time,
        },
        Kind::SwitchOver => What::SwitchOver,
        Kind::Promote => What::Promote { node },
        Kind::SlowDisk => What::SlowDisk {
            node,
            flush: chance.between(5 * MS, 2 * dead_after),
            time,
        },
        Kind::FullDisk => What::FullDisk { node, time },
        Kind::FlushError => What::FlushError { node, down: time },
        Kind::Stuck => What::Stuck {
            node,
            time: time * 2,
        },
        Kind::Rot => What::Rot { node, down: time },
        Kind::FoundRot => What::FoundRot,
        Kind::LostTail => What::LostTail { node, down: time },
    }
}

impl What {
    /// For how long it holds; nothing for what is over at once.
    pub(crate) const fn time(&self) -> Option<Us> {
        match *self {
            Self::Pause { time, .. }
            | Self::CutLink { time, .. }
            | Self::Isolate { time, .. }
            | Self::CutClients { time, .. }
            | Self::CutWitness { time, .. }
            | Self::WitnessDown { time }
            | Self::Lossy { time, .. }
            | Self::Delay { time, .. }
            | Self::SlowDisk { time, .. }
            | Self::FullDisk { time, .. }
            | Self::Stuck { time, .. } => Some(time),
            _ => None,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: &Us| time / MS;
        match self {
            Self::Kill { node, down } => write!(f, "kill {} for {} ms", NODES[*node], ms(down)),
            Self::Power { nodes, down } => {
                let who = match nodes {
                    [true, true] => "both",
                    [true, false] => NODES[0],
                    _ => NODES[1],
                };
                write!(f, "power loss of {who} for {} ms", ms(down))
            }
            Self::Pause { node, time } => write!(f, "pause {} for {} ms", NODES[*node], ms(time)),
            Self::WallJump { node, seconds } => {
                write!(f, "wall clock of {} jumps by {seconds} s", NODES[*node])
            }
            Self::CutLink { to, time } => {
                let way = match to {
                    [true, true] => "both ways",
                    [true, false] => "to the primary",
                    _ => "to the backup",
                };
                write!(f, "link cut {way} for {} ms", ms(time))
            }
            Self::Isolate { node, time } => {
                let (node, time) = (NODES[*node], ms(time));
                write!(f, "link and all clients of {node} cut for {time} ms")
            }
            Self::CutClients {
                half,
                node,
                there,
                back,
                time,
            } => {
                let what = match (there, back) {
                    (true, true) => "requests and replies",
                    (true, false) => "requests",
                    _ => "replies",
                };
                let (node, time) = (NODES[*node], ms(time));
                write!(
                    f,
                    "{what} of half {half} of the clients with {node} lost for {time} ms"
                )
            }
            Self::CutWitness {
                node,
                back_only,
                time,
            } => {
                let what = if *back_only { "answers" } else { "questions" };
                let (node, time) = (NODES[*node], ms(time));
                write!(
                    f,
                    "{what} between {node} and the witness lost for {time} ms"
                )
            }
            Self::WitnessDown { time } => write!(f, "witness gone for {} ms", ms(time)),
            Self::Lossy { percent, time } => write!(f, "{percent} % loss for {} ms", ms(time)),
            Self::Delay { more, time } => {
                write!(f, "{} ms more delay for {} ms", ms(more), ms(time))
            }
            Self::SwitchOver => f.write_str("switch-over ordered"),
            Self::Promote { node } => write!(f, "promote {} ordered", NODES[*node]),
            Self::SlowDisk { node, flush, time } => {
                let (node, flush, time) = (NODES[*node], ms(flush), ms(time));
                write!(f, "a flush of {node} takes {flush} ms for {time} ms")
            }
            Self::FullDisk { node, time } => {
                write!(f, "disk of {} full for {} ms", NODES[*node], ms(time))
            }
            Self::FlushError { node, down } => {
                write!(
                    f,
                    "a flush of {} fails, down for {} ms",
                    NODES[*node],
                    ms(down)
                )
            }
            Self::Stuck { node, time } => {
                write!(
                    f,
                    "{} lives but flushes nothing for {} ms",
                    NODES[*node],
                    ms(time)
                )
            }
            Self::Rot { node, down } => {
                write!(f, "bit rot on {}, down for {} ms", NODES[*node], ms(down))
            }
            Self::FoundRot => f.write_str("the active finds bit rot"),
            Self::LostTail { node, down } => {
                write!(
                    f,
                    "{} loses its tail, down for {} ms",
                    NODES[*node],
                    ms(down)
                )
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.at / SECOND, self.at % SECOND);
        write!(f, "{seconds}.{rest:06} {}", self.what)
    }
}
