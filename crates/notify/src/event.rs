//! What a channel has to say without being asked.

use std::fmt;
use std::sync::Arc;

/// News of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A standing session or a supervised path is gone. Told once, until it is restored.
    PathFailed {
        /// The channel's name.
        channel: Arc<str>,
        /// The path within it, such as `session`, `primary`, `secondary`.
        path: Arc<str>,
        /// What is wrong, in a line for people.
        text: String,
    },
    /// It is back. Told once, after it had failed.
    PathRestored {
        /// The channel's name.
        channel: Arc<str>,
        /// The path within it.
        path: Arc<str>,
    },
    /// What became of a message that was delivered as far as [`send`](crate::Channel::send) knew.
    Receipt {
        /// The channel's name.
        channel: Arc<str>,
        /// The message's key.
        key: String,
        /// Whether it reached the receiver.
        arrived: bool,
        /// What the provider said.
        text: String,
    },
}

/// Where a channel's events go. It is called from the channel's own tasks: it must neither block nor
/// take long.
#[derive(Clone)]
pub struct EventSink(Arc<dyn Fn(Event) + Send + Sync>);

impl EventSink {
    /// Events go to `take`.
    pub fn new(take: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Nobody wants to know.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(drop)
    }

    /// Tells an event.
    pub fn tell(&self, event: Event) {
        (self.0)(event);
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventSink")
    }
}
