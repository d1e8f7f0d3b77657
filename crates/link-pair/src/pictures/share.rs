//! Pictures as the rest of the node gives and fetches them.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use spica_objects::{Address, Share};
use spica_pair::Gate;
use tokio::sync::{oneshot, watch};

use super::{Counterpart, Gift, Keep};
use crate::role::Shown;

/// How long a picture may take to the partner before its record is written without waiting on.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one may take that this node lacks; then it asks again.
const FETCH: Duration = Duration::from_secs(60);

/// What has become of a picture that this node lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// It is here.
    Here,
    /// The partner does not have it either, or it cannot be kept here.
    Nowhere,
    /// The link is down, or too slow: ask again later.
    NotNow,
}

/// Gives pictures to the partner, and fetches those that are missing here.
#[derive(Debug, Clone)]
pub struct PairShare {
    pub(crate) shown: watch::Receiver<Shown>,
    pub(crate) present: watch::Receiver<Option<Counterpart>>,
}

/// Whether the partner must have a picture.
enum Must {
    /// It must.
    Have,
    /// Not as things are: it gets the picture later.
    Not,
    /// Nothing is acknowledged for now; that will be decided.
    Undecided,
}

impl PairShare {
    fn must(&mut self) -> Must {
        let shown = self.shown.borrow_and_update();
        if !shown.leads {
            return Must::Not;
        }
        match shown.status.gate {
            Gate::Pair => Must::Have,
            Gate::Solo => Must::Not,
            Gate::Closed => Must::Undecided,
        }
    }

    /// Whether the partner has it now, or has refused it.
    async fn give(&mut self, address: &Address) -> bool {
        let link = self.present.borrow_and_update().clone();
        let Some(link) = link else { return false };
        let (done, given) = oneshot::channel();
        let address = address.clone();
        link.gifts.send(Gift { address, done }).await.is_ok() && given.await.is_ok()
    }

    async fn share(mut self, address: Address) {
        loop {
            match self.must() {
                Must::Not => return,
                Must::Undecided => {}
                Must::Have => match tokio::time::timeout(PATIENCE, self.give(&address)).await {
                    Ok(true) => return,
                    // The link is down: either it comes back, or the partner is done without.
                    Ok(false) => {}
                    Err(_) => {
                        return tracing::error!(
                            %address,
                            "pair: a picture takes more than {PATIENCE:?} to the partner: its record \
                             does not wait any longer, the partner asks for the picture later"
                        );
                    }
                },
            }
            let changed = tokio::select! {
                changed = self.shown.changed() => changed,
                changed = self.present.changed() => changed,
            };
            if changed.is_err() {
                // The node stops: nothing is acknowledged any more.
                return;
            }
        }
    }

    /// Fetches a picture that is missing here from the partner. One at a time.
    pub async fn fetch(&self, address: &Address) -> Fetched {
        let link = self.present.borrow().clone();
        let Some(link) = link else {
            return Fetched::NotNow;
        };
        let (done, came) = oneshot::channel();
        let want = Keep::Want(address.clone(), done);
        if link.keep.send(want).await.is_err() {
            return Fetched::NotNow;
        }
        match tokio::time::timeout(FETCH, came).await {
            Ok(Ok(true)) => Fetched::Here,
            Ok(Ok(false)) => Fetched::Nowhere,
            Ok(Err(_)) | Err(_) => Fetched::NotNow,
        }
    }

    /// Resolves when there is a partner to ask.
    pub async fn partner(&self) {
        let mut present = self.present.clone();
        if present.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Share for PairShare {
    fn shared(&self, address: &Address) -> BoxFuture<'static, ()> {
        self.clone().share(address.clone()).boxed()
    }
}
