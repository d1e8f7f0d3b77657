//! A session's records on their way to the disk, and what is to follow when they are there.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use spica_journal::{CommitError, Durable, Ticket, Watermark};
use spica_model::{Lane, Seq};

/// What waits for durable records, lane by lane, in the order in which they were submitted.
#[derive(Debug)]
pub(crate) struct Appends<T> {
    lanes: [InLane<T>; 2],
}

#[derive(Debug)]
struct InLane<T> {
    waiting: VecDeque<(Seq, T)>,
    durable: Option<Durable>,
}

impl<T> Default for Appends<T> {
    fn default() -> Self {
        let lane = || InLane {
            waiting: VecDeque::new(),
            durable: None,
        };
        Self {
            lanes: [lane(), lane()],
        }
    }
}

impl<T> Appends<T> {
    /// `then` is due when everything behind `ticket` is durable, and not before what was noted of the
    /// same lane before.
    pub(crate) fn wait(&mut self, lane: Lane, ticket: &Ticket, then: T) {
        let waiting = &mut self.lanes[lane.index()].waiting;
        // A repeated record may stand before what is waited for already.
        let before = waiting.back().map_or(Seq::ZERO, |(seq, _)| *seq);
        waiting.push_back((before.max(ticket.waits_for()), then));
    }

    /// `then` is due as soon as all that was noted of the lane before.
    pub(crate) fn behind(&mut self, lane: Lane, then: T) {
        let waiting = &mut self.lanes[lane.index()].waiting;
        let before = waiting.back().map_or(Seq::ZERO, |(seq, _)| *seq);
        waiting.push_back((before, then));
    }

    /// Ready with what is due: each once.
    ///
    /// # Errors
    /// If a lane commits nothing any more.
    pub(crate) fn poll(
        &mut self,
        watermarks: &[Arc<Watermark>; 2],
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Lane, T), CommitError>> {
        for lane in Lane::ALL {
            let watermark = &watermarks[lane.index()];
            let polled = self.lanes[lane.index()].poll(watermark, cx)?;
            if let Poll::Ready(then) = polled {
                return Poll::Ready(Ok((lane, then)));
            }
        }
        Poll::Pending
    }
}

impl<T> InLane<T> {
    fn poll(
        &mut self,
        watermark: &Arc<Watermark>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, CommitError>> {
        let Some((seq, _)) = self.waiting.front() else {
            return Poll::Pending;
        };
        if watermark.durable() < *seq {
            let durable = self.durable.get_or_insert_with(|| watermark.reached(*seq));
            match Pin::new(durable).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => {
                    self.durable = None;
                    result?;
                }
            }
        }
        self.durable = None;
        match self.waiting.pop_front() {
            Some((_, then)) => {
                if self.waiting.is_empty() {
                    self.waiting = VecDeque::new();
                }
                Poll::Ready(Ok(then))
            }
            None => Poll::Pending,
        }
    }
}
