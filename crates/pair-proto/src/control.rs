//! Control messages, as JSON. Unknown fields are ignored: a later version may add some.

use serde::{Deserialize, Serialize};
use spica_model::{Epoch, Lane, Seq};
use spica_pair::follow::Begin;
use spica_pair::history::History;
use spica_pair::star::State;
use spica_pair::{Beat, Message, Side};

/// What is said now and then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Control {
    /// The first message of both.
    Hello(Hello),
    /// Why the other node cannot be the partner. The last message.
    Refused {
        /// For the operator of the other node.
        reason: String,
    },
    /// A message of the pair's core.
    Says(Said),
    /// The passive: I want to follow, and stand like this; critical lane first.
    Follow {
        /// Its lanes.
        lanes: [LaneHello; 2],
    },
    /// The active: what becomes of it.
    Start {
        /// The epoch of the active.
        reign: u32,
        /// Where each lane begins, critical first.
        lanes: [Start; 2],
        /// Which epochs began where in the active's lanes: for one that begins anew.
        #[serde(default)]
        reigns: [Vec<(u32, u64)>; 2],
    },
    /// The passive's operator: hand over to me.
    PleaseHandOver {
        /// Who wants it.
        by: String,
    },
    /// The active: what became of a frame of records that were put aside. They are durable.
    Reentered(Reentered),
    /// The passive: all records of a file that were put aside were sent.
    AsideEnds(AsideEnds),
    /// The active: it is noted, durably. The passive is done with the file.
    AsideNoted {
        /// The lane.
        lane: LaneWord,
        /// The file.
        file: String,
    },
    /// A picture that the other node must have, too. One at a time in each direction.
    Object {
        /// Its address.
        address: String,
        /// Its size.
        bytes: u64,
    },
    /// So much of the picture that was offered has come; 0 says that it is wanted.
    ObjectTaken {
        /// Its address.
        address: String,
        /// Bytes of all parts so far.
        bytes: u64,
    },
    /// The picture that was offered is durable here.
    ObjectKept {
        /// Its address.
        address: String,
    },
    /// The picture that was offered is not taken.
    ObjectRefused {
        /// Its address.
        address: String,
        /// For the operator of the other node.
        reason: String,
    },
    /// A picture that a record names is missing here: offer it.
    ObjectMissing {
        /// Its address.
        address: String,
    },
    /// A picture that is missing at the other node is not here either.
    ObjectUnknown {
        /// Its address.
        address: String,
    },
}

/// What became of a frame of records that were put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reentered {
    /// Their lane.
    pub lane: LaneWord,
    /// The epoch that they had.
    pub epoch: u32,
    /// The place that the last of them had.
    pub last: u64,
    /// How many are new records now.
    pub entered: u32,
    /// How many the journal knew already, or are older than what retention keeps there.
    pub known: u32,
    /// How many of the new ones are `state` that is older than what the topic has, and stand under
    /// a topic of their own.
    pub late: u32,
}

/// The end of a file of records that were put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideEnds {
    /// The lane.
    pub lane: LaneWord,
    /// The file.
    pub file: String,
    /// The epoch of its first record.
    pub epoch: u32,
    /// The place that its first record had.
    pub from: u64,
    /// The place that its last record had.
    pub to: u64,
    /// How many became new records, so far as the passive knows.
    pub entered: u64,
    /// How many the active's journal knew already.
    pub known: u64,
    /// How many of the new ones stand under a topic of their own.
    pub late: u64,
    /// How many were copies, which say nothing new and were not sent.
    pub copies: u64,
    /// How many could not be read.
    pub unreadable: u64,
}

/// A lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "as in the model's Lane")]
pub enum LaneWord {
    Critical,
    Normal,
}

/// The first message of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The oldest version that the node speaks.
    pub oldest: u16,
    /// The newest.
    pub newest: u16,
    /// The version of the program, for people.
    pub program: String,
    /// The name of the pair: the node's path.
    pub name: String,
    /// `primary` or `backup`.
    pub side: String,
    /// A number of the configuration that both must share.
    pub topology: u64,
    /// Where the node's HTTP interface is reached, if it says so.
    pub http: Option<String>,
    /// The keys of the lanes' checksums, critical first.
    pub lane_keys: [u64; 2],
}

