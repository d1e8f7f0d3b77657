//! The desk's thread: reign after reign.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::channels::{Answer, Dispatcher};
use crate::config::Settings;
use crate::error::DeskError;
use crate::handle::{Deps, Request};
use crate::metrics::Metrics;
use crate::reign::{Ended, Reign};
use crate::start::begin;
use crate::status::DeskStatus;
use crate::troubles::Reporter;

/// Pause before a reign that could not begin is tried again.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// What the thread holds as long as it lives.
pub(crate) struct Worker {
    pub(crate) deps: Deps,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) inbox: mpsc::Receiver<Request>,
    pub(crate) answers: mpsc::UnboundedReceiver<Answer>,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) troubles: Reporter,
    pub(crate) shown: watch::Sender<DeskStatus>,
    pub(crate) stopped: watch::Receiver<bool>,
}

impl Worker {
    /// Works while the node serves, until it is stopped.
    pub(crate) async fn run(mut self) {
        loop {
            let role = Arc::clone(&self.deps.role);
            tokio::select! {
                biased;
                () = stopped(&mut self.stopped) => return,
                () = role.began() => {}
                Some(request) = self.inbox.recv() => {
                    refuse(request);
                    continue;
                }
            }
            let ended = self.reign().await;
            self.shown.send_modify(|status| status.serves = false);
            match ended {
                Ended::Stopped => return,
                Ended::NotServing => {}
                Ended::Failed(error) => {
                    tracing::error!("the alarm desk cannot work, and tries again: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn reign(&mut self) -> Ended {
        let role = Arc::clone(&self.deps.role);
        let begun = tokio::select! {
            biased;
            () = stopped(&mut self.stopped) => return Ended::Stopped,
            () = role.ended() => return Ended::NotServing,
            begun = begin(&self.deps) => begun,
        };
        let mut reign = match begun.and_then(|begun| Reign::new(self, begun)) {
            Ok(reign) => reign,
            Err(error) => return Ended::Failed(error.to_string()),
        };
        let mut stop = reign.worker.stopped.clone();
        let reporter = reign.worker.troubles.clone();
        let report: Arc<dyn Fn(spica_cases::Trouble) + Send + Sync> =
            Arc::new(move |trouble| reporter.report(trouble));
        reign.worker.dispatcher.start(&report);
        let ended = tokio::select! {
            biased;
            () = stopped(&mut stop) => Ended::Stopped,
            () = role.ended() => Ended::NotServing,
            ended = reign.serve() => ended,
        };
        reign.worker.dispatcher.stop();
        ended
    }
}

/// Resolves when the desk is to stop.
async fn stopped(stopped: &mut watch::Receiver<bool>) {
    // The handle is gone: likewise.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn refuse(request: Request) {
    // Whoever asked may have gone.
    match request {
        Request::Order(_, answer) => drop(answer.send(Err(DeskError::NotServing))),
        Request::Test(_, answer) => drop(answer.send(Err(DeskError::NotServing))),
        // They stand in the list of troubles.
        Request::Troubles => {}
    }
}
