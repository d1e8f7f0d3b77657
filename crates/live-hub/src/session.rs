//! One session, as its transport sees it.

use bytes::Bytes;
use smallvec::SmallVec;
use spica_live_proto::{Encoding, LimitChange, SubId, Subscribe};

/// What a client says that is the hub's to answer.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionFrame {
    /// Begin a subscription.
    Subscribe(Box<Subscribe>),
    /// New limits for a subscription, or for the session.
    Change {
        /// The subscription; the session if absent.
        sub: Option<SubId>,
        /// What changes.
        limits: LimitChange,
    },
    /// End a subscription.
    Unsubscribe(SubId),
    /// So many more bytes of `data` frames may be sent.
    Credit(u64),
    /// What is counted about this session.
    Stats {
        /// The number by which the answer names it.
        id: u64,
        /// The round trip, if the transport knows it, in milliseconds.
        rtt_ms: Option<f64>,
    },
}

/// Whole frames, in order; each is one WebSocket message.
pub type Frames = SmallVec<[Bytes; 2]>;

/// An open session. Dropping it closes it.
#[derive(Debug)]
pub struct Session {
    pub(crate) encoding: Encoding,
    pub(crate) engine_id: std::sync::Arc<str>,
}

impl Session {
    /// Tells the session what its client said. Answers come with the [next](Self::next) frames.
    pub fn say(&mut self, frame: SessionFrame) {
        drop(frame);
    }

    /// The next frames, encoded; waits for there to be any. Pending for ever once the hub has
    /// stopped. Safe to cancel: no frame is lost.
    pub async fn next(&mut self) -> Frames {
        std::future::pending().await
    }

    /// How the frames are encoded.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Changes with each start of the hub: numbers of topics hold for one.
    #[must_use]
    pub fn engine_id(&self) -> &str {
        &self.engine_id
    }
}
