//! The memory that bodies may take, in all: of requests while they are read and handled, of answers
//! until they are sent. One budget, so that slow clients and large pages cannot add up without end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// What one permit stands for.
const UNIT_BYTES: usize = 1_024;

/// The budget.
#[derive(Debug, Clone)]
pub(crate) struct Buffers(Arc<Semaphore>);

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Buffers {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            (bytes / UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS),
        )))
    }

    /// Takes room for `bytes`.
    ///
    /// # Errors
    /// 503 if there is none now.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<Reserved, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.0).try_acquire_many_owned(units);
        permit.map(Reserved).map_err(|_| {
            Problem::busy("the memory for bodies is in use (http.bodies_limit); try again later")
        })
    }
}

/// A body that keeps something until it is sent or given up.
pub(crate) struct Held<G> {
    body: Body,
    _guard: G,
}

/// `body`, which keeps `guard` until it is sent or given up.
pub(crate) fn hold<G: Send + Unpin + 'static>(body: Body, guard: G) -> Body {
    Body::new(Held {
        body,
        _guard: guard,
    })
}

impl<G: Unpin> HttpBody for Held<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemKind;

    #[test]
    fn the_budget_is_refused_at_its_limit_and_comes_back() {
        let buffers = Buffers::new(4 * UNIT_BYTES);
        let first = buffers.reserve(3 * UNIT_BYTES).unwrap();
        let refused = buffers.reserve(UNIT_BYTES + 1).unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::Busy);
        let second = buffers.reserve(UNIT_BYTES).unwrap();
        drop((first, second));
        buffers.reserve(4 * UNIT_BYTES).unwrap();
    }

    #[tokio::test]
    async fn a_held_body_gives_back_when_it_is_dropped_and_keeps_its_length() {
        let buffers = Buffers::new(UNIT_BYTES);
        let body = hold(Body::from("abc"), buffers.reserve(1).unwrap());
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(buffers.reserve(1).is_err());
        let bytes = axum::body::to_bytes(body, 10).await.unwrap();
        assert_eq!(&bytes[..], b"abc");
        buffers.reserve(1).unwrap();
    }
}
