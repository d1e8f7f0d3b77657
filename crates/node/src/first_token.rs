//! The first admin token of a pair.

use std::sync::Arc;

use spica_clock::SharedClock;
use spica_journal::SharedJournal;
use spica_role::SharedRole;
use spica_views::Views;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The first admin token of a pair: made when this node becomes active, if there is none.
pub(crate) fn make(
    role: SharedRole,
    journal: SharedJournal,
    views: &Arc<Views>,
    clock: &SharedClock,
) -> (oneshot::Receiver<String>, JoinHandle<()>) {
    let (made, token) = oneshot::channel();
    let (views, clock) = (Arc::clone(views), Arc::clone(clock));
    let task = tokio::spawn(async move {
        role.began().await;
        match spica_http::bootstrap(&*journal, &views, &*clock).await {
            // Who started the node is gone, or wants no token.
            Ok(Some(secret)) => drop(made.send(secret.reveal())),
            Ok(None) => {}
            Err(error) => tracing::warn!("the first admin token cannot be made: {error}"),
        }
    });
    (token, task)
}
