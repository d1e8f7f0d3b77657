//! What operators order, and the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use spica_pair::star::State;
use spica_pair::{Event, Phase, Sync};
use spica_pair_proto::Control;
use spica_role::{Order, OrderError};
use tokio::sync::oneshot;

use super::Actor;

/// How long a hand-over may take when the node stops.
const STOP: Duration = Duration::from_secs(5);

type Answer = oneshot::Sender<Result<(), OrderError>>;

/// What an order comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// This node serves.
    Serve,
    /// It has handed over.
    HandOver,
}

/// What somebody waits for.
#[derive(Default)]
pub(super) struct Waiting {
    /// The connection on which this node asked to follow.
    pub(super) follow: Option<u64>,
    /// Whether an epoch of this node's is about to begin.
    pub(super) epoch: bool,
    /// An order, and what is its end.
    order: Option<(Goal, Answer)>,
    /// Stop when the hand-over is done, or at this time.
    stop_by: Option<Instant>,
}

impl Actor {
    pub(super) fn ordered(&mut self, order: Order, by: &Arc<str>, answer: Answer) {
        tracing::warn!(?order, by = &**by, "pair: an order");
        let refused = match order {
            Order::SwitchOver => self.order_switch_over(by),
            Order::Promote if self.leads => Some("this node is active already"),
            Order::Promote => {
                self.event(Event::Order(spica_pair::Order::Promote));
                None
            }
            Order::Rejoin => self.rejoin(),
        };
        match refused {
            Some(reason) => {
                // Who does not wait any more does not need it.
                let _ = answer.send(Err(OrderError::NotNow(reason.into())));
            }
            None if order == Order::Rejoin => {
                let _ = answer.send(Ok(()));
            }
            None => {
                let goal = if self.pair_hands_over() {
                    Goal::HandOver
                } else {
                    Goal::Serve
                };
                self.waiting.order = Some((goal, answer));
                self.look_at_orders();
            }
        }
    }

    fn pair_hands_over(&self) -> bool {
        matches!(
            self.pair.status().phase,
            Phase::HandingOver | Phase::Leaving
        )
    }

    fn order_switch_over(&mut self, by: &str) -> Option<&'static str> {
        let status = self.pair.status();
        match status.state {
            State::Active if status.sync == Sync::Complete => {
                self.event(Event::Order(spica_pair::Order::SwitchOver));
                (!self.pair_hands_over())
                    .then_some("the pair is in the middle of something: order it again in a moment")
            }
            State::Active => Some(
                "the partner does not hold everything yet: wait until `spica pair status` says that \
                 it is complete",
            ),
            State::Passive if status.partner_alive => {
                let by = by.to_owned();
                let said = self
                    .link
                    .as_ref()
                    .is_some_and(|link| link.say(Control::PleaseHandOver { by }));
                (!said).then_some("the link to the partner is down")
            }
            _ => Some("neither this node nor its partner is active"),
        }
    }

    pub(super) fn asked_to_hand_over(&mut self, by: &str) {
        tracing::warn!(by, "pair: the partner's operator wants it to take over");
        if let Some(reason) = self.order_switch_over(by) {
            tracing::warn!(reason, "pair: no switch-over");
        }
    }

    /// Begins again as one that holds nothing for sure: it follows whoever is active.
    fn rejoin(&mut self) -> Option<&'static str> {
        if self.leads {
            return Some("this node is active: switch over first");
        }
        self.leave(crate::handle::Restart::Again(
            spica_pair::Reason::DualPassive,
        ));
        None
    }

    /// Answers who waits for an order that is done.
    pub(super) fn look_at_orders(&mut self) {
        let (serves, phase) = (self.leads, self.pair.status().phase);
        let over = |(goal, _): &mut (Goal, Answer)| match goal {
            Goal::Serve => serves,
            Goal::HandOver => phase != Phase::HandingOver,
        };
        if let Some((goal, answer)) = self.waiting.order.take_if(over) {
            let done = match goal {
                Goal::HandOver if phase != Phase::Leaving => Err(OrderError::NotNow(
                    "the partner was lost before it could take over: this node goes on".into(),
                )),
                _ => Ok(()),
            };
            // Who does not wait any more does not need it.
            let _ = answer.send(done);
        }
        let now = self.parts.clock.monotonic();
        if let Some(by) = self.waiting.stop_by
            && (now >= by || !self.pair_hands_over())
        {
            self.end();
        }
    }

    /// Hands over first, if the partner can take over.
    pub(super) fn stop(&mut self) {
        let status = self.pair.status();
        if status.state == State::Active && status.sync == Sync::Complete {
            self.waiting.stop_by = Some(self.parts.clock.monotonic() + STOP);
            self.event(Event::Order(spica_pair::Order::SwitchOver));
            if self.pair_hands_over() {
                return;
            }
        }
        self.end();
    }

    fn end(&mut self) {
        self.event(Event::Stop);
        self.leads = false;
        self.ended = true;
    }
}
