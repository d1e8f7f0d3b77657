//! What happens to a half of a pair.

use spica_model::{Epoch, Lane, Seq};

use crate::witness::Answer;
use crate::{Beat, Durable};

/// What the two nodes say to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// I live, and stand like this.
    Beat(Beat),
    /// The active: you are close enough; I acknowledge nothing any more that you do not have. Note
    /// that you are complete as soon as you have everything up to these ends.
    Promise {
        /// The reign in which the passive is complete then.
        epoch: Epoch,
        /// What was acknowledged without it, at the most.
        ends: [Seq; 2],
    },
    /// The passive: it is noted durably.
    Kept {
        /// The reign.
        epoch: Epoch,
    },
    /// The active: you have everything and I acknowledge nothing any more; take over.
    Handover {
        /// The reign that ends.
        epoch: Epoch,
    },
    /// I stop, and will not serve before I have started again.
    Farewell,
}

/// What an operator orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The active hands over to its partner.
    SwitchOver,
    /// This node becomes active whatever it may lack.
    Promote,
}

/// What happens to a half of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Time has passed: see [`Pair::deadline`](crate::Pair::deadline).
    Tick,
    /// The node's own journal and core have answered (ALIVE!). Also said when records of a new epoch
    /// have come from the partner, before they are acknowledged to it.
    Answered {
        /// The durable ends of its lanes.
        ends: [Seq; 2],
        /// The newest epoch of its journal.
        epoch: Epoch,
    },
    /// The partner has said something.
    Received(Message),
    /// A client, a child or a voter asks for service: a vote.
    Request,
    /// The witness has answered the question about this epoch.
    Witness {
        /// The epoch that was asked for.
        epoch: Epoch,
        /// What it says.
        answer: Answer,
    },
    /// The journal has durably begun the epoch.
    EpochBegun {
        /// The epoch.
        epoch: Epoch,
    },
    /// The journal has begun a later epoch meanwhile: records of the partner's came first.
    EpochRefused {
        /// The newest epoch of the journal.
        newest: Epoch,
    },
    /// What was to be stored is durable.
    Stored(Durable),
    /// On the active: how many records of each lane the partner lacks; `None` if it does not follow.
    Lag(Option<[u64; 2]>),
    /// On the active: the partner says that it lives but takes no records, and may not hold up
    /// acknowledgements any longer.
    PartnerStuck,
    /// On the active: whether somebody waits for the acknowledgement of a record that was taken in
    /// here. The pair's own notices do not count: they come by themselves when a partner is lost.
    Awaited(bool),
    /// The node's journal has found damaged records while it runs. Said again as long as it is so.
    Damaged,
    /// The follower's journal is not a beginning of the active's.
    Parted {
        /// The lane.
        lane: Lane,
        /// The last place that both have in common.
        common: Seq,
    },
    /// An operator's order.
    Order(Order),
    /// On an active that hands over: nothing more comes in, and all that was acknowledged is on both.
    Drained,
    /// The node is told to stop.
    Stop,
}
