//! What the engine asks of the shell that runs it, and the answers.

use std::sync::Arc;

use spica_live_proto::GapReason;
use spica_model::{Lane, Place, Record, Seq};

use crate::SessionId;
use crate::want::Want;

/// A group, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupId {
    pub(crate) slot: u32,
    pub(crate) token: u64,
}

/// A subscription, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubToken {
    pub(crate) session: SessionId,
    pub(crate) token: u64,
}

/// What is to be done; the answer may come at any time later.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Give a new group what there is for it: [`Engine::load_states`](crate::Engine::load_states)
    /// for all states if it [wants them](Want::states), [`Engine::load_events`](crate::Engine) for
    /// each lane if it wants [each](Want::each), then [`Engine::loaded`](crate::Engine::loaded).
    Load {
        /// The group.
        group: GroupId,
        /// What it wants.
        want: Arc<Want>,
        /// Events up to here are asked for; later ones come as they happen.
        heads: Place,
    },
    /// Find out whether a place is one of this history: [`Engine::checked`](crate::Engine::checked).
    Check {
        /// Who has come back.
        sub: SubToken,
        /// The place.
        after: Place,
    },
    /// Read records again: [`Engine::replayed`](crate::Engine::replayed).
    Replay {
        /// For whom.
        sub: SubToken,
        /// What it wants.
        want: Arc<Want>,
        /// The lane.
        lane: Lane,
        /// From the record after this one.
        after: Seq,
        /// Up to this one.
        until: Seq,
        /// At least one record; and no more when their payloads have reached this.
        bytes: usize,
    },
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// The wanted records, in order.
    pub records: Vec<Arc<Record>>,
    /// Everything up to here was looked at.
    pub to: u64,
    /// What comes next and cannot be read: its first number, its last, and why.
    pub hole: Option<(u64, u64, GapReason)>,
}

/// An event of the tail of a lane.
#[derive(Debug, Clone)]
pub enum Past {
    /// A record that is wanted.
    Record(Arc<Record>),
    /// Records that cannot be read: the first number, the last, and why.
    Hole(u64, u64, GapReason),
}
