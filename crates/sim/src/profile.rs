//! What may go wrong in a run, and what may be expected in spite of it.

use std::str::FromStr;

use spica_pair::Solo;

/// A kind of fault, for the weights of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Kill,
    Power,
    PowerBoth,
    Pause,
    WallJump,
    CutLink,
    Isolate,
    CutClients,
    CutWitness,
    WitnessDown,
    Lossy,
    Delay,
    SwitchOver,
    Promote,
    SlowDisk,
    FullDisk,
    FlushError,
    Stuck,
    Rot,
    FoundRot,
    LostTail,
}

/// What may go wrong in a run, and what may be expected in spite of it.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Whether a witness permits to go on alone.
    pub witness: bool,
    /// Without one: whether to go on alone.
    pub solo: Solo,
    /// Whether an acknowledged record keeps its place for ever. Else only its fact is kept: it may
    /// be put aside and re-entered at another place.
    pub strict: bool,
    /// Whether a fault waits until the pair has recovered from the one before.
    pub one_at_a_time: bool,
    /// One seed of so many has alarms.
    pub(crate) alarms_every: u64,
    /// How often which fault.
    pub(crate) faults: &'static [(Kind, u32)],
}

const USUAL: &[(Kind, u32)] = &[
    (Kind::Kill, 8),
    (Kind::Power, 4),
    (Kind::PowerBoth, 2),
    (Kind::Pause, 6),
    (Kind::WallJump, 2),
    (Kind::CutLink, 8),
    (Kind::Isolate, 4),
    (Kind::CutClients, 4),
    (Kind::CutWitness, 4),
    (Kind::WitnessDown, 2),
    (Kind::Lossy, 3),
    (Kind::Delay, 3),
    (Kind::SwitchOver, 6),
    (Kind::SlowDisk, 3),
    (Kind::FullDisk, 2),
    (Kind::FlushError, 2),
    (Kind::Stuck, 3),
];

const ORDERS: &[(Kind, u32)] = &[
    (Kind::Kill, 6),
    (Kind::Power, 3),
    (Kind::Pause, 4),
    (Kind::CutLink, 6),
    (Kind::CutClients, 3),
    (Kind::CutWitness, 4),
    (Kind::SwitchOver, 6),
    (Kind::Promote, 5),
    (Kind::Stuck, 2),
];

const DAMAGE: &[(Kind, u32)] = &[
    (Kind::Rot, 6),
    (Kind::FoundRot, 5),
    (Kind::LostTail, 4),
    (Kind::Kill, 6),
    (Kind::Pause, 3),
    (Kind::CutLink, 5),
    (Kind::CutWitness, 2),
    (Kind::SwitchOver, 4),
    (Kind::SlowDisk, 2),
];

const ONE: &[(Kind, u32)] = &[
    (Kind::Kill, 8),
    (Kind::Power, 6),
    (Kind::FlushError, 3),
    (Kind::SwitchOver, 6),
    (Kind::WallJump, 1),
];

const CALM: &[(Kind, u32)] = &[
    (Kind::SwitchOver, 6),
    (Kind::WallJump, 1),
    (Kind::CutWitness, 1),
    (Kind::WitnessDown, 1),
];

impl Profile {
    /// All profiles. The page `docs/simulator.md` says what each is for.
    pub const ALL: [Self; 8] = [
        Self {
            name: "witness",
            about: "a witness; every fault except damage and orders to promote",
            witness: true,
            solo: Solo::Accept,
            strict: true,
            one_at_a_time: false,
            alarms_every: 16,
            faults: USUAL,
        },
        Self {
            name: "accept",
            about: "no witness, going on alone is accepted; every fault except damage",
            witness: false,
            solo: Solo::Accept,
            strict: false,
            one_at_a_time: false,
            alarms_every: 16,
            faults: USUAL,
        },
        Self {
            name: "refuse",
            about: "no witness, going on alone is refused; every fault except damage",
            witness: false,
            solo: Solo::Refuse,
            strict: true,
            one_at_a_time: false,
            alarms_every: 16,
            faults: USUAL,
        },
        Self {
            name: "damage",
            about: "a witness; bit rot and lost tails on one node of a complete pair, and crashes",
            witness: true,
            solo: Solo::Accept,
            strict: true,
            one_at_a_time: false,
            alarms_every: 16,
            faults: DAMAGE,
        },
        Self {
            name: "orders",
            about: "a witness; operators promote nodes whatever they may lack",
            witness: true,
            solo: Solo::Accept,
            strict: false,
            one_at_a_time: false,
            alarms_every: 16,
            faults: ORDERS,
        },
        Self {
            name: "single",
            about: "no witness; one node fails at a time, the link holds",
            witness: false,
            solo: Solo::Accept,
            strict: true,
            one_at_a_time: true,
            alarms_every: 16,
            faults: ONE,
        },
        Self {
            name: "calm",
            about: "a witness; nothing fails but the witness, nodes are switched over",
            witness: true,
            solo: Solo::Accept,
            strict: true,
            one_at_a_time: true,
            alarms_every: 16,
            faults: CALM,
        },
        Self {
            name: "alarms",
            about: "as witness, and every seed has alarms, those who are told and those who answer",
            witness: true,
            solo: Solo::Accept,
            strict: true,
            one_at_a_time: false,
            alarms_every: 1,
            faults: USUAL,
        },
    ];

    /// Whether an operator may make a node active that lacks records.
    #[must_use]
    pub fn has_orders(&self) -> bool {
        self.faults.iter().any(|(kind, _)| *kind == Kind::Promote)
    }
}

/// A name that no profile has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no profile has the name {0:?}: witness, accept, refuse, damage, orders, single, calm or alarms"
)]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|profile| profile.name == text)
            .ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}
