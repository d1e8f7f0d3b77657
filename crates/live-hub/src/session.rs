//! One session, as its transport sees it.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use spica_live::{Drain, SessionId};
use spica_live_proto::Encoding;
use spica_model::Lane;

pub use spica_live::{Frames, SessionFrame};

use crate::shared::Shared;

/// An open session. Dropping it closes it.
pub struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: SessionId,
    pub(crate) encoding: Encoding,
    pub(crate) drain: Drain,
}

impl Session {
    /// Tells the session what its client said. Answers come with the [next](Self::next) frames.
    pub fn say(&mut self, frame: SessionFrame) {
        let (id, journal) = (self.id, &self.shared.journal);
        let durable = matches!(frame, SessionFrame::Subscribe(_))
            .then(|| Lane::ALL.map(|lane| journal.status(lane).durable));
        self.shared.with(|core, now| {
            if let Some(durable) = durable {
                core.engine.durable(durable);
            }
            core.engine.say(id, frame, now);
        });
    }

    /// Notes that the client's link has taken `bytes`, and how long it has taken nothing meanwhile
    /// although there was more: on a thin link frames get so small that what waits stays here, where
    /// it is conflated.
    pub fn took(&mut self, bytes: usize, waited: Duration) {
        self.drain.took(bytes, waited);
    }

    /// Bytes that the link takes in a quarter of a second, if it has ever been waited for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.drain.room()
    }

    /// The next frames, encoded, with about so many bytes of values as there is `room` for; waits for
    /// there to be any. Pending for ever once the hub has stopped. Safe to cancel: no frame is lost.
    pub async fn next(&mut self, room: usize) -> Frames {
        let (shared, id) = (&self.shared, self.id);
        std::future::poll_fn(|cx| {
            let frames = shared.with(|core, now| {
                let frames = core.engine.turn_within(id, room, now);
                if frames.is_empty() {
                    core.wait(id, cx.waker());
                }
                frames
            });
            if frames.is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(frames)
            }
        })
        .await
    }

    /// How the frames are encoded.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Changes with each start of the hub: numbers of topics hold for one.
    #[must_use]
    pub fn engine_id(&self) -> &str {
        &self.shared.engine_id
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let id = self.id;
        self.shared.with(|core, now| {
            core.forget(id);
            core.engine.close(id, now);
        });
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}
