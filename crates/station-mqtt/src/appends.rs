//! A session's records on their way to the disk, and what is to follow when they are there.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use spica_journal::{CommitError, Durable, Ticket, Watermark};
use spica_model::{Lane, Seq};

/// What waits for durable records, lane by lane, in the order in which they were submitted. While
/// nothing waits it is nothing but two empty places: most sessions are idle most of the time.
#[derive(Debug)]
pub(crate) struct Appends<T> {
    lanes: [Option<Box<InLane<T>>>; 2],
}

/// What waits in a lane: one, and mostly no more.
#[derive(Debug)]
struct InLane<T> {
    durable: Option<Durable>,
    first: (Seq, T),
    more: VecDeque<(Seq, T)>,
}

impl<T> Default for Appends<T> {
    fn default() -> Self {
        Self {
            lanes: [None, None],
        }
    }
}

impl<T> Appends<T> {
    /// `then` is due when everything behind `ticket` is durable, and not before what was noted of the
    /// same lane before.
    pub(crate) fn wait(&mut self, lane: Lane, ticket: &Ticket, then: T) {
        self.add(lane, ticket.waits_for(), then);
    }

    /// `then` is due as soon as all that was noted of the lane before.
    pub(crate) fn behind(&mut self, lane: Lane, then: T) {
        self.add(lane, Seq::ZERO, then);
    }

    fn add(&mut self, lane: Lane, seq: Seq, then: T) {
        match &mut self.lanes[lane.index()] {
            Some(waiting) => {
                // A repeated record may stand before what is waited for already.
                let before = waiting.more.back().unwrap_or(&waiting.first).0;
                waiting.more.push_back((before.max(seq), then));
            }
            none => {
                *none = Some(Box::new(InLane {
                    durable: None,
                    first: (seq, then),
                    more: VecDeque::new(),
                }));
            }
        }
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
            let waiting = &mut self.lanes[lane.index()];
            let due = match waiting {
                Some(first) => first.poll(&watermarks[lane.index()], cx)?,
                None => Poll::Pending,
            };
            if due.is_ready()
                && let Some(then) = pop(waiting)
            {
                return Poll::Ready(Ok((lane, then)));
            }
        }
        Poll::Pending
    }
}

/// Takes the first that waits.
fn pop<T>(waiting: &mut Option<Box<InLane<T>>>) -> Option<T> {
    let mut lane = waiting.take()?;
    if let Some(next) = lane.more.pop_front() {
        let (_, then) = std::mem::replace(&mut lane.first, next);
        *waiting = Some(lane);
        return Some(then);
    }
    Some(lane.first.1)
}

impl<T> InLane<T> {
    /// Ready when the first is due.
    fn poll(
        &mut self,
        watermark: &Arc<Watermark>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), CommitError>> {
        let seq = self.first.0;
        if watermark.durable() < seq {
            let durable = self.durable.get_or_insert_with(|| watermark.reached(seq));
            match Pin::new(durable).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => {
                    self.durable = None;
                    result?;
                }
            }
        }
        self.durable = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn what_waits_comes_in_order_lane_by_lane_and_leaves_nothing() {
        let marks = [Seq(3), Seq(0)].map(|at| Arc::new(Watermark::new(at)));
        let mut cx = Context::from_waker(Waker::noop());
        let mut appends = Appends::default();
        appends.add(Lane::Critical, Seq(2), 'a');
        appends.add(Lane::Critical, Seq(4), 'b');
        // Of a record that stood there before: not before `b`, which was submitted before.
        appends.add(Lane::Critical, Seq(1), 'c');
        appends.add(Lane::Normal, Seq(1), 'd');
        appends.behind(Lane::Normal, 'e');
        let mut due = |appends: &mut Appends<char>| match appends.poll(&marks, &mut cx) {
            Poll::Ready(due) => due.ok(),
            Poll::Pending => None,
        };
        assert_eq!(due(&mut appends), Some((Lane::Critical, 'a')));
        assert_eq!(due(&mut appends), None);
        marks[1].advance(Seq(1));
        assert_eq!(due(&mut appends), Some((Lane::Normal, 'd')));
        assert_eq!(due(&mut appends), Some((Lane::Normal, 'e')));
        assert_eq!(due(&mut appends), None);
        marks[0].advance(Seq(9));
        assert_eq!(due(&mut appends), Some((Lane::Critical, 'b')));
        assert_eq!(due(&mut appends), Some((Lane::Critical, 'c')));
        assert!(appends.lanes.iter().all(Option::is_none));
    }
}
