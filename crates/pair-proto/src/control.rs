//! Control messages, as JSON. Unknown fields are ignored: a later version may add some.

use serde::{Deserialize, Serialize};
use spica_model::{Epoch, Seq};
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
    /// A picture that the other node must have before a record names it.
    Object {
        /// Its address.
        address: String,
        /// Its bytes, in frames of their own that follow this one.
        bytes: u64,
    },
    /// The picture is durable here.
    ObjectKept {
        /// Its address.
        address: String,
    },
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
