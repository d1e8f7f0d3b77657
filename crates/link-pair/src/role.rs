//! The role of this node, for its other parts.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use spica_pair::star::State;
use spica_pair::{Gate, Phase, Status, Sync, Verdict};
use spica_role::{Order, OrderError, Role, Service, Standing};
use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::Input;

/// How long a request waits for a take-over that is under way.
const DECISION: Duration = Duration::from_secs(2);
/// How long an operator's order may take.
const ORDER: Duration = Duration::from_secs(10);

/// What other parts may know.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) status: Status,
    /// Whether records are taken in.
    pub(crate) leads: bool,
    pub(crate) partner_http: Option<Arc<str>>,
    pub(crate) notices: Arc<[Arc<str>]>,
}

/// The role of a node in a pair.
pub(crate) struct PairRole {
    pub(crate) shown: watch::Receiver<Shown>,
    pub(crate) inputs: mpsc::Sender<Input>,
}

impl Shown {
    fn serves(&self) -> bool {
        self.leads && self.status.state == State::Active && self.status.phase == Phase::Settled
    }

    fn service(&self) -> Service {
        if self.serves() {
            return Service::Here;
        }
        let there = self.status.partner_alive
            && self
                .status
                .partner
                .is_some_and(|(beat, _)| beat.state == State::Active);
        Service::Elsewhere {
            active: self.partner_http.clone().filter(|_| there),
        }
    }
}

impl Role for PairRole {
    fn serves(&self) -> bool {
        self.shown.borrow().serves()
    }

    fn request(&self) -> BoxFuture<'static, Service> {
        if self.serves() {
            return std::future::ready(Service::Here).boxed();
        }
        let (mut shown, inputs) = (self.shown.clone(), self.inputs.clone());
        async move {
            let (answer, verdict) = oneshot::channel();
            // So many votes at once say no more than one does.
            if inputs.try_send(Input::Vote(answer)).is_err() {
                return shown.borrow().service();
            }
            if verdict.await == Ok(Verdict::Wait) {
                let decided =
                    shown.wait_for(|shown| shown.serves() || shown.status.phase != Phase::Claiming);
                // Undecided is no.
                let _ = tokio::time::timeout(DECISION, decided).await;
            }
            let shown = shown.borrow().clone();
            shown.service()
        }
        .boxed()
    }

    fn ended(&self) -> BoxFuture<'static, ()> {
        let mut shown = self.shown.clone();
        async move {
            // The end of the pair is the end of the role, too.
            let _ = shown.wait_for(|shown| !shown.serves()).await;
        }
        .boxed()
    }

    fn began(&self) -> BoxFuture<'static, ()> {
        let mut shown = self.shown.clone();
        async move {
            if shown.wait_for(Shown::serves).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        .boxed()
    }

    fn standing(&self) -> Option<Standing> {
        let shown = self.shown.borrow().clone();
        let Status {
            side,
            state,
            phase,
            epoch,
            authority,
            gate,
            sync,
            partner_alive,
            partner,
            sound,
        } = shown.status;
        Some(Standing {
            side: side.as_str(),
            state: state.as_str(),
            phase: match phase {
                Phase::Settled => "settled",
                Phase::Claiming => "claiming",
                Phase::HandingOver => "handing-over",
                Phase::Leaving => "leaving",
                Phase::Refused(_) => "refused",
            },
            epoch,
            authority,
            gate: match gate {
                Gate::Closed => "closed",
                Gate::Pair => "pair",
                Gate::Solo => "solo",
            },
            sync: match sync {
                Sync::Absent => "absent",
                Sync::CatchingUp { .. } => "catching-up",
                Sync::Complete => "complete",
                Sync::Stale => "stale",
            },
            behind: match sync {
                Sync::CatchingUp { behind } => behind,
                _ => 0,
            },
            partner_alive,
            partner_state: partner.map(|(beat, _)| beat.state.as_str()),
            partner_http: shown.partner_http,
            partner_heard_ms: partner
                .map(|(_, ago)| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
            sound,
            notices: shown.notices.to_vec(),
        })
    }

    fn order(&self, order: Order, by: Arc<str>) -> BoxFuture<'static, Result<(), OrderError>> {
        let inputs = self.inputs.clone();
        async move {
            let (answer, done) = oneshot::channel();
            let stopping = || OrderError::NotNow("the node is stopping".into());
            let input = Input::Order { order, by, answer };
            inputs.send(input).await.map_err(|_| stopping())?;
            match tokio::time::timeout(ORDER, done).await {
                Ok(done) => done.unwrap_or_else(|_| Err(stopping())),
                Err(_) => Err(OrderError::TimedOut),
            }
        }
        .boxed()
    }
}