/// How a lane of the one who wants to follow stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneHello {
    /// Which epochs began at which record.
    pub reigns: Vec<(u32, u64)>,
    /// The oldest record that is kept.
    pub first: u64,
    /// The newest one.
    pub last: u64,
}

/// Where a lane begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// After this record.
    After(u64),
    /// The follower must put aside what stands after this record, and come again.
    Parted(u64),
    /// The follower must begin anew at this record, and come again.
    Anew(u64),
}

/// A message of the pair's core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "as in the core's Message and Beat")]
pub enum Said {
    Beat {
        side: SideWord,
        state: StateWord,
        epoch: u32,
        authority: u32,
        sound: bool,
        ends: [u64; 2],
    },
    Promise {
        epoch: u32,
        ends: [u64; 2],
    },
    Kept {
        epoch: u32,
    },
    Handover {
        epoch: u32,
    },
    Farewell,
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "as in the core's Side")]
pub enum SideWord {
    Primary,
    Backup,
}

/// A state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "as in the core's State")]
pub enum StateWord {
    Primary,
    Backup,
    Active,
    Passive,
}

impl From<Message> for Control {
    fn from(message: Message) -> Self {
        Self::Says(match message {
            Message::Beat(beat) => Said::Beat {
                side: match beat.side {
                    Side::Primary => SideWord::Primary,
                    Side::Backup => SideWord::Backup,
                },
                state: match beat.state {
                    State::Primary => StateWord::Primary,
                    State::Backup => StateWord::Backup,
                    State::Active => StateWord::Active,
                    State::Passive => StateWord::Passive,
                },
                epoch: beat.epoch.0,
                authority: beat.authority.0,
                sound: beat.sound,
                ends: beat.ends.map(|seq| seq.0),
            },
            Message::Promise { epoch, ends } => Said::Promise {
                epoch: epoch.0,
                ends: ends.map(|seq| seq.0),
            },
            Message::Kept { epoch } => Said::Kept { epoch: epoch.0 },
            Message::Handover { epoch } => Said::Handover { epoch: epoch.0 },
            Message::Farewell => Said::Farewell,
        })
    }
}

impl From<Said> for Message {
    fn from(said: Said) -> Self {
        match said {
            Said::Beat {
                side,
                state,
                epoch,
                authority,
                sound,
                ends,
            } => Self::Beat(Beat {
                side: match side {
                    SideWord::Primary => Side::Primary,
                    SideWord::Backup => Side::Backup,
                },
                state: match state {
                    StateWord::Primary => State::Primary,
                    StateWord::Backup => State::Backup,
                    StateWord::Active => State::Active,
                    StateWord::Passive => State::Passive,
                },
                epoch: Epoch(epoch),
                authority: Epoch(authority),
                sound,
                ends: ends.map(Seq),
            }),
            Said::Promise { epoch, ends } => Self::Promise {
                epoch: Epoch(epoch),
                ends: ends.map(Seq),
            },
            Said::Kept { epoch } => Self::Kept {
                epoch: Epoch(epoch),
            },
            Said::Handover { epoch } => Self::Handover {
                epoch: Epoch(epoch),
            },
            Said::Farewell => Self::Farewell,
        }
    }
}

impl From<Lane> for LaneWord {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Critical => Self::Critical,
            Lane::Normal => Self::Normal,
        }
    }
}

impl From<LaneWord> for Lane {
    fn from(lane: LaneWord) -> Self {
        match lane {
            LaneWord::Critical => Self::Critical,
            LaneWord::Normal => Self::Normal,
        }
    }
}

impl From<&History> for LaneHello {
    fn from(history: &History) -> Self {
        Self {
            reigns: history
                .reigns
                .iter()
                .map(|(epoch, seq)| (epoch.0, seq.0))
                .collect(),
            first: history.first.0,
            last: history.last.0,
        }
    }
}

impl From<&LaneHello> for History {
    fn from(lane: &LaneHello) -> Self {
        Self {
            reigns: lane
                .reigns
                .iter()
                .map(|(epoch, seq)| (Epoch(*epoch), Seq(*seq)))
                .collect(),
            first: Seq(lane.first),
            last: Seq(lane.last),
        }
    }
}

impl From<Begin> for Start {
    fn from(begin: Begin) -> Self {
        match begin {
            Begin::After(seq) => Self::After(seq.0),
            Begin::Parted { common } => Self::Parted(common.0),
            Begin::Anew { first } => Self::Anew(first.0),
        }
    }
}
