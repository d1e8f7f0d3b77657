//! How the connections of a bridge stand: shown, logged, and a case when one is down for long.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use spica_handler::{Severity, Trouble, TroubleSink};
use spica_mqtt_client::{Client, State};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::bridge::Bridge;

/// A connection that is down for so long is a case.
const DOWN: Duration = Duration::from_secs(30);
/// The condition of it.
const BRIDGE_DOWN: &str = "bridge-down";

/// Looks at a connection until it is dropped.
pub(crate) struct Watch {
    task: JoinHandle<()>,
    connected: Gauge,
}

impl Watch {
    /// Looks at the connection `link` of a bridge: `in-normal`, `out-critical` and so on.
    pub(crate) fn begin(bridge: &Bridge, link: &str, client: &Client) -> Self {
        let parts = &bridge.0.parts;
        let connected = parts.metrics.connected(bridge.name(), link);
        let eye = Eye {
            name: bridge.name().to_owned(),
            link: link.to_owned(),
            connected: connected.clone(),
            troubles: Arc::clone(&parts.troubles),
            said: String::new(),
            is_down: false,
        };
        let task = parts.runtime.spawn(eye.look(client.state()));
        Self { task, connected }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
        self.connected.set(0);
    }
}

struct Eye {
    name: String,
    link: String,
    connected: Gauge,
    troubles: Arc<dyn TroubleSink>,
    /// What was logged last.
    said: String,
    is_down: bool,
}

impl Eye {
    async fn look(mut self, mut state: watch::Receiver<State>) {
        let mut down_at = Instant::now() + DOWN;
        loop {
            let now = state.borrow_and_update().clone();
            let (is_up, text) = match now {
                State::Connected(there) => (true, format!("connected to {}", there.server)),
                State::Connecting(None) => (false, String::new()),
                State::Connecting(Some(error)) | State::Ended(error) => (false, error.to_string()),
            };
            self.show(is_up, &text);
            if is_up {
                down_at = Instant::now() + DOWN;
                self.tell(false, text);
                if state.changed().await.is_err() {
                    return;
                }
                continue;
            }
            match timeout_at(down_at, state.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    let text = if text.is_empty() {
                        "no answer".to_owned()
                    } else {
                        text
                    };
                    self.tell(true, format!("the bridge is down for {DOWN:?} now: {text}"));
                    // It was told: from here on only a change is news.
                    if state.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn show(&mut self, is_up: bool, text: &str) {
        self.connected.set(i64::from(is_up));
        if text.is_empty() || self.said == text {
            return;
        }
        text.clone_into(&mut self.said);
        let (bridge, link) = (&self.name, &self.link);
        if is_up {
            tracing::info!(bridge, link, "{text}");
        } else {
            tracing::warn!(bridge, link, "{text}");
        }
    }

    fn tell(&mut self, is_down: bool, text: String) {
        if is_down && self.is_down {
            return;
        }
        self.is_down = is_down;
        self.troubles.tell(Trouble {
            source: format!("system/bridges/{}/{}", self.name, self.link),
            condition: BRIDGE_DOWN,
            severity: Severity::Medium,
            active: is_down,
            text,
        });
    }
}
