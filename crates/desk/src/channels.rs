//! Messages on their way out.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use spica_alerts::{Message, NoticeId, Outcome};
use spica_cases::{Severity, Trouble};
use spica_notify::{Event, EventSink, SharedChannel};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::metrics::Metrics;
use crate::status::ChannelStatus;

/// Messages of one channel that are on their way at once: what is more waits in the desk, where it is
/// durable, and the newest state of its case counts.
const IN_FLIGHT: usize = 16;

/// The channels of a node, by name.
#[derive(Clone, Default)]
pub struct Channels(BTreeMap<String, SharedChannel>);

impl Channels {
    /// These channels. Of two with one name the last one counts.
    #[must_use]
    pub fn new(channels: impl IntoIterator<Item = SharedChannel>) -> Self {
        let named = channels.into_iter();
        Self(
            named
                .map(|channel| (channel.name().to_owned(), channel))
                .collect(),
        )
    }

    /// How they stand.
    pub(crate) fn status(&self) -> Vec<ChannelStatus> {
        let status = |(name, channel): (&String, &SharedChannel)| ChannelStatus {
            name: name.clone(),
            kind: channel.kind(),
            health: channel.health(),
        };
        self.0.iter().map(status).collect()
    }
}

/// What became of a message.
pub(crate) type Answer = (NoticeId, Outcome);

/// Sends messages, each in a task of its own, and says what became of them.
pub(crate) struct Dispatcher {
    channels: Channels,
    /// Where the tasks run: not on the desk's own thread.
    runtime: Handle,
    answers: mpsc::UnboundedSender<Answer>,
    in_flight: Arc<Mutex<BTreeMap<String, usize>>>,
    metrics: Metrics,
}

impl Dispatcher {
    /// A dispatcher, and where the answers come. There are never more of them than messages may be on
    /// their way at once.
    pub(crate) fn new(
        channels: Channels,
        runtime: Handle,
        metrics: Metrics,
    ) -> (Self, mpsc::UnboundedReceiver<Answer>) {
        let (answers, received) = mpsc::unbounded_channel();
        let dispatcher = Self {
            channels,
            runtime,
            answers,
            in_flight: Arc::default(),
            metrics,
        };
        (dispatcher, received)
    }

    /// Begins the standing sessions; what happens to them is told to `report`.
    pub(crate) fn start(&self, report: &Arc<dyn Fn(Trouble) + Send + Sync>) {
        let _here = self.runtime.enter();
        for channel in self.channels.0.values() {
            let report = Arc::clone(report);
            channel.start(EventSink::new(move |event| told(event, &*report)));
        }
    }

    /// Ends the standing sessions: only the node that serves has any.
    pub(crate) fn stop(&self) {
        for channel in self.channels.0.values() {
            let channel = Arc::clone(channel);
            self.runtime.spawn(async move { channel.stop().await });
        }
    }

    /// How many more messages may go out by a channel now. One that is not there takes any: they are
    /// refused at once, so that another channel is tried.
    pub(crate) fn room(&self, channel: &str) -> usize {
        let in_flight = self.in_flight.lock().get(channel).copied();
        IN_FLIGHT.saturating_sub(in_flight.unwrap_or_default())
    }

    /// Sends a message by `channel`.
    pub(crate) fn send(&self, channel: &str, message: Message) {
        let id = message.notice;
        let name = channel.to_owned();
        let Some(sender) = self.channels.0.get(channel).map(Arc::clone) else {
            let answer = format!("there is no channel {channel:?} in the plan file of this node");
            // The desk is gone: so is the node.
            let _ = self.answers.send((id, Outcome::Refused { answer }));
            return;
        };
        *self.in_flight.lock().entry(name.clone()).or_default() += 1;
        let (answers, in_flight) = (self.answers.clone(), Arc::clone(&self.in_flight));
        let metrics = self.metrics.clone();
        let sending = self
            .runtime
            .spawn(async move { sender.send(&message).await });
        self.runtime.spawn(async move {
            let outcome = sending.await.unwrap_or_else(|_| Outcome::Retry {
                answer: "the channel has panicked".into(),
                after: None,
            });
            if let Some(count) = in_flight.lock().get_mut(&name) {
                *count = count.saturating_sub(1);
            }
            metrics.attempted(&name, &outcome);
            // The desk is gone: so is the node.
            let _ = answers.send((id, outcome));
        });
    }
}

/// A path by which help is called that is down is a trouble of the node.
fn told(event: Event, report: &(dyn Fn(Trouble) + Send + Sync)) {
    let (channel, path, active, text) = match event {
        Event::PathFailed {
            channel,
            path,
            text,
        } => (channel, path, true, text),
        Event::PathRestored { channel, path } => (channel, path, false, String::new()),
        Event::Receipt {
            channel,
            key,
            arrived,
            text,
        } => {
            tracing::info!(%channel, key, arrived, text, "a provider says what became of a message");
            return;
        }
    };
    report(Trouble {
        source: format!("system/channels/{channel}/{path}"),
        condition: "path-failed".into(),
        severity: Severity::High,
        active,
        text,
        detail: serde_json::Value::Null,
    });
}
