//! The port by which a node's parts ask whether they may serve.
//!
//! A node on its own always may ([`Alone`]). In a pair, the active may; a request to the passive is a
//! vote, and is served only if that makes the node active. Whoever is refused is told, where the
//! protocol can say so, who is active.
//!
//! What is not here: how it is decided. That is the pair's.

pub mod scripted;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use spica_model::Epoch;

/// A role that is shared between the parts of a node.
pub type SharedRole = Arc<dyn Role>;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// It is served here.
    Here,
    /// It is not.
    Elsewhere {
        /// The HTTP address of the active, such as `http://10.0.0.2:8080`, if it is known.
        active: Option<Arc<str>>,
    },
}

/// How a node stands in its pair, for health checks, metrics and people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `primary` or `backup`, by configuration.
    pub side: &'static str,
    /// `primary`, `backup`, `active` or `passive`.
    pub state: &'static str,
    /// `settled`, `claiming`, `handing-over`, `leaving` or `refused`.
    pub phase: &'static str,
    /// The epoch in which it is active or which it follows.
    pub epoch: Epoch,
    /// The newest epoch up to which it holds everything that was acknowledged.
    pub authority: Epoch,
    /// When it acknowledges: `closed`, `pair` or `solo`.
    pub gate: &'static str,
    /// `absent`, `catching-up`, `complete` or `stale`.
    pub sync: &'static str,
    /// How many records the passive lacks, if it catches up.
    pub behind: u64,
    /// Whether the partner's heartbeats come.
    pub partner_alive: bool,
    /// The partner's state, if it was ever seen since the start.
    pub partner_state: Option<&'static str>,
    /// The partner's HTTP address, if it is known.
    pub partner_http: Option<Arc<str>>,
    /// How long ago the partner's last heartbeat came, in milliseconds.
    pub partner_heard_ms: Option<u64>,
    /// Whether the journal is without damage that only the partner can make good.
    pub sound: bool,
    /// What the operator should know, the newest last.
    pub notices: Vec<Arc<str>>,
}

/// What an operator orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The active hands over to its partner; may be given to either.
    SwitchOver,
    /// This node becomes active, whatever it may lack.
    Promote,
    /// This node gives up its own journal where it differs from the active's, and follows.
    Rejoin,
}

/// Why an order is not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OrderError {
    /// The node has no partner.
    #[error("this node is not one of a pair: there is no [pair] in its configuration")]
    NoPair,
    /// It does not fit.
    #[error("{0}")]
    NotNow(Arc<str>),
    /// It was begun, but not seen to be done in time.
    #[error(
        "the order was given, but the pair has not carried it out in time; see `spica pair status`"
    )]
    TimedOut,
}

/// Whether, and as what, a node serves.
pub trait Role: Send + Sync + 'static {
    /// Whether the node serves now, without asking: cheap enough for every request.
    fn serves(&self) -> bool;

    /// A request has come: a vote. Resolves at once on an active node; on a passive one whose partner
    /// is gone, when the take-over is decided.
    fn request(&self) -> BoxFuture<'static, Service>;

    /// Resolves when the node serves no more; never on a node on its own.
    fn ended(&self) -> BoxFuture<'static, ()>;

    /// Resolves when the node serves.
    fn began(&self) -> BoxFuture<'static, ()>;

    /// How it stands in its pair; none without a partner.
    fn standing(&self) -> Option<Standing>;

    /// Carries out an operator's order; resolves when it is done.
    fn order(&self, order: Order, by: Arc<str>) -> BoxFuture<'static, Result<(), OrderError>>;
}

/// A node without a partner.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Role for Alone {
    fn serves(&self) -> bool {
        true
    }

    fn request(&self) -> BoxFuture<'static, Service> {
        std::future::ready(Service::Here).boxed()
    }

    fn ended(&self) -> BoxFuture<'static, ()> {
        std::future::pending().boxed()
    }

    fn began(&self) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }

    fn standing(&self) -> Option<Standing> {
        None
    }

    fn order(&self, _: Order, _: Arc<str>) -> BoxFuture<'static, Result<(), OrderError>> {
        std::future::ready(Err(OrderError::NoPair)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn a_node_on_its_own_serves_and_takes_no_orders() {
        assert!(Alone.serves());
        assert_eq!(block_on(Alone.request()), Service::Here);
        assert!(Alone.ended().now_or_never().is_none());
        assert!(Alone.began().now_or_never().is_some());
        assert_eq!(Alone.standing(), None);
        let refused = block_on(Alone.order(Order::SwitchOver, "alice".into()));
        assert!(matches!(refused, Err(OrderError::NoPair)));
    }
}
