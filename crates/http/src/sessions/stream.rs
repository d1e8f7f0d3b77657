//! A session that is read as server-sent events: piece by piece, as its link takes them.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::link::{Link, Taken};
use crate::sessions::room::{Read, Reader};
use crate::sse;

/// What is read.
pub(crate) struct Stream {
    reader: Reader,
    /// The number of the last frame that was given.
    at: u64,
    /// The link, if there is one.
    link: Option<Arc<Link>>,
    /// How often the link had taken everything when something was given.
    flushes: Option<u64>,
}

impl Stream {
    /// What `reader` gets after the frame `at`, over `link`.
    pub(crate) fn new(reader: Reader, at: u64, link: Option<Arc<Link>>) -> Self {
        if let Some(link) = &link {
            // What it took before says nothing of this stream.
            link.taken();
        }
        Self {
            reader,
            at,
            link,
            flushes: None,
        }
    }

    /// The next piece: not before the link has taken the last one. None if there are no more.
    pub(crate) async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        let taken = self.taken().await;
        self.reader.hand_over(self.at, taken);
        let Read::Frames(frames, last) = self.reader.after(self.at).await else {
            return None;
        };
        let mut piece = Vec::new();
        for (id, frame) in (self.at + 1..).zip(&frames) {
            sse::message(&mut piece, id, frame);
        }
        self.at = last;
        if let Some(link) = &self.link {
            link.keep_unsent(self.reader.room());
            self.flushes = Some(link.flushes());
        }
        Some((Ok(piece.into()), self))
    }

    /// Waits until the link has taken what was given.
    async fn taken(&self) -> Taken {
        let (Some(link), Some(flushes)) = (&self.link, self.flushes) else {
            return Taken::default();
        };
        link.flushed_since(flushes).await;
        link.taken()
    }
}
